"""The loss of XTTS-v2 equals coqui-tts' where that is right, and leaves out what the prompt told where it is not."""

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch
from torch import Tensor

from locutor.engines.xtts.dvae import CodeEncoder
from locutor.engines.xtts.gpt import Gpt
from locutor.engines.xtts.mel import CODE_MEL, log_mel, resample
from locutor.training import xtts
from locutor.training.xtts import IGNORED, Example, _codes, losses, visible

GOLDENS = Path(__file__).parents[1] / "goldens" / "xtts"
CLIPS = ((6.3, 24_000, 120.0), (2.9, 22_050, 180.0))  # as in make_xtts_goldens.py
HEARD = (20, 50)


@cache
def golden() -> dict[str, Tensor]:
    with np.load(GOLDENS / "training.npz") as arrays:
        return {key: torch.from_numpy(arrays[key]) for key in arrays.files if arrays[key].dtype.kind != "U"}


def names() -> list[str]:
    with np.load(GOLDENS / "training.npz") as arrays:
        return [str(name) for name in arrays["parameters"]]


def clip_of(i: int, heard: tuple[int, int] = (0, 0)) -> Example:
    tokens, codes, prompt = (golden()[f"{name}_{i}"] for name in ("tokens", "codes", "prompt"))
    n_codes = -(-CLIP_SAMPLES[i] // 1024)
    return Example(tuple(tokens.tolist()), codes[:n_codes].long(), prompt, heard)


CLIP_SAMPLES = (3 * 22_050, round(2.9 * 22_050))


@pytest.fixture
def gpt(kit: ModuleType) -> Gpt:
    return kit.tiny_network().gpt.requires_grad_(True)


@pytest.mark.parametrize(("name", "batch"), [("two", [(0, (0, 0)), (1, (0, 0))]), ("one", [(0, HEARD)])])
def test_losses_and_gradients_are_upstreams(gpt: Gpt, name: str, batch: list[tuple[int, tuple[int, int]]]) -> None:
    found = losses(gpt, [clip_of(i, heard) for i, heard in batch])
    torch.testing.assert_close(found.text, golden()[f"{name}_text"], rtol=0, atol=1e-5)
    torch.testing.assert_close(found.codes, golden()[f"{name}_mel"], rtol=0, atol=1e-5)
    found.total.backward()
    norms = {key: p.grad.norm() for key, p in gpt.named_parameters() if p.grad is not None}
    assert sorted(norms) == names()
    torch.testing.assert_close(
        torch.stack([norms[k] for k in names()]), golden()[f"{name}_gradients"], rtol=1e-3, atol=1e-6
    )


def one_stop(patch: pytest.MonkeyPatch, gpt: Gpt) -> None:
    patch.setattr(xtts, "N_STOPS", 1)


def last_text_token_is_seen(patch: pytest.MonkeyPatch, gpt: Gpt) -> None:
    def seen(examples: list[Example], n_latents: int) -> Tensor:
        mask = visible(examples, n_latents)
        stop = n_latents + len(examples[0].tokens) + 1
        mask[0, 0, stop:, stop] = True
        return mask

    patch.setattr(xtts, "visible", seen)


def prompt_is_learned(patch: pytest.MonkeyPatch, gpt: Gpt) -> None:
    kept = xtts._codes
    patch.setattr(xtts, "_codes", lambda gpt, batch: kept(gpt, [replace(e, heard=(0, 0)) for e in batch]))


def prompt_is_left_out_too_far(patch: pytest.MonkeyPatch, gpt: Gpt) -> None:
    kept = xtts._codes
    far = (4 * HEARD[0], 4 * HEARD[1])
    patch.setattr(xtts, "_codes", lambda gpt, batch: kept(gpt, [replace(e, heard=far) for e in batch]))


def norm_is_left_out(patch: pytest.MonkeyPatch, gpt: Gpt) -> None:
    gpt.final_norm = torch.nn.Identity()


def future_is_seen(patch: pytest.MonkeyPatch, gpt: Gpt) -> None:
    patch.setattr(xtts, "visible", lambda batch, n: torch.ones_like(visible(batch, n)))


@pytest.mark.parametrize(
    "mutate",
    [
        one_stop,
        last_text_token_is_seen,
        prompt_is_learned,
        prompt_is_left_out_too_far,
        norm_is_left_out,
        future_is_seen,
    ],
)
def test_another_loss_is_told_from_upstreams(
    gpt: Gpt, monkeypatch: pytest.MonkeyPatch, mutate: Callable[[pytest.MonkeyPatch, Gpt], None]
) -> None:
    mutate(monkeypatch, gpt)
    with torch.no_grad():
        found = losses(gpt, [clip_of(0, HEARD)])
    assert abs(float(found.codes - golden()["one_mel"])) > 1e-3


def test_codes_are_upstreams(kit: ModuleType) -> None:
    recipe = kit.load_recipe("xtts_weights")
    encoder = CodeEncoder(**recipe.DVAE_SIZES)
    drawn = {k: recipe.draw_xtts(k, v.shape) for k, v in encoder.state_dict().items()}
    encoder.load_state_dict(drawn | {"codebook.embed": golden()["codebook"]})
    for i, (duration_s, rate, pitch_hz) in enumerate(CLIPS):
        heard = torch.from_numpy(recipe.sound(duration_s, rate, pitch_hz=pitch_hz))[None]
        samples = resample(heard, rate, 22_050)[:, : CLIP_SAMPLES[0]]
        codes = encoder(log_mel(samples, CODE_MEL, kit.tiny_tensors()["mel_stats"]))[0]
        assert len(set(codes.tolist())) > 20
        assert codes.tolist() == golden()[f"codes_{i}"].tolist()


def test_a_clip_is_not_changed_by_its_neighbours(gpt: Gpt) -> None:
    alone = [losses(gpt, [clip_of(i)]) for i in (0, 1)]
    both = losses(gpt, [clip_of(0), clip_of(1)])
    n_codes, n_text = (
        [len(getattr(clip_of(i), name)) + extra for i in (0, 1)] for name, extra in (("codes", 4), ("tokens", 1))
    )
    for name, sizes in (("codes", n_codes), ("text", n_text)):
        weighted = sum(float(getattr(one, name).detach()) * n for one, n in zip(alone, sizes, strict=True)) / sum(sizes)
        assert float(getattr(both, name).detach()) == pytest.approx(weighted, abs=1e-5)


def test_what_the_prompt_told_is_left_out_in_every_clip_of_a_batch(gpt: Gpt) -> None:
    """Upstream leaves it out in the last clip alone, and four times too far into it."""
    _, targets = _codes(gpt, [clip_of(0, (3, 9)), clip_of(1, (40, 60))])
    ignored = [(row == IGNORED).nonzero()[:, 0].tolist() for row in targets]
    n_short = len(clip_of(1).codes) + 4
    assert ignored[0] == [*range(3, 9), targets.shape[1] - 1]
    assert ignored[1] == [*range(40, 60), *range(n_short, targets.shape[1])]


def test_prompts_may_differ_in_length(gpt: Gpt) -> None:
    short, long = clip_of(0), clip_of(1)
    short = Example(short.tokens, short.codes, short.prompt[:, :60], (0, 0))
    found = losses(gpt, [short, long])
    assert bool(torch.isfinite(found.total))


def test_dropout_is_of_training_alone(gpt: Gpt) -> None:
    torch.manual_seed(0)
    still = [float(losses(gpt, [clip_of(0)]).total.detach()) for _ in range(2)]
    gpt.train()
    moved = [float(losses(gpt, [clip_of(0)]).total.detach()) for _ in range(2)]
    assert still[0] == still[1] not in moved
    assert moved[0] != moved[1]
