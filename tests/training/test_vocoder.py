import dataclasses
import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

from locutor.audio import mel
from locutor.audio.mel import mel_filterbank, mel_spectrogram
from locutor.engines.vocos import Vocos, VocosConfig
from locutor.errors import EngineError
from locutor.training import vocoder
from locutor.training.config import TrainConfig
from locutor.training.discriminators import Discriminators, PeriodDiscriminator, ResolutionDiscriminator
from locutor.training.vocoder import Heard, VocoderTrainer, VocoderWeights, feature_distances, spectral_distance

CONFIG = TrainConfig(
    max_steps=60, learning_rate=2e-3, warmup_steps=5, precision="fp32", ema_decay=0.9, log_every=5, save_every=0
)


class SmallJudges(Discriminators):
    def __init__(self) -> None:
        super().__init__()
        self.judges = torch.nn.ModuleList([PeriodDiscriminator(3, widths=(1, 4, 8)), ResolutionDiscriminator(512, 4)])


def tones(generator: torch.Generator) -> Tensor:
    """Two clips of 4,096 samples of a hum with harmonics, at a random pitch and phase."""
    time_s = torch.arange(4096) / 24_000
    hz = 150 + 150 * torch.rand(2, 1, generator=generator)
    return sum(0.2 / k * torch.sin(2 * torch.pi * k * (hz * time_s + torch.rand(2, 1, generator=generator)))
               for k in range(1, 9))  # type: ignore[return-value]  # fmt: skip


def hums(generator: torch.Generator) -> Heard:
    audio = tones(generator)
    return Heard(audio, mel_spectrogram(audio))


@pytest.fixture(autouse=True)
def small_judges(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vocoder, "Discriminators", SmallJudges)


def trainer(config: TrainConfig = CONFIG, adversarial_from: float = 0.5) -> VocoderTrainer:
    torch.manual_seed(0)
    vocos = Vocos(VocosConfig(dim=32, intermediate_dim=64, n_layers=2))
    return VocoderTrainer(vocos, config, VocoderWeights(adversarial_from=adversarial_from), hums)


def logged(run: Path) -> list[dict[str, float]]:
    return [json.loads(row) for row in (run / "log.jsonl").read_text().splitlines()]


def mel_distance(vocos: Vocos) -> float:
    with torch.no_grad():
        wanted = mel_spectrogram(tones(torch.Generator().manual_seed(99)))
        return float((mel_spectrogram(vocos(wanted)) - wanted).abs().mean())


def test_it_lowers_the_mel_distance(tmp_path: Path) -> None:
    run = trainer()
    before = mel_distance(run.vocos)
    run.fit(tmp_path)
    vocos = Vocos(run.vocos.config)
    vocos.load_state_dict(load_file(tmp_path / "vocos.safetensors"))
    assert mel_distance(vocos) < 0.7 * before
    rows = logged(tmp_path)
    assert [row["step"] for row in rows] == list(range(5, 61, 5))
    assert "train/judges" not in rows[5] and {"train/judges", "train/fooled", "train/features"} <= rows[6].keys()


def test_training_after_speaking(tmp_path: Path) -> None:
    """What the mel front end keeps must not be inference tensors, whoever called it first."""
    mel_filterbank.cache_clear()
    mel._window.cache_clear()
    with torch.inference_mode():
        mel_spectrogram(tones(torch.Generator()))
    trainer(dataclasses.replace(CONFIG, max_steps=1)).fit(tmp_path)


def test_the_judges_learn_too(tmp_path: Path) -> None:
    run = trainer(dataclasses.replace(CONFIG, max_steps=8), adversarial_from=0.0)
    before = {k: v.clone() for k, v in run.judges.state_dict().items()}
    run.fit(tmp_path)
    moved = [k for k, v in run.judges.state_dict().items() if not torch.equal(v, before[k])]
    assert any(k.endswith("original1") for k in moved)
    stored = load_file(tmp_path / "judges.safetensors")
    assert all(torch.equal(v, stored[k]) for k, v in run.judges.state_dict().items())


def test_a_run_goes_on_from_its_own_weights(tmp_path: Path) -> None:
    config = dataclasses.replace(CONFIG, max_steps=3, log_every=0)
    trainer(config).fit(tmp_path)
    stored = load_file(tmp_path / "vocos.safetensors")
    again = trainer(dataclasses.replace(config, learning_rate=0.0))
    again.fit(tmp_path)
    assert all(torch.equal(v, stored[k]) for k, v in again.vocos.state_dict().items())
    assert not [p.name for p in tmp_path.iterdir() if p.name.endswith(".tmp")]


@pytest.mark.parametrize("log_every", [0, 5])
def test_a_loss_that_is_no_number_is_not_saved(tmp_path: Path, log_every: int) -> None:
    run = trainer(dataclasses.replace(CONFIG, max_steps=5, log_every=log_every))
    draw, calls = run.draw, []

    def poisoned(generator: torch.Generator) -> Heard:
        calls.append(1)
        heard = draw(generator)
        return Heard(heard.audio, heard.mel * (float("nan") if len(calls) == 3 else 1.0))

    run.draw = poisoned
    with pytest.raises(EngineError, match="nothing was saved|was not saved"):
        run.fit(tmp_path)
    assert not (tmp_path / "vocos.safetensors").exists()


def test_distances_are_zero_for_equals_and_grow() -> None:
    real = tones(torch.Generator().manual_seed(1))
    assert float(spectral_distance(real, real)) == 0.0
    near, far = (float(spectral_distance(real + level * torch.randn_like(real), real)) for level in (0.001, 0.1))
    assert 0 < near < far
    features = [[torch.ones(2, 3), torch.zeros(4)], [torch.ones(5)]]
    others = [[torch.zeros(2, 3), torch.zeros(4)], [torch.full((5,), 3.0)]]
    features[1].append(torch.zeros(3))
    others[1].append(torch.ones(3))
    assert [float(d) for d in feature_distances(features, features)] == [0.0, 0.0]
    assert [float(d) for d in feature_distances(features, others)] == pytest.approx([1.0, 2.0 + 1.0])


def test_judges_by_period_count_one_together_those_by_resolution_a_tenth() -> None:
    judges = Discriminators()
    shares = dict(zip(judges.judges, judges.shares(0.1), strict=True))
    by_period = [share for judge, share in shares.items() if isinstance(judge, PeriodDiscriminator)]
    assert by_period == pytest.approx([0.2] * 5) and sum(shares.values()) == pytest.approx(1.1)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
@pytest.mark.parametrize("adversarial", [False, True])
def test_captured_steps_are_the_plain_ones(adversarial: bool) -> None:
    """Eight small ones: rounding of 1e-6 alone moves weights by 2 % of their way then, a step left out by an eighth."""

    def on_gpu(generator: torch.Generator) -> Heard:
        heard = hums(torch.Generator().manual_seed(generator.initial_seed()))
        return Heard(heard.audio.cuda(), heard.mel.cuda())

    def eight_steps(captured: bool) -> tuple[list[float], Tensor]:
        torch.manual_seed(0)
        vocos = Vocos(VocosConfig(dim=32, intermediate_dim=64, n_layers=2)).cuda()
        before = torch.nn.utils.parameters_to_vector(vocos.parameters()).detach().clone()
        run = VocoderTrainer(vocos, CONFIG, VocoderWeights(), on_gpu, captured)
        run.rate.fill_(1e-4)
        losses = [float(v) for step in range(8) for v in run._step(step, adversarial).values()]
        return losses, torch.nn.utils.parameters_to_vector(vocos.parameters()).detach() - before

    (losses, way), (wanted, wanted_way) = eight_steps(captured=True), eight_steps(captured=False)
    assert losses == pytest.approx(wanted, rel=1e-2)
    assert float((way - wanted_way).norm() / wanted_way.norm()) < 0.05
