"""A network made ready to speak: its weights in the type and place of the solve, and everything fixed computed once.

DiT says what the network is, for training and as the reference; this runs the same function on packed rows, with
queries, keys and values from one product and the modulation from a schedule. The adaptive norms' weights stay where
the network is, so a network on the CPU serves a GPU without them. Rotary angles, time, modulation and the state of the
flow are float32 whatever the products are computed in.

Shapes: r rows (see packing), b utterances, n frames, m mel bands, d model width, h heads, e width of a head.
"""

from collections import OrderedDict
from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence

from locutor.engines.device import sent
from locutor.engines.f5.dit import Attention, DiT
from locutor.engines.f5.layout import frame_mask, packed
from locutor.engines.f5.modules import HEAD_DIM, NORM_EPS, rope_frequencies, rope_table
from locutor.engines.f5.ops import Ops, choose_ops, head_split
from locutor.engines.f5.packing import Packing
from locutor.engines.f5.schedule import Schedule, make_schedule

ROPE_FRAMES = 8192  # rows of the table that is kept; longer sequences get one of their own
MAX_SCHEDULES = 8


class Affine(NamedTuple):
    """Weight and bias."""

    weight: Tensor
    bias: Tensor


@dataclass(frozen=True)
class BlockWeights:
    """One block. norms: weights of the query and key norms, or None."""

    qkv: Affine
    out: Affine
    widen: Affine
    narrow: Affine
    norms: tuple[Tensor, Tensor] | None


class Runtime:
    """device, dtype: of the solve, by default the network's own. residual: type of the sum that runs through the
    blocks, by default dtype."""

    def __init__(
        self,
        network: DiT,
        device: torch.device | str | None = None,
        dtype: torch.dtype | None = None,
        ops: Ops | None = None,
        residual: torch.dtype | None = None,
    ) -> None:
        own = network.proj_out.weight
        self.network, self.config = network, network.config
        self.device = own.device if device is None else torch.device(device)
        self.dtype = dtype or own.dtype
        self.residual = residual or self.dtype
        self.ops = ops or choose_ops(self.device, self.dtype)
        stays = self.device == own.device and self.dtype == own.dtype
        text, proj = network.text_embed, network.input_embed.proj
        self._text_embed = text if stays else deepcopy(text).to(self.device, self.dtype)
        self._input_proj = proj if stays else deepcopy(proj).to(self.device, self.dtype)
        self._blocks = [self._block(block) for block in network.transformer_blocks]
        self._convolutions = [self._convolution(i) for i in (0, 2)]
        self._state_proj = self._put(network.input_embed.proj.weight[:, : self.config.n_mels]).contiguous()
        self._proj_out = self._padded(self._affine(network.proj_out))
        self.rope = self._rope_table(ROPE_FRAMES)
        self._schedules: OrderedDict[tuple[int, float], Schedule] = OrderedDict()

    def schedule(self, nfe_step: int, sway_sampling_coef: float) -> Schedule:
        """Made when first asked for; the last few are kept."""
        key = (nfe_step, sway_sampling_coef)
        if key not in self._schedules:
            self._schedules[key] = make_schedule(self.network, *key, device=self.device)
            if len(self._schedules) > MAX_SCHEDULES:
                self._schedules.popitem(last=False)
        self._schedules.move_to_end(key)
        return self._schedules[key]

    def context(
        self, ids: Sequence[Sequence[int]], mels: Sequence[Tensor], lengths: Sequence[int], twins: bool
    ) -> Tensor:
        """What the text and the reference add to the input, for packed rows: (r, d) of the residual's type.

        ids: tokens of each utterance. mels: its reference (n_ref, m). lengths: frames of reference and new speech.
        twins: also the unconditional sequences, after the others.
        """
        n, halves = max(lengths), 1 + twins
        rows = torch.stack([packed(u[:k], n) for u, k in zip(ids, lengths, strict=True)] * halves)
        cond = pad_sequence([mel[:k] for mel, k in zip(mels, lengths, strict=True)], batch_first=True)
        cond = F.pad(cond, (0, 0, 0, n - cond.shape[1]))
        cond = torch.cat([cond, torch.zeros_like(cond)]) if twins else cond
        real = frame_mask([*lengths] * halves)
        dropped = torch.arange(len(rows)) >= len(lengths)
        index, rows, dropped = (self.send(t) for t in (real.flatten().nonzero()[:, 0], rows, dropped))
        valid = None if min(lengths) == n else self.send(real[..., None]).to(self._input_proj.weight.dtype)
        return self.embed(rows, self.send(cond), valid, dropped).flatten(0, 1)[index]

    def embed(self, rows: Tensor, cond: Tensor, valid: Tensor | None, dropped: Tensor) -> Tensor:
        """Text rows (b, n), reference (b, n, m), valid (b, n, 1), dropped (b,) -> their part of the input, (b, n, d).

        Without cuDNN, which prepares each length anew for longer than this takes.
        """
        with torch.backends.cudnn.flags(enabled=False):
            text = self._text_embed(rows, valid, drop_text=dropped)
        both = torch.cat([cond.to(text.dtype), text], dim=-1)
        return F.linear(both, self._input_proj.weight[:, self.config.n_mels :], self._input_proj.bias).to(self.residual)

    def send(self, tensor: Tensor) -> Tensor:
        """From the CPU to the device; to a GPU through pinned memory, so that the host need not wait."""
        return sent(tensor.pin_memory() if self.device.type == "cuda" else tensor, self.device)

    def velocity(self, x: Tensor, modulation: Tensor, context: Tensor, packing: Packing) -> Tensor:
        """x: state (s, m). modulation: (6 * depth + 2, d), one step of a schedule. context: (r, d), r = s or, with
        guidance, 2 s. Returns (r, m)."""
        ops, vectors = self.ops, modulation.unbind(0)
        rope = self.rope if packing.longest <= ROPE_FRAMES else self._rope_table(packing.longest)
        h = ops.enter(x, self._state_proj, context)
        y = ops.convolve(h, *self._convolutions[0], packing)
        h = ops.convolve(y, *self._convolutions[1], packing, added_to=h)
        y = ops.modulate(h, vectors[1], vectors[0], self.dtype)
        for i, block in enumerate(self._blocks):
            gate_a, shift_m, scale_m, gate_m = vectors[6 * i + 2 : 6 * i + 6]
            y = F.linear(self._attend(y, block, rope, packing), *block.out)
            h, y = ops.add_gated(h, y, gate_a, scale_m, shift_m, self.dtype)
            y = F.linear(ops.widen(y, *block.widen), *block.narrow)
            scale, shift = self._next_norm(vectors, i)
            h, y = ops.add_gated(h, y, gate_m, scale, shift, self.dtype)
        return F.linear(y, *self._proj_out)[:, : self.config.n_mels]

    def _next_norm(self, vectors: Sequence[Tensor], i: int) -> tuple[Tensor, Tensor]:
        """Scale and shift of the norm after block i: the next block's, or the last one's, which has them the other
        way round."""
        after = 6 * (i + 1)
        return (
            (vectors[after + 1], vectors[after]) if i + 1 < len(self._blocks) else (vectors[after], vectors[after + 1])
        )

    def _attend(self, y: Tensor, block: BlockWeights, rope: tuple[Tensor, Tensor], packing: Packing) -> Tensor:
        qkv = head_split(F.linear(y, *block.qkv))
        if block.norms is not None:
            for part, weight in enumerate(block.norms):
                qkv[:, part] = F.rms_norm(qkv[:, part], (HEAD_DIM,), weight, NORM_EPS)
        n_heads = self.config.pe_attn_head
        return self.ops.attend(self.ops.turn(qkv, rope, packing, n_heads or self.config.heads), packing)

    def _put(self, tensor: Tensor) -> Tensor:
        return tensor.detach().to(self.device, self.dtype)

    def _affine(self, layer: Any) -> Affine:
        """Of a linear layer; of one with an adapter on top (engines.lora), with its change added."""
        if isinstance(layer, nn.Linear):
            return Affine(self._put(layer.weight), self._put(layer.bias))
        changed = layer.base.weight if layer.is_merged else layer.base.weight + layer.change()
        return Affine(self._put(changed), self._put(layer.base.bias))

    def _padded(self, layer: Affine) -> Affine:
        """With outputs that are zero up to the next multiple of ops.columns, for which libraries are quicker."""
        missing = -len(layer.bias) % self.ops.columns
        return Affine(F.pad(layer.weight, (0, 0, 0, missing)), F.pad(layer.bias, (0, missing)))

    def _convolution(self, i: int) -> Affine:
        layer: Any = self.network.input_embed.conv_pos_embed.conv1d[i]
        return Affine(self.ops.conv_weight(self._put(layer.weight)), self._put(layer.bias))

    def _block(self, block: Any) -> BlockWeights:
        attn: Attention = block.attn
        norms = None
        if attn.q_norm is not None and attn.k_norm is not None:
            norms = (self._put(attn.q_norm.weight), self._put(attn.k_norm.weight))
        layers = [attn.to_q, attn.to_k, attn.to_v]
        own = [self._affine(layer) for layer in layers]
        fused = Affine(torch.cat([part.weight for part in own]), torch.cat([part.bias for part in own]))
        if all(isinstance(layer, nn.Linear) and part.weight.data_ptr() == layer.weight.data_ptr()
               for layer, part in zip(layers, own, strict=True)):  # fmt: skip
            _share(layers, fused)
        return BlockWeights(
            fused, self._affine(attn.to_out[0]), self._affine(block.ff.ff[0][0]), self._affine(block.ff.ff[2]), norms
        )

    def _rope_table(self, n: int) -> tuple[Tensor, Tensor]:
        # Not from the checkpoint's buffer: it may have been stored in half precision.
        cos, sin = rope_table(n, rope_frequencies())
        return cos.to(self.device), sin.to(self.device)


def _share(layers: Sequence[nn.Linear], fused: Affine) -> None:
    """Let the layers' parameters be views of the fused ones, so that the weights are in memory once."""
    sizes = [len(layer.bias) for layer in layers]
    for layer, weight, bias in zip(
        layers, torch.split(fused.weight, sizes), torch.split(fused.bias, sizes), strict=True
    ):
        layer.weight.data, layer.bias.data = weight, bias
