import pytest
import torch
from torch import Tensor

from locutor.audio.level import PEAK_LIMIT
from locutor.engines.base import Utterance
from locutor.engines.builtin import solve as solve_module
from locutor.engines.builtin.network import AlignedDiT
from locutor.engines.builtin.solve import LEVEL, RESCALED, Prepared, Solve, SolveOptions, levelled, rescaled
from locutor.engines.vocos import Vocos, VocosConfig
from locutor.types import SynthesisOptions

UNHEARD = Vocos(VocosConfig(dim=8, intermediate_dim=8, n_layers=1))


def utterance(tiny: AlignedDiT, n_frames: int, seed: int) -> Utterance:
    tokens = torch.randint(1, 13, (n_frames,), generator=torch.Generator().manual_seed(seed))
    mel = torch.randn(1, 12 + 2 * seed, 20, generator=torch.Generator().manual_seed(seed))
    state = Prepared(
        tokens=tokens,
        language=torch.zeros_like(tokens),
        voice=tiny.encode_reference(mel),
        no_voice=tiny.encode_reference(mel, dropped=torch.tensor([True])),
    )
    return Utterance(text="", n_frames=n_frames, seed=seed, state=state)


def start(tiny: AlignedDiT, spoken: list[Utterance], **options: float) -> Solve:
    return Solve(tiny, UNHEARD, spoken, SolveOptions(**options))  # type: ignore[arg-type]


def finish(solve: Solve, n: int) -> list[Tensor]:
    while not solve.done:
        solve.step()
    mels = solve.mels()
    assert len(mels) == n
    return [mel.T for mel in mels]


def test_none_means_the_models_own_choice() -> None:
    assert SolveOptions.of(SynthesisOptions()) == SolveOptions()
    given = SynthesisOptions(nfe_step=3, cfg_strength=0.0, sway_sampling_coef=0.0)
    assert SolveOptions.of(given) == SolveOptions(nfe_step=3, cfg_strength=0.0, sway_sampling_coef=0.0)


@pytest.mark.parametrize("n", [1, 4, 5])
def test_steps_are_counted(tiny: AlignedDiT, n: int) -> None:
    solve = start(tiny, [utterance(tiny, 9, 1)], nfe_step=n)
    for _ in range(n):
        assert not solve.done
        solve.step()
    assert solve.done


@pytest.mark.parametrize("n_frames", [1, 2, 9, 10])
def test_the_mel_has_the_length_that_was_asked_for(tiny: AlignedDiT, n_frames: int) -> None:
    (mel,) = finish(start(tiny, [utterance(tiny, n_frames, 1)], nfe_step=2), 1)
    assert mel.shape == (20, n_frames)


@pytest.mark.parametrize("cfg_strength", [0.0, 2.0])
def test_those_who_stay_are_not_changed(tiny: AlignedDiT, cfg_strength: float) -> None:
    spoken = [utterance(tiny, n, s) for n, s in ((11, 1), (30, 2), (16, 3))]
    alone = [finish(start(tiny, [u], nfe_step=5, cfg_strength=cfg_strength), 1)[0] for u in spoken]
    solve = start(tiny, spoken, nfe_step=5, cfg_strength=cfg_strength)
    solve.step()
    solve.step()
    solve.keep([0, 2])  # the longest leaves
    for mel, wanted in zip(finish(solve, 2), (alone[0], alone[2]), strict=True):
        assert mel.shape == wanted.shape and (mel - wanted).abs().max() <= 1e-4


def test_guidance_is_a_weighted_difference(tiny: AlignedDiT, monkeypatch: pytest.MonkeyPatch) -> None:
    """One Euler step is linear in the guidance, so strength 2 lies as far from 1 as 1 from 0."""
    monkeypatch.setattr(solve_module, "RESCALED", 0.0)
    spoken = [utterance(tiny, 14, 4)]
    none, one, two = (finish(start(tiny, spoken, nfe_step=1, cfg_strength=s), 1)[0] for s in (0.0, 1.0, 2.0))
    assert (one - none).abs().max() > 0.01
    assert ((two - one) - (one - none)).abs().max() < 1e-4


@pytest.mark.parametrize(("steps_left", "alike"), [(1, True), (2, False)])
def test_the_last_step_of_eight_is_not_guided(tiny: AlignedDiT, steps_left: int, alike: bool) -> None:
    spoken = [utterance(tiny, 14, 4), utterance(tiny, 23, 5)]
    solves = [start(tiny, spoken, nfe_step=8, cfg_strength=s) for s in (0.0, 2.0)]
    for solve in solves:
        del solve._times[: -1 - steps_left]
    weak, strong = ([*finish(solve, 2)] for solve in solves)
    assert all((a - b).abs().max() < 1e-5 for a, b in zip(weak, strong, strict=True)) == alike


def test_guidance_withholds_the_reference_alone_at_first(tiny: AlignedDiT) -> None:
    """With another text to steer away from, the first five of eight steps stay the same, and the sixth does not."""
    spoken = [utterance(tiny, 14, 4), utterance(tiny, 23, 5)]
    one, other = (start(tiny, spoken, nfe_step=8) for _ in range(2))
    other._no_text = other._no_text + 1.0
    for step in range(6):
        one.step()
        other.step()
        assert torch.equal(one._state, other._state) == (step < 5), step


def test_guided_speech_is_brought_back_towards_its_own_spread() -> None:
    x, cond, more = torch.randn(3, 2, 40, 100, generator=torch.Generator().manual_seed(0)).unbind(0)
    steered, lengths, time = cond + 1.5 * more, [40, 24], 0.25
    made = x + (1 - time) * rescaled(x, cond, steered, time, lengths)
    for i, n in enumerate(lengths):
        plain, told = (float((x + (1 - time) * v)[i, :n].std()) for v in (cond, steered))
        assert float(made[i, :n].std()) == pytest.approx((1 - RESCALED) * told + RESCALED * plain, rel=1e-4)
    assert torch.equal(rescaled(x, cond, steered, time, lengths)[1, :24], _cut(x, cond, steered, time, 1, 24))


def _cut(x: torch.Tensor, cond: torch.Tensor, steered: torch.Tensor, time: float, i: int, n: int) -> torch.Tensor:
    """The same of one sample alone."""
    alone = (part[i : i + 1, :n] for part in (x, cond, steered))
    return rescaled(*alone, time, [n])[0]


@pytest.mark.parametrize("peak", [0.0, 0.2, 1.4, 3.0])
def test_no_peak_is_clipped_and_quieter_audio_gets_the_level_of_training(peak: float) -> None:
    audio = peak * torch.tensor([0.1, -1.0, 0.5])
    made = levelled(audio)
    assert made.abs().max() <= PEAK_LIMIT + 1e-6
    assert torch.allclose(made, audio * (LEVEL if peak * LEVEL <= PEAK_LIMIT else PEAK_LIMIT / peak))
    assert levelled(audio[:0]).shape == (0,)
