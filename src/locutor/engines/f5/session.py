"""One batch of F5 utterances on the device: the solve that a FlowSession steps through."""

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from locutor.engines.base import Utterance
from locutor.engines.f5.dit import Context, DiT
from locutor.engines.f5.layout import frame_mask, packed
from locutor.engines.f5.sampling import SolveOptions, draw_batch, euler_step, guided, time_grid
from locutor.engines.vocos import Vocos


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """An utterance's own state: token ids of transcript and text, the reference's mel (n_ref, m), output gain."""

    ids: tuple[int, ...]
    mel: Tensor
    gain: float


class Solve:
    """The flow of a batch from noise to mel. Everything that does not change with time is computed once."""

    def __init__(self, network: DiT, vocoder: Vocos, utterances: list[Utterance], options: SolveOptions) -> None:
        self._network, self._vocoder, self._cfg_strength = network, vocoder, options.cfg_strength
        self._guided = options.is_guided
        self._prepared: list[Prepared] = [u.state for u in utterances]
        self._times = time_grid(options.nfe_step, options.sway_sampling_coef).tolist()
        self._lengths = [u.n_frames for u in utterances]
        self._state = self._noise(utterances)
        self._context = self._make_context(utterances)

    @property
    def done(self) -> bool:
        return len(self._times) == 1

    def step(self) -> None:
        """One Euler step."""
        start, end = self._times[:2]
        self._state = euler_step(self._velocity, self._state, start, end)
        self._times.pop(0)

    def mel(self, row: int) -> Tensor:
        """State of one sample over its own frames, (n, m)."""
        return self._state[row, : self._lengths[row]]

    def keep(self, rows: list[int]) -> None:
        """Go on with these samples only."""
        n = len(self._lengths)
        packed_rows = rows + [n + row for row in rows] if self._guided else rows
        old = self._context
        valid = None if old.valid is None else old.valid[packed_rows]
        self._context = Context(old.projected[packed_rows], valid, old.rope)
        self._state = self._state[rows]
        self._lengths = [self._lengths[row] for row in rows]
        self._prepared = [self._prepared[row] for row in rows]

    def samples(self, row: int) -> Tensor:
        """Audio from the first new frame on; upstream keeps the reference's last one."""
        prepared = self._prepared[row]
        new = self.mel(row)[len(prepared.mel) :]
        return self._vocoder(new.T[None].float())[0] * prepared.gain  # (n, m) -> (1, m, n)

    def _velocity(self, x: Tensor, time: float) -> Tensor:
        parameter = next(self._network.parameters())
        t = torch.tensor([time], device=x.device)
        x = x.to(parameter.dtype)
        if not self._guided:
            return self._network(x, t, self._context)
        cond, uncond = self._network(torch.cat([x, x]), t, self._context).float().chunk(2)
        return guided(cond, uncond, self._cfg_strength)

    def _noise(self, utterances: list[Utterance]) -> Tensor:
        n_mels = self._network.config.n_mels
        noise = draw_batch(self._lengths, n_mels, [u.seed for u in utterances])
        return noise.to(next(self._network.parameters()).device)

    def _make_context(self, utterances: list[Utterance]) -> Context:
        parameter = next(self._network.parameters())
        n, lengths = max(self._lengths), self._lengths
        rows = torch.stack([packed(u.state.ids[:k], n) for u, k in zip(utterances, lengths, strict=True)])
        rows = rows.to(parameter.device)
        cond = pad_sequence([u.state.mel for u in utterances], batch_first=True)
        cond = F.pad(cond, (0, 0, 0, n - cond.shape[1])).to(parameter)
        valid = None if min(lengths) == n else frame_mask(lengths)[..., None].to(parameter)
        text = self._network.text_embed(rows, valid)
        if not self._guided:
            return self._network.context(cond, text, valid)
        no_text = self._network.text_embed(rows, valid, drop_text=True)
        return self._network.context(
            torch.cat([cond, torch.zeros_like(cond)]),
            torch.cat([text, no_text]),
            None if valid is None else torch.cat([valid, valid]),
        )
