"""One batch of built-in utterances on the device: the solve that a FlowSession steps through."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from locutor.audio.level import PEAK_LIMIT
from locutor.engines.base import Utterance
from locutor.engines.builtin.match import matched
from locutor.engines.builtin.network import AlignedDiT, Prefix, first, stack_prefixes
from locutor.engines.builtin.sharpen import sharpened
from locutor.engines.f5 import sampling
from locutor.engines.f5.sampling import draw_batch, euler_step, guided, time_grid
from locutor.engines.vocos import Vocos

NOISE = 0.8  # spread of the noise a solve begins with; at 1, as in training, voices are rougher
BY_VOICE_UNTIL = 0.35  # flow time; guidance steers by the reference alone so long, which makes speech more alike
GUIDED_UNTIL = 0.75  # flow time; guidance of the last step makes voices rougher, too, and no more alike
LEVEL = 0.7  # sharpened mels are that much louder than the speech of the training
RESCALED = 0.9  # how far guidance, which exaggerates, is brought back to the spread that speech would have without it


@dataclass(frozen=True, kw_only=True)
class SolveOptions(sampling.SolveOptions):
    """What all utterances of a batch share, with this model's defaults: more steps were not measured to be better."""

    nfe_step: int = 8
    cfg_strength: float = 2.0


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """An utterance's own state. tokens, language: (f,) of each frame; voice, no_voice: the reference as the network
    attends to it, and the withheld one of the same length that guidance steers away from: at first with the text, then
    without it."""

    tokens: Tensor
    language: Tensor
    voice: Prefix
    no_voice: Prefix


class Solve:
    """The flow of a batch from noise to mel, then audio. What does not change with time is computed once.

    Rows 0 .. b - 1 of everything are the samples; with guidance, rows b .. 2 b - 1 are their unconditional twins.
    """

    def __init__(self, network: AlignedDiT, vocoder: Vocos, utterances: list[Utterance], options: SolveOptions) -> None:
        self._network, self._vocoder, self._cfg_strength = network, vocoder, options.cfg_strength
        self._guided = options.is_guided
        self._times = time_grid(options.nfe_step, options.sway_sampling_coef).tolist()
        self._prepared: list[Prepared] = [u.state for u in utterances]
        self._lengths = [u.n_frames for u in utterances]
        noise = draw_batch(self._padded_lengths(), network.config.n_mels, [u.seed for u in utterances])
        self._state = NOISE * noise.to(network.mel_mean.device)
        self._build()

    @property
    def done(self) -> bool:
        return len(self._times) == 1

    def step(self) -> None:
        start, end = self._times[:2]
        self._state = euler_step(self._velocity, self._state, start, end)
        self._times.pop(0)

    def keep(self, rows: list[int]) -> None:
        self._prepared = [self._prepared[row] for row in rows]
        self._lengths = [self._lengths[row] for row in rows]
        self._state = self._state[rows, : max(self._padded_lengths())]
        self._build()

    def mels(self) -> list[Tensor]:
        """Log-mel of each sample as far as it is solved, (n_frames, c)."""
        mel = self._network.denormalize(self._state)
        return [row[:n] for row, n in zip(mel, self._lengths, strict=True)]

    def waveforms(self) -> list[Tensor]:
        mels = [sharpened(mel) for mel in self.mels()]
        return [levelled(matched(audio, mel)) for audio, mel in zip(self._vocoder.decode(mels), mels, strict=True)]

    def _padded_lengths(self) -> list[int]:
        patch = self._network.config.patch
        return [-(-n // patch) * patch for n in self._lengths]

    def _build(self) -> None:
        """Text embedding, reference and mask of the batch."""
        padded = self._padded_lengths()
        longest = max(padded)
        tokens, language = (
            torch.stack([F.pad(getattr(p, name), (0, longest - len(getattr(p, name)))) for p in self._prepared])
            for name in ("tokens", "language")
        )
        frames = torch.arange(longest, device=tokens.device)
        within = frames[None] < torch.tensor(padded, device=tokens.device)[:, None]  # (b, f)
        of_frames = None if min(padded) == longest else within[..., None].to(self._state.dtype)
        self._text = self._network.embed_text(tokens, language, valid=of_frames)
        voices = [p.voice for p in self._prepared]
        if self._guided:
            everywhere = torch.ones(len(tokens), dtype=torch.bool, device=tokens.device)
            self._no_text = self._network.embed_text(tokens, language, dropped=everywhere, valid=of_frames)
            voices += [p.no_voice for p in self._prepared]
        self._prefix = stack_prefixes(voices)
        of_positions = None if of_frames is None else of_frames[:, :: self._network.config.patch]
        self._valid = _doubled(of_positions) if self._guided and of_positions is not None else of_positions

    def _velocity(self, x: Tensor, time: float) -> Tensor:
        if not self._guided or time >= GUIDED_UNTIL:
            b = len(x)
            valid = None if self._valid is None else self._valid[:b]
            return self._network(x, self._text, x.new_full((b,), time), first(self._prefix, b), valid)
        doubled = _doubled(x)
        text = torch.cat([self._text, self._text if time < BY_VOICE_UNTIL else self._no_text])
        both = self._network(doubled, text, x.new_full((len(doubled),), time), self._prefix, self._valid)
        cond, uncond = both.float().chunk(2)
        return rescaled(x, cond, guided(cond, uncond, self._cfg_strength), time, self._padded_lengths())


def levelled(audio: Tensor) -> Tensor:
    """Audio (s,) as loud as speech in training, or as its peaks allow: beyond PEAK_LIMIT a file would clip them."""
    peak = F.pad(audio, (0, 1)).abs().amax()  # no audio has a peak, too
    return audio * (PEAK_LIMIT / peak.clamp(min=1e-6)).clamp(max=LEVEL)


def rescaled(x: Tensor, cond: Tensor, steered: Tensor, time: float, lengths: list[int]) -> Tensor:
    """Velocity whose speech is less exaggerated than a guided one's (arXiv 2305.08891, section 3.4); all (b, f, c).

    The speech that `steered` leads to from x is scaled by as much as its spread exceeds that of `cond`, RESCALED of the
    way. lengths: frames of each sample.
    """
    told, plain = (x + (1 - time) * velocity for velocity in (steered, cond))
    factors = [plain[i, :n].std() / told[i, :n].std() for i, n in enumerate(lengths)]
    factor = 1 - RESCALED + RESCALED * torch.stack(factors)[:, None, None]
    return (told * factor - x) / (1 - time)


def _doubled(x: Tensor) -> Tensor:
    return torch.cat([x, x])


def lay_frames(tokens: list[int], ends: list[int], n_frames: int) -> Tensor:
    """Token of each frame, (n_frames,), from each token's end in frames; the last one fills what remains."""
    which = torch.searchsorted(torch.tensor(ends), torch.arange(n_frames), right=True)
    return torch.tensor(tokens)[which.clamp(max=len(tokens) - 1)]
