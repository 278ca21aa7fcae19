"""Every error of this list, made on purpose, must make a comparison with upstream or batch = single fail."""

import math
from collections.abc import Callable
from operator import methodcaller
from types import ModuleType

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from locutor.engines.f5 import dit, layout, modules, sampling, session
from locutor.engines.f5.modules import GRN, AdaLayerNorm, ConvNeXtV2Block, ConvPositionEmbedding, FeedForward

Patch = pytest.MonkeyPatch
Check = Callable[[ModuleType], None]


velocity_v0, velocity_v1 = methodcaller("check_velocity", "v0"), methodcaller("check_velocity", "v1")
text_v0, text_v1 = methodcaller("check_text", "v0"), methodcaller("check_text", "v1")
solve_v1, solve_sway = methodcaller("check_solve", "v1", "epss7"), methodcaller("check_solve", "v1", "sway9")
batch_v0, batch_v1 = methodcaller("check_batch", "v0"), methodcaller("check_batch", "v1")

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


@mutation(batch_v1)
def keys_not_masked(patch: Patch) -> None:
    attend = dit.Attention.forward
    patch.setattr(dit.Attention, "forward", lambda self, x, rope, valid=None: attend(self, x, rope))


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


@mutation(batch_v1)
def position_convolution_sees_padding(patch: Patch) -> None:
    convolve = ConvPositionEmbedding.forward
    patch.setattr(ConvPositionEmbedding, "forward", lambda self, x, valid=None: convolve(self, x))


@mutation(batch_v1)
def noise_depends_on_the_batch(patch: Patch) -> None:
    def together(n_frames: list[int], n_mels: int, seeds: list[int]) -> Tensor:
        return torch.randn(len(n_frames), max(n_frames), n_mels, generator=torch.Generator().manual_seed(seeds[0]))

    patch.setattr(session, "draw_batch", together)


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
    patch.setattr(session, "packed", lambda ids, n: (right(ids, n) - 1).clamp(min=0))


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
    patch.setattr(ConvPositionEmbedding, "forward", lambda self, x, valid=None: convolve(self, x, valid) - x)


@mutation(velocity_v1)
def position_convolution_activates_first(patch: Patch) -> None:
    def forward(self: ConvPositionEmbedding, x: Tensor, valid: Tensor | None = None) -> Tensor:
        first, mish, second, _ = self.conv1d
        return second(mish(first(mish(x.transpose(1, 2))))).transpose(1, 2)

    patch.setattr(ConvPositionEmbedding, "forward", forward)


@mutation(velocity_v1)
def position_convolutions_in_the_other_order(patch: Patch) -> None:
    def forward(self: ConvPositionEmbedding, x: Tensor, valid: Tensor | None = None) -> Tensor:
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
    patch.setattr(session, "guided", lambda cond, uncond, strength: uncond + (cond - uncond) * strength)


@mutation(solve_v1)
def guidance_with_halves_swapped(patch: Patch) -> None:
    right = sampling.guided
    patch.setattr(session, "guided", lambda cond, uncond, strength: right(uncond, cond, strength))


@mutation(solve_v1)
def time_of_the_step_end(patch: Patch) -> None:
    def step(velocity: sampling.Velocity, state: Tensor, start: float, end: float) -> Tensor:
        return state + (end - start) * velocity(state, end)

    patch.setattr(session, "euler_step", step)


@mutation(solve_v1)
def unconditional_keeps_the_reference(patch: Patch) -> None:
    forward = dit.DiT.context

    def kept(self: dit.DiT, cond: Tensor, text: Tensor, valid: Tensor | None = None) -> dit.Context:
        return forward(self, cond[: len(cond) // 2].repeat(2, 1, 1), text, valid)

    patch.setattr(dit.DiT, "context", kept)


@mutation(solve_v1)
def seed_ignored(patch: Patch) -> None:
    right = sampling.draw_noise
    patch.setattr(sampling, "draw_noise", lambda n, n_mels, seed: right(n, n_mels, 0))


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
