"""The operations between the matrix products of a solve, on packed rows: the plain ones, and the choice among others.

Shapes: r rows of all sequences, d model width, h heads, e width of a head. Modulation vectors are (d,) float32.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

import torch
import torch.nn.functional as F
from torch import Tensor

from locutor.engines.device import runs_triton
from locutor.engines.f5.modules import HEAD_DIM, NORM_EPS, apply_rope
from locutor.engines.f5.packing import Packing
from locutor.engines.f5.sampling import guided


class Enter(Protocol):
    def __call__(self, state: Tensor, weight: Tensor, context: Tensor) -> Tensor:
        """What the blocks begin with: the state, (s, m) float32, times weight (d, m), added to the context (r, d).

        r is s, or 2 s with guidance: both halves have the same state."""
        ...


class Advance(Protocol):
    def __call__(self, state: Tensor, velocity: Tensor, factors: Tensor) -> Tensor:
        """The state (s, m) float32 after an Euler step, in place. velocity: (s, m), or (2 s, m) to be guided.

        factors: float32 on the device, length of the step and strength of the guidance."""
        ...


class Modulate(Protocol):
    def __call__(self, x: Tensor, scale: Tensor, shift: Tensor, dtype: torch.dtype) -> Tensor:
        """Layer-normalise (r, d), scale by 1 + scale, shift; computed in float32, returned in dtype."""
        ...


class AddGated(Protocol):
    def __call__(
        self, x: Tensor, y: Tensor, gate: Tensor, scale: Tensor, shift: Tensor, dtype: torch.dtype
    ) -> tuple[Tensor, Tensor]:
        """x + gate * y in x's type, perhaps in place, and that sum modulated, in dtype; (r, d) each."""
        ...


class Turn(Protocol):
    def __call__(self, qkv: Tensor, rope: tuple[Tensor, Tensor], packing: Packing, n_heads: int) -> Tensor:
        """Rotate queries and keys of the first n_heads in (r, 3, h, e) by their positions, perhaps in place.

        rope: cosine and sine, (n, e) float32 for positions 0 to n - 1."""
        ...


class Convolve(Protocol):
    def __call__(
        self, x: Tensor, weight: Tensor, bias: Tensor, packing: Packing, added_to: Tensor | None = None
    ) -> Tensor:
        """Grouped convolution over the rows of each sequence, zero outside it, then Mish;
        added to a tensor if one is given. x: (r, d); weight: from conv_weight."""
        ...


@dataclass(frozen=True)
class Ops:
    """One way to compute each. conv_weight: brings the weight of an nn.Conv1d into the form that convolve wants.
    capturable: nothing depends on lengths known to the host alone, so that a graph
    captured for one packing serves another of the same size. columns: outputs of a product are a multiple of these."""

    name: str
    enter: Enter
    advance: Advance
    modulate: Modulate
    add_gated: AddGated
    turn: Turn
    convolve: Convolve
    attend: Callable[[Tensor, Packing], Tensor]
    widen: Callable[[Tensor, Tensor, Tensor], Tensor]
    conv_weight: Callable[[Tensor], Tensor]
    capturable: bool = False
    columns: int = 1


def enter(state: Tensor, weight: Tensor, context: Tensor) -> Tensor:
    h = F.linear(state.to(weight.dtype), weight)
    return (context.view(-1, *h.shape) + h).flatten(0, 1)


def advance(state: Tensor, velocity: Tensor, factors: Tensor) -> Tensor:
    step_length, cfg_strength = factors
    velocity = velocity.float()
    if len(velocity) > len(state):
        cond, uncond = velocity.chunk(2)
        velocity = guided(cond, uncond, cfg_strength)
    return state.add_(velocity * step_length)


def modulate(x: Tensor, scale: Tensor, shift: Tensor, dtype: torch.dtype) -> Tensor:
    normed = F.layer_norm(x.float(), x.shape[-1:], eps=NORM_EPS)
    return (normed * (1 + scale) + shift).to(dtype)


def add_gated(
    x: Tensor, y: Tensor, gate: Tensor, scale: Tensor, shift: Tensor, dtype: torch.dtype
) -> tuple[Tensor, Tensor]:
    total = x.float() + gate * y.float()
    return total.to(x.dtype), modulate(total, scale, shift, dtype)


def turn(qkv: Tensor, rope: tuple[Tensor, Tensor], packing: Packing, n_heads: int) -> Tensor:
    position = packing.position
    cos, sin = (table[position][:, None, None] for table in rope)  # (n, e) -> (r, 1, 1, e)
    turned = qkv[:, :2, :n_heads]
    turned.copy_(apply_rope(turned, (cos, sin)))
    return qkv


def convolve(x: Tensor, weight: Tensor, bias: Tensor, packing: Packing, added_to: Tensor | None = None) -> Tensor:
    groups, pad = x.shape[1] // weight.shape[1], weight.shape[2] // 2
    x = x.to(weight.dtype)
    pieces = [F.conv1d(x[span].T[None], weight, bias, padding=pad, groups=groups)[0].T for span in packing.spans()]
    y = F.mish(torch.cat(pieces))
    return y if added_to is None else added_to + y


def attend(qkv: Tensor, packing: Packing) -> Tensor:
    """Every row attends to all rows of its sequence. (r, 3, h, e) -> (r, h * e)."""
    pieces = []
    for span in packing.spans():
        q, k, v = qkv[span].permute(1, 2, 0, 3)[:, None]  # (n, 3, h, e) -> 3 of (1, h, n, e)
        pieces.append(F.scaled_dot_product_attention(q, k, v)[0].transpose(0, 1))
    return torch.cat(pieces).flatten(1)


def widen(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """Linear layer and GELU by its tanh approximation."""
    return F.gelu(F.linear(x, weight, bias), approximate="tanh")


def conv_weight(weight: Tensor) -> Tensor:
    return weight


PLAIN = Ops("plain", enter, advance, modulate, add_gated, turn, convolve, attend, widen, conv_weight)


def compiled_ops() -> Ops:
    """The plain pointwise operations, fused by torch.compile when first used."""
    fuse: Any = partial(torch.compile, dynamic=True)
    return Ops(
        "compiled", enter, advance, fuse(modulate), fuse(add_gated), fuse(turn), convolve, attend, widen, conv_weight
    )


def choose_ops(device: torch.device, dtype: torch.dtype) -> Ops:
    """The Triton kernels for half precision on a CUDA device that can run them, else the plain operations."""
    if dtype == torch.float32 or not runs_triton(str(device)):
        return PLAIN
    from locutor.engines.f5 import kernels

    return kernels.OPS


def head_split(qkv: Tensor) -> Tensor:
    """(r, 3 * h * e) -> (r, 3, h, e)."""
    return qkv.view(qkv.shape[0], 3, -1, HEAD_DIM)
