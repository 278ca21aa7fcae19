"""Every error of this list, made on purpose, must make a comparison with upstream or batch = single fail."""

import math
from collections.abc import Callable
from dataclasses import replace
from operator import methodcaller
from types import ModuleType
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from locutor.engines.f5 import dit, layout, modules, ops, runtime, sampling, schedule, session
from locutor.engines.f5.modules import GRN, AdaLayerNorm, ConvNeXtV2Block, ConvPositionEmbedding, FeedForward
from locutor.engines.f5.packing import Packing

Patch = pytest.MonkeyPatch
Check = Callable[[ModuleType], None]


velocity_v0, velocity_v1 = methodcaller("check_velocity", "v0"), methodcaller("check_velocity", "v1")
text_v0, text_v1 = methodcaller("check_text", "v0"), methodcaller("check_text", "v1")
solve_v1, solve_sway = methodcaller("check_solve", "v1", "epss7"), methodcaller("check_solve", "v1", "sway9")
solve_v0, solve_qk_norm = (methodcaller("check_solve", variant, "epss7") for variant in ("v0", "v1_qk_norm"))
batch_v0, batch_v1 = methodcaller("check_batch", "v0"), methodcaller("check_batch", "v1")
padded_v1 = methodcaller("check_padded", "v1")

MUTATIONS: dict[str, tuple[Callable[[Patch], None], Check]] = {}


def mutation(check: Check) -> Callable[[Callable[[Patch], None]], Callable[[Patch], None]]:
    def register(mutate: Callable[[Patch], None]) -> Callable[[Patch], None]:
        MUTATIONS[mutate.__name__] = (mutate, check)
        return mutate

    return register


@mutation(velocity_v1)
def rope_pairs_halves(patch: Patch) -> None:
    def half_split(x: Tensor, rope: tuple[Tensor, Tensor]) -> Tensor:
        cos, sin = (torch.cat([part[:, ::2], part[:, ::2]], dim=-1) for part in rope)
        first, second = x.chunk(2, dim=-1)
        return x * cos + torch.cat([-second, first], dim=-1) * sin

    patch.setattr(dit, "apply_rope", half_split)


@mutation(velocity_v1)
def only_queries_turned(patch: Patch) -> None:
    calls: list[int] = []

    def every_other(x: Tensor, rope: tuple[Tensor, Tensor]) -> Tensor:
        calls.append(1)
        return modules.apply_rope(x, rope) if len(calls) % 2 else x

    patch.setattr(dit, "apply_rope", every_other)


@mutation(velocity_v0)
def v0_turns_every_head(patch: Patch) -> None:
    patch.setattr(dit.Attention, "_turn", lambda self, x, rope: modules.apply_rope(x, rope))


@mutation(velocity_v1)
def v1_turns_one_head(patch: Patch) -> None:
    def first_only(self: dit.Attention, x: Tensor, rope: tuple[Tensor, Tensor]) -> Tensor:
        return torch.cat([modules.apply_rope(x[:, :1], rope), x[:, 1:]], dim=1)

    patch.setattr(dit.Attention, "_turn", first_only)


@mutation(velocity_v1)
def rope_base_differs(patch: Patch) -> None:
    patch.setattr(modules, "ROPE_BASE", 500_000.0)


@mutation(padded_v1)
def keys_not_masked(patch: Patch) -> None:
    attend = dit.Attention.forward
    patch.setattr(dit.Attention, "forward", lambda self, x, rope, valid=None, real=None: attend(self, x, rope))


@mutation(batch_v1)
def grn_counts_other_samples_padding_v1(patch: Patch) -> None:
    grn = GRN.forward
    patch.setattr(GRN, "forward", lambda self, x, valid=None: grn(self, x))


@mutation(batch_v0)
def grn_counts_other_samples_padding_v0(patch: Patch) -> None:
    grn = GRN.forward
    patch.setattr(GRN, "forward", lambda self, x, valid=None: grn(self, x))


@mutation(batch_v0)
def text_convolution_sees_padding(patch: Patch) -> None:
    patch.setattr(dit, "_kept", lambda x, keep: x)


@mutation(padded_v1)
def position_convolution_sees_padding(patch: Patch) -> None:
    convolve = ConvPositionEmbedding.forward
    patch.setattr(ConvPositionEmbedding, "forward", lambda self, x, valid=None, real=None: convolve(self, x))


@mutation(batch_v1)
def noise_depends_on_the_batch(patch: Patch) -> None:
    shared = torch.Generator().manual_seed(1)
    patch.setattr(session, "draw_noise", lambda n, n_mels, seed: torch.randn(n, n_mels, generator=shared))


@mutation(text_v1)
def grn_over_channels(patch: Patch) -> None:
    def forward(self: GRN, x: Tensor, valid: Tensor | None = None) -> Tensor:
        norm = torch.linalg.vector_norm(x, dim=-1, keepdim=True)
        return self.gamma * (x * norm / (norm.mean(dim=1, keepdim=True) + 1e-6)) + self.beta + x

    patch.setattr(GRN, "forward", forward)


@mutation(text_v1)
def grn_counts_text_frames_only(patch: Patch) -> None:
    """What v1's mask suggests, and what upstream does not do."""
    block = ConvNeXtV2Block.forward

    def forward(self: ConvNeXtV2Block, x: Tensor, valid: Tensor | None = None) -> Tensor:
        return block(self, x, (x.abs().sum(dim=-1, keepdim=True) > 0).float())

    patch.setattr(ConvNeXtV2Block, "forward", forward)


@mutation(text_v1)
def grn_without_residual(patch: Patch) -> None:
    grn = GRN.forward
    patch.setattr(GRN, "forward", lambda self, x, valid=None: grn(self, x, valid) - x)


@mutation(text_v1)
def text_gelu_by_tanh(patch: Patch) -> None:
    exact = F.gelu
    patch.setattr(modules.F, "gelu", lambda x: exact(x, approximate="tanh"))


@mutation(text_v1)
def text_positions_sine_first(patch: Patch) -> None:
    right = dit.text_positions
    patch.setattr(dit, "text_positions", lambda n, dim, device: right(n, dim, device).roll(dim // 2, dims=-1))


@mutation(text_v1)
def text_positions_interleaved(patch: Patch) -> None:
    def interleaved(n: int, dim: int, device: torch.device) -> Tensor:
        return right(n, dim, device).unflatten(-1, (2, dim // 2)).transpose(1, 2).flatten(1)

    right = dit.text_positions
    patch.setattr(dit, "text_positions", interleaved)


@mutation(text_v1)
def v1_text_not_masked(patch: Patch) -> None:
    patch.setattr(dit, "_kept", lambda x, keep: x)


@mutation(text_v0)
def v0_text_masked(patch: Patch) -> None:
    embed = dit.TextEmbedding.forward

    def masked(self: dit.TextEmbedding, rows: Tensor, valid: Tensor | None = None, drop_text: bool = False) -> Tensor:
        self.mask_padding = True
        return embed(self, rows, valid, drop_text)

    patch.setattr(dit.TextEmbedding, "forward", masked)


@mutation(text_v1)
def dropped_text_masked_by_fillers(patch: Patch) -> None:
    """The mask taken after dropping the text: everything would be masked."""
    embed = dit.TextEmbedding.forward

    def late(self: dit.TextEmbedding, rows: Tensor, valid: Tensor | None = None, drop_text: bool = False) -> Tensor:
        return embed(self, torch.zeros_like(rows) if drop_text else rows, valid)

    patch.setattr(dit.TextEmbedding, "forward", late)


@mutation(solve_v1)
def ids_not_shifted_past_the_filler(patch: Patch) -> None:
    right = layout.packed
    patch.setattr(runtime, "packed", lambda ids, n: (right(ids, n) - 1).clamp(min=0))


@mutation(velocity_v1)
def modulation_shift_and_scale_swapped(patch: Patch) -> None:
    modulate = modules.modulate
    patch.setattr(dit, "modulate", lambda x, scale, shift: modulate(x, shift, scale))


@mutation(velocity_v1)
def one_modulation_chunk_swapped(patch: Patch) -> None:
    chunks = AdaLayerNorm.forward

    def forward(self: AdaLayerNorm, time: Tensor) -> tuple[Tensor, ...]:
        out = chunks(self, time)
        return (*out[:3], out[4], out[3], out[5]) if len(out) == 6 else out

    patch.setattr(AdaLayerNorm, "forward", forward)


@mutation(velocity_v1)
def gates_swapped(patch: Patch) -> None:
    chunks = AdaLayerNorm.forward

    def forward(self: AdaLayerNorm, time: Tensor) -> tuple[Tensor, ...]:
        out = chunks(self, time)
        return (*out[:2], out[5], *out[3:5], out[2]) if len(out) == 6 else out

    patch.setattr(AdaLayerNorm, "forward", forward)


@mutation(velocity_v1)
def last_norm_scale_and_shift_swapped(patch: Patch) -> None:
    chunks = AdaLayerNorm.forward

    def forward(self: AdaLayerNorm, time: Tensor) -> tuple[Tensor, ...]:
        out = chunks(self, time)
        return out[::-1] if len(out) == 2 else out

    patch.setattr(AdaLayerNorm, "forward", forward)


@mutation(velocity_v1)
def modulation_without_silu(patch: Patch) -> None:
    def forward(self: AdaLayerNorm, time: Tensor) -> tuple[Tensor, ...]:
        return self.linear(time).chunk(self.n_chunks, dim=-1)

    patch.setattr(AdaLayerNorm, "forward", forward)


@mutation(velocity_v1)
def scale_without_one(patch: Patch) -> None:
    modulate = modules.modulate
    patch.setattr(dit, "modulate", lambda x, scale, shift: modulate(x, scale - 1, shift))


@mutation(velocity_v1)
def feed_forward_gelu_exact(patch: Patch) -> None:
    def forward(self: FeedForward, x: Tensor) -> Tensor:
        return self.ff[2](F.gelu(self.ff[0][0](x)))

    patch.setattr(FeedForward, "forward", forward)


@mutation(velocity_v1)
def time_not_in_thousandths(patch: Patch) -> None:
    embed = modules.TimestepEmbedding.forward
    patch.setattr(modules.TimestepEmbedding, "forward", lambda self, time: embed(self, time / 1000))


@mutation(velocity_v1)
def time_cosine_first(patch: Patch) -> None:
    def forward(self: modules.TimestepEmbedding, time: Tensor) -> Tensor:
        rate = torch.exp(torch.arange(128).float() * (-math.log(10_000) / 127))
        angle = 1000 * time[:, None] * rate
        return self.time_mlp(torch.cat([angle.cos(), angle.sin()], dim=-1))

    patch.setattr(modules.TimestepEmbedding, "forward", forward)


@mutation(velocity_v1)
def time_rates_spaced_over_128(patch: Patch) -> None:
    def forward(self: modules.TimestepEmbedding, time: Tensor) -> Tensor:
        rate = torch.exp(torch.arange(128).float() * (-math.log(10_000) / 128))
        angle = 1000 * time[:, None] * rate
        return self.time_mlp(torch.cat([angle.sin(), angle.cos()], dim=-1))

    patch.setattr(modules.TimestepEmbedding, "forward", forward)


@mutation(velocity_v1)
def position_convolution_without_residual(patch: Patch) -> None:
    convolve = ConvPositionEmbedding.forward
    patch.setattr(ConvPositionEmbedding, "forward", lambda self, x, valid=None, real=None: convolve(self, x, valid) - x)


@mutation(velocity_v1)
def position_convolution_activates_first(patch: Patch) -> None:
    def forward(self: ConvPositionEmbedding, x: Tensor, valid: object = None, real: object = None) -> Tensor:
        first, mish, second, _ = self.conv1d
        return second(mish(first(mish(x.transpose(1, 2))))).transpose(1, 2)

    patch.setattr(ConvPositionEmbedding, "forward", forward)


@mutation(velocity_v1)
def position_convolutions_in_the_other_order(patch: Patch) -> None:
    def forward(self: ConvPositionEmbedding, x: Tensor, valid: object = None, real: object = None) -> Tensor:
        first, mish, second, _ = self.conv1d
        return mish(first(mish(second(x.transpose(1, 2))))).transpose(1, 2)

    patch.setattr(ConvPositionEmbedding, "forward", forward)


@mutation(velocity_v1)
def state_and_reference_columns_swapped(patch: Patch) -> None:
    forward = dit.DiT.context

    def swapped(self: dit.DiT, cond: Tensor, text: Tensor, valid: Tensor | None = None) -> dit.Context:
        weight = self.input_embed.proj.weight.data
        weight[:, :200] = weight[:, :200].roll(100, dims=1)
        return forward(self, cond, text, valid)

    patch.setattr(dit.DiT, "context", swapped)


@mutation(velocity_v1)
def attention_scale_differs(patch: Patch) -> None:
    attend = F.scaled_dot_product_attention
    patch.setattr(dit.F, "scaled_dot_product_attention", lambda q, k, v, attn_mask: attend(q / 8, k, v, attn_mask))


@mutation(velocity_v1)
def attention_causal(patch: Patch) -> None:
    attend = F.scaled_dot_product_attention
    causal = lambda q, k, v, attn_mask: attend(q, k, v, is_causal=True)  # noqa: E731
    patch.setattr(dit.F, "scaled_dot_product_attention", causal)


@mutation(methodcaller("check_velocity", "v1_qk_norm"))
def query_norm_left_out(patch: Patch) -> None:
    patch.setattr(dit.HeadNorm, "forward", lambda self, x: x)


@mutation(solve_sway)
def schedule_without_sway(patch: Patch) -> None:
    patch.setattr(sampling, "sway", lambda grid, coef: grid)


@mutation(solve_sway)
def sway_with_the_other_sign(patch: Patch) -> None:
    sway = sampling.sway
    patch.setattr(sampling, "sway", lambda grid, coef: sway(grid, -coef))


@mutation(solve_v1)
def schedule_without_epss(patch: Patch) -> None:
    patch.setattr(sampling, "EPSS_32NDS", {})


@mutation(solve_v1)
def guidance_from_the_unconditional(patch: Patch) -> None:
    patch.setattr(ops, "guided", lambda cond, uncond, strength: uncond + (cond - uncond) * strength)


@mutation(solve_v1)
def guidance_with_halves_swapped(patch: Patch) -> None:
    right = sampling.guided
    patch.setattr(ops, "guided", lambda cond, uncond, strength: right(uncond, cond, strength))


@mutation(solve_v1)
def time_of_the_step_end(patch: Patch) -> None:
    right = schedule.time_grid
    patch.setattr(schedule, "time_grid", lambda *options: torch.cat([right(*options)[1:], torch.ones(1)]))


@mutation(solve_v1)
def steps_too_long(patch: Patch) -> None:
    right = session.step_factors
    patch.setattr(session, "step_factors", lambda *options: right(*options) * torch.tensor([1.1, 1.0]))


@mutation(solve_v1)
def unconditional_keeps_the_reference(patch: Patch) -> None:
    patch.setattr(runtime.torch, "zeros_like", lambda x: x)


@mutation(solve_v1)
def unconditional_keeps_the_text(patch: Patch) -> None:
    embed = dit.TextEmbedding.forward
    patch.setattr(
        dit.TextEmbedding, "forward", lambda self, rows, valid=None, drop_text=False: embed(self, rows, valid)
    )


def with_ops(patch: Patch, **changed: Any) -> None:
    patch.setattr(runtime, "choose_ops", lambda device, dtype: replace(ops.PLAIN, **changed))


def as_one(packing: Packing) -> Packing:
    return Packing.of([packing.n_rows])


@mutation(batch_v1)
def sequences_attend_to_each_other(patch: Patch) -> None:
    with_ops(patch, attend=lambda qkv, packing: ops.attend(qkv, as_one(packing)))


@mutation(batch_v1)
def sequences_are_convolved_together(patch: Patch) -> None:
    with_ops(patch, convolve=lambda x, w, b, packing, **rest: ops.convolve(x, w, b, as_one(packing), **rest))


@mutation(batch_v1)
def positions_of_later_sequences_stretched(patch: Patch) -> None:
    """Attention sees differences of positions only, and v1 turns every head; so the error is made in a later row."""
    right = Packing.position.fget
    patch.setattr(Packing, "position", property(lambda self: right(self) * (1 + (self.first > 0).int())))


@mutation(solve_v0)
def packed_v0_turns_every_head(patch: Patch) -> None:
    with_ops(patch, turn=lambda qkv, rope, packing, n_heads: ops.turn(qkv, rope, packing, qkv.shape[2]))


@mutation(solve_v1)
def packed_v1_turns_one_head(patch: Patch) -> None:
    with_ops(patch, turn=lambda qkv, rope, packing, n_heads: ops.turn(qkv, rope, packing, 1))


@mutation(solve_v1)
def packed_values_turned(patch: Patch) -> None:
    with_ops(patch, turn=lambda qkv, rope, packing, n_heads: ops.turn(qkv.flip(1), rope, packing, n_heads).flip(1))


@mutation(solve_qk_norm)
def packed_query_norm_left_out(patch: Patch) -> None:
    patch.setattr(runtime.F, "rms_norm", lambda x, shape, weight, eps: x)


@mutation(solve_v1)
def packed_gelu_exact(patch: Patch) -> None:
    with_ops(patch, widen=lambda x, weight, bias: F.gelu(F.linear(x, weight, bias)))


@mutation(solve_v1)
def packed_gate_left_out(patch: Patch) -> None:
    with_ops(patch, add_gated=lambda x, y, gate, *rest: ops.add_gated(x, y, gate * 0 + 1, *rest))


@mutation(solve_v1)
def packed_convolution_without_residual(patch: Patch) -> None:
    with_ops(patch, convolve=lambda x, w, b, packing, added_to=None: ops.convolve(x, w, b, packing))


@mutation(solve_v1)
def last_norm_read_as_a_block_s(patch: Patch) -> None:
    patch.setattr(
        runtime.Runtime, "_next_norm", lambda self, vectors, i: (vectors[6 * (i + 1) + 1], vectors[6 * (i + 1)])
    )


@mutation(solve_v1)
def packed_queries_and_keys_fused_in_the_other_order(patch: Patch) -> None:
    patch.setattr(runtime, "head_split", lambda qkv: ops.head_split(qkv)[:, [2, 1, 0]])


@mutation(solve_v1)
def seed_ignored(patch: Patch) -> None:
    right = sampling.draw_noise
    patch.setattr(session, "draw_noise", lambda n, n_mels, seed: right(n, n_mels, 0))


@mutation(velocity_v1)
def norms_of_another_epsilon(patch: Patch) -> None:
    def modulate(x: Tensor, scale: Tensor, shift: Tensor) -> Tensor:
        return nn.functional.layer_norm(x, x.shape[-1:], eps=1e-2) * (1 + scale[:, None]) + shift[:, None]

    patch.setattr(dit, "modulate", modulate)


@pytest.mark.parametrize("name", MUTATIONS)
def test_error_is_noticed(kit: ModuleType, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    mutate, check = MUTATIONS[name]
    check(kit)
    mutate(monkeypatch)
    with pytest.raises(AssertionError):
        check(kit)
