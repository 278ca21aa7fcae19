"""Adversarial training of a vocoder (hinge losses, feature matching, mel distance), balanced as Vocos' (2306.00814).

Shapes: b batch, s samples, c mel bands, n frames.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save_file
from torch import Tensor

from locutor.audio.mel import mel_spectrogram
from locutor.engines.vocos import Vocos
from locutor.errors import EngineError
from locutor.training.captured import Captured, Losses
from locutor.training.config import TrainConfig
from locutor.training.discriminators import Discriminators
from locutor.training.ema import EMA
from locutor.training.log import RunLog
from locutor.training.loop import due, finite_means
from locutor.training.schedule import learning_rate

STFT_SIZES = (256, 512, 1024, 2048)


@dataclass(frozen=True, kw_only=True)
class VocoderWeights:
    """Weights of the generator's losses; until adversarial_from (share of the run) the judges are silent.

    resolutions: what the judges by resolution count together, those by period counting 1.
    """

    mel: float = 45.0
    spectrum: float = 5.0
    features: float = 1.0
    resolutions: float = 0.1
    adversarial_from: float = 0.1


@dataclass(frozen=True)
class Heard:
    """A batch on the device. audio: (b, s) real speech, s a whole number of hops; mel: (b, c, n) log-mel the vocoder is
    given for it, which may have the errors of a network that predicts mels."""

    audio: Tensor
    mel: Tensor


class VocoderTrainer:
    """Generator, judges and their optimizers; draw(generator) gives a batch, always of the same shape.

    captured: each step is a CUDA graph, which takes a CUDA device; the default where there is one.
    """

    def __init__(
        self,
        vocos: Vocos,
        config: TrainConfig,
        weights: VocoderWeights,
        draw: Callable[[torch.Generator], Heard],
        captured: bool | None = None,
    ) -> None:
        self.vocos, self.config, self.weights, self.draw = vocos, config, weights, draw
        self.device = next(vocos.parameters()).device
        self.judges = Discriminators().to(self.device)
        self.shares = self.judges.shares(weights.resolutions)
        self.judges.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        on_gpu = self.device.type == "cuda"
        self.rate = torch.zeros((), device=self.device)  # a tensor, so that captured steps see it change
        self.for_vocos, self.for_judges = (
            torch.optim.AdamW(m.parameters(), self.rate, betas=(0.8, 0.9), fused=on_gpu, capturable=on_gpu)
            for m in (vocos, self.judges)
        )
        self.ema = EMA(vocos, config.ema_decay)
        captured = on_gpu if captured is None else captured
        self._apart = Captured(self._mel_step) if captured else self._mel_step
        self._judged = Captured(self._judged_step) if captured else self._judged_step

    def fit(self, run: Path) -> None:
        """Train until max_steps or max_seconds; run/vocos.safetensors is kept up to date with the average.

        Goes on from the weights of the run where it has any, with a new learning rate schedule. Raises EngineError
        when a loss stops being a number: nothing is saved after that.
        """
        self._restore(run)
        config, started = self.config, time.monotonic()
        tick, step = started, 0
        sums: dict[str, Tensor] = {}
        with RunLog(run) as log:
            while (progress := self._progress(step, time.monotonic() - started)) < 1:
                self.rate.fill_(learning_rate(config, step, progress))
                losses = self._step(step, adversarial=progress >= self.weights.adversarial_from)
                self.ema.update()
                step += 1
                sums = {k: v + sums.get(k, 0.0) for k, v in losses.items()}
                if due(step, config.log_every):
                    now = time.monotonic()
                    means = finite_means(sums, config.log_every, step)
                    log.write(step, means | {"steps_per_s": config.log_every / (now - tick)})
                    tick, sums = now, {}
                if due(step, config.save_every):
                    self._save(run, step)
            self._save(run, step)

    def _progress(self, step: int, elapsed_s: float) -> float:
        by_clock = elapsed_s / self.config.max_seconds if self.config.max_seconds else 0.0
        return max(step / self.config.max_steps, by_clock)

    def _restore(self, run: Path) -> None:
        for module, path in ((self.vocos, run / "vocos.safetensors"), (self.judges, run / "judges.safetensors")):
            if path.exists():
                module.load_state_dict(load_file(path))
        self.ema = EMA(self.vocos, self.config.ema_decay)

    def _save(self, run: Path, step: int) -> None:
        averages = self.ema.state(self.vocos)
        if not all(bool(torch.isfinite(v).all()) for v in averages.values()):
            raise EngineError(f"the vocoder became NaN or infinite by step {step}; it was not saved")
        for module, tensors in (("vocos", averages), ("judges", self.judges.state_dict())):
            unfinished = run / f".{module}.tmp"
            save_file({k: v.detach().cpu().contiguous() for k, v in tensors.items()}, unfinished)
            unfinished.replace(run / f"{module}.safetensors")

    def _step(self, step: int, adversarial: bool) -> Losses:
        generator = torch.Generator(self.device).manual_seed((self.config.seed * 1_000_003 + step) % 2**63)
        heard = self.draw(generator)
        learn = self._judged if adversarial else self._apart
        return learn(heard.audio, heard.mel)

    def _mel_step(self, real: Tensor, mel: Tensor) -> Losses:
        """A step without the judges."""
        _, losses = self._speak(real, mel)
        self._update(self.for_vocos, self.vocos, self._distance(losses))
        return {k: v.detach() for k, v in losses.items()}

    def _judged_step(self, real: Tensor, mel: Tensor) -> Losses:
        """A step of the judges, then one of the vocoder."""
        made, losses = self._speak(real, mel)
        with self._autocast():
            losses["judges"], real_features = self._train_judges(real, made.detach())
            self.judges.requires_grad_(False)  # the generator's step needs no gradients of their weights
            verdicts, features = self.judges(made)
        losses["fooled"] = self._together([F.relu(1 - v.float()).mean() for v in verdicts])
        losses["features"] = self._together(feature_distances(features, real_features))
        total = self._distance(losses) + losses["fooled"] + self.weights.features * losses["features"]
        self._update(self.for_vocos, self.vocos, total)
        self.judges.requires_grad_(True)
        return {k: v.detach() for k, v in losses.items()}

    def _speak(self, real: Tensor, mel: Tensor) -> tuple[Tensor, Losses]:
        """What the vocoder makes of the mel (b, s), and how far that is from the real audio."""
        everything = torch.ones(len(mel), 1, mel.shape[2], device=self.device)  # torch.istft would read a value back
        with self._autocast():
            made = self.vocos(mel, everything)
        distance = F.l1_loss(mel_spectrogram(made), mel_spectrogram(real))
        return made, {"mel": distance, "spectrum": spectral_distance(made, real)}

    def _distance(self, losses: Losses) -> Tensor:
        return self.weights.mel * losses["mel"] + self.weights.spectrum * losses["spectrum"]

    def _autocast(self) -> torch.autocast:
        return torch.autocast(self.device.type, torch.bfloat16, enabled=self.config.precision == "bf16")

    def _train_judges(self, real: Tensor, made: Tensor) -> tuple[Tensor, list[list[Tensor]]]:
        """One step of the judges. Returns their loss and the features they saw in the real audio before it."""
        n = len(real)
        verdicts, features = self.judges(torch.cat([real, made]))
        loss = self._together([F.relu(1 - v[:n].float()).mean() + F.relu(1 + v[n:].float()).mean() for v in verdicts])
        self._update(self.for_judges, self.judges, loss)
        return loss, [[f[:n].detach() for f in each] for each in features]

    def _together(self, losses: list[Tensor]) -> Tensor:
        """One loss of a loss for each judge, each at its share."""
        return torch.stack([share * loss for share, loss in zip(self.shares, losses, strict=True)]).sum()

    @staticmethod
    def _update(optimizer: torch.optim.Optimizer, module: torch.nn.Module, loss: Tensor) -> None:
        optimizer.zero_grad(set_to_none=True)
        torch.autograd.backward(loss)
        torch.nn.utils.clip_grad_norm_(module.parameters(), 10.0)
        optimizer.step()


def misheard(mel: Tensor, noise: float, generator: torch.Generator) -> Tensor:
    """Half of the mels (b, c, f) with random errors of up to `noise` nepers (standard deviation)."""
    share = torch.rand(len(mel), 1, 1, generator=generator, device=mel.device)
    strength = noise * (2 * share - 1).clamp(min=0)
    return mel + strength * torch.randn(mel.shape, generator=generator, device=mel.device)


def spectral_distance(made: Tensor, real: Tensor) -> Tensor:
    """L1 of the magnitudes and of their logs over several resolutions; (b, s) each."""
    total = torch.zeros((), device=made.device)
    for n in STFT_SIZES:
        window = torch.hann_window(n, device=made.device)
        a, b = (torch.stft(x.float(), n, n // 4, n, window, return_complex=True).abs() for x in (made, real))
        total = total + F.l1_loss(a, b) + F.l1_loss(a.clamp(min=1e-4).log(), b.clamp(min=1e-4).log())
    return total / len(STFT_SIZES)


def feature_distances(made: list[list[Tensor]], real: list[list[Tensor]]) -> list[Tensor]:
    """For each judge, the sum over its layers of the mean L1 between its features of made and of real audio."""
    return [
        torch.stack([(a.float() - b.float()).abs().mean() for a, b in zip(of_made, of_real, strict=True)]).sum()
        for of_made, of_real in zip(made, real, strict=True)
    ]
