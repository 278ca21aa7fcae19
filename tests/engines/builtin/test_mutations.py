"""The networks give what the goldens say, batches give what single utterances give, and every error of this list,
made on purpose, makes one of these comparisons fail."""

from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from locutor.engines.base import Utterance
from locutor.engines.builtin import duration, g2p, network, solve
from locutor.engines.builtin.engine import Networks
from locutor.engines.builtin.network import AlignedDiT, Prefix
from locutor.engines.builtin.solve import Prepared, Solve, SolveOptions
from locutor.engines.f5 import modules, sampling
from locutor.engines.f5.modules import GRN, AdaLayerNorm, ConvPositionEmbedding, FeedForward, TimestepEmbedding
from locutor.engines.vocos import Head, Vocos, VocosConfig

Patch = pytest.MonkeyPatch
GOLDENS = Path(__file__).parents[2] / "goldens" / "builtin" / "outputs.npz"
UNHEARD = Vocos(VocosConfig(dim=8, intermediate_dim=8, n_layers=1))
TOLERANCE = 2e-3  # of an output's standard deviation: float32 on another CPU, and nothing more


@pytest.fixture
def check_goldens(goldens: ModuleType, networks: Networks) -> Callable[[], None]:
    with np.load(GOLDENS) as file:
        stored = dict(file)
    assert str(stored["weights_sha256"]) == goldens.weights_sha256(), (
        "the packaged weights have changed: run recipes/goldens/make_builtin_goldens.py"
    )

    def check() -> None:
        for name, got in goldens.outputs(networks):
            wanted = stored[name]
            assert got.shape == wanted.shape and wanted.std() > 1e-3, name
            assert np.abs(got - wanted).max() <= TOLERANCE * wanted.std(), name

    return check


def utterance(tiny: AlignedDiT, n_frames: int, n_ref: int, seed: int) -> Utterance:
    generator = torch.Generator().manual_seed(seed)
    tokens = torch.randint(1, 13, (n_frames,), generator=generator)
    reference = torch.randn(1, n_ref, 20, generator=generator)
    withheld = tiny.encode_reference(reference, dropped=torch.tensor([True]))
    state = Prepared(
        tokens=tokens,
        language=torch.full_like(tokens, seed % 2),
        voice=tiny.encode_reference(reference),
        no_voice=withheld,
    )
    return Utterance(text="", n_frames=n_frames, seed=seed, state=state)


def mels(tiny: AlignedDiT, utterances: list[Utterance], **options: Any) -> list[Tensor]:
    done = Solve(tiny, UNHEARD, utterances, SolveOptions(**options))
    while not done.done:
        done.step()
    return [mel.T for mel in done.mels()]


@pytest.fixture
def check_batch(tiny: AlignedDiT) -> Callable[[], None]:
    def check() -> None:
        spoken = [utterance(tiny, n, r, s) for n, r, s in ((31, 22, 1), (12, 8, 2), (20, 34, 3))]
        for cfg_strength in (0.0, 1.5):
            options = {"nfe_step": 4, "cfg_strength": cfg_strength}
            together = mels(tiny, spoken, **options)
            for one, of_batch in zip(spoken, together, strict=True):
                (alone,) = mels(tiny, [one], **options)
                assert alone.shape == of_batch.shape and alone.std() > 0.1
                assert (alone - of_batch).abs().max() <= 1e-4

    return check


MUTATIONS: dict[str, tuple[Callable[[Patch], None], str]] = {}


def mutation(check: str) -> Callable[[Callable[[Patch], None]], Callable[[Patch], None]]:
    def register(mutate: Callable[[Patch], None]) -> Callable[[Patch], None]:
        MUTATIONS[mutate.__name__] = (mutate, check)
        return mutate

    return register


def swap_chunks(patch: Patch, order: tuple[int, ...]) -> None:
    chunks = AdaLayerNorm.forward

    def forward(self: AdaLayerNorm, time: Tensor) -> tuple[Tensor, ...]:
        out = chunks(self, time)
        return tuple(out[i] for i in order) if len(out) == len(order) else out

    patch.setattr(AdaLayerNorm, "forward", forward)


@mutation("check_goldens")
def new_speech_does_not_start_at_position_zero(patch: Patch) -> None:
    table = modules.rope_table
    patch.setattr(network, "rope_table", lambda n, freq, start=None: table(n, freq, 1 if start is None else start))


@mutation("check_goldens")
def reference_starts_at_position_zero(patch: Patch) -> None:
    table = modules.rope_table
    patch.setattr(network, "rope_table", lambda n, freq, start=0: table(n, freq))


@mutation("check_goldens")
def reference_ends_at_position_zero(patch: Patch) -> None:
    table = modules.rope_table
    patch.setattr(network, "rope_table", lambda n, freq, start=0: table(n, freq, start + 1 if start else 0))


@mutation("check_goldens")
def queries_not_turned(patch: Patch) -> None:
    calls: list[int] = []

    def every_other(x: Tensor, rope: tuple[Tensor, Tensor]) -> Tensor:
        calls.append(1)
        return modules.apply_rope(x, rope) if len(calls) % 2 == 0 else x

    patch.setattr(network, "apply_rope", every_other)


@mutation("check_goldens")
def rope_pairs_halves(patch: Patch) -> None:
    def half_split(x: Tensor, rope: tuple[Tensor, Tensor]) -> Tensor:
        cos, sin = (torch.cat([part[:, ::2], part[:, ::2]], dim=-1) for part in rope)
        first, second = x.chunk(2, dim=-1)
        return x * cos + torch.cat([-second, first], dim=-1) * sin

    patch.setattr(network, "apply_rope", half_split)


@mutation("check_goldens")
def letters_without_positions(patch: Patch) -> None:
    patch.setattr(g2p, "apply_rope", lambda x, rope: x)


@mutation("check_goldens")
def queries_not_normalised(patch: Patch) -> None:
    patch.setattr(nn.RMSNorm, "forward", lambda self, x: x)


@mutation("check_goldens")
def reference_not_attended(patch: Patch) -> None:
    attend = network.Attention.forward
    patch.setattr(network.Attention, "forward", lambda self, x, rope, prefix=None, mask=None: attend(self, x, rope))


@mutation("check_goldens")
def reference_keys_and_values_swapped(patch: Patch) -> None:
    attend = network.Attention.forward

    def forward(self: network.Attention, x: Tensor, rope: Any, prefix: Any = None, mask: Any = None) -> Any:
        return attend(self, x, rope, prefix and prefix[::-1], mask)

    patch.setattr(network.Attention, "forward", forward)


@mutation("check_goldens")
def layers_of_the_reference_shifted(patch: Patch) -> None:
    encode = AlignedDiT.encode_reference

    def shifted(self: AlignedDiT, mel: Tensor, dropped: Tensor | None = None) -> Prefix:
        found = encode(self, mel, dropped)
        return Prefix(found.keys_values[1:] + found.keys_values[:1], found.timbre)

    patch.setattr(AlignedDiT, "encode_reference", shifted)


@mutation("check_goldens")
def timbre_ignored(patch: Patch) -> None:
    encode = AlignedDiT.encode_reference

    def without(self: AlignedDiT, mel: Tensor, dropped: Tensor | None = None) -> Prefix:
        found = encode(self, mel, dropped)
        return Prefix(found.keys_values, torch.zeros_like(found.timbre))

    patch.setattr(AlignedDiT, "encode_reference", without)


@mutation("check_goldens")
def withheld_reference_is_zero(patch: Patch) -> None:
    encode = AlignedDiT.encode_reference

    def zeroed(self: AlignedDiT, mel: Tensor, dropped: Tensor | None = None) -> Prefix:
        return encode(self, mel if dropped is None else torch.zeros_like(mel))

    patch.setattr(AlignedDiT, "encode_reference", zeroed)


@mutation("check_goldens")
def withheld_reference_is_heard(patch: Patch) -> None:
    encode = AlignedDiT.encode_reference
    patch.setattr(AlignedDiT, "encode_reference", lambda self, mel, dropped=None: encode(self, mel))


@mutation("check_goldens")
def withheld_text_is_read(patch: Patch) -> None:
    embed = AlignedDiT.embed_text
    right: Callable[..., Tensor] = lambda self, tokens, language, dropped=None, valid=None: embed(  # noqa: E731
        self, tokens, language, None, valid
    )
    patch.setattr(AlignedDiT, "embed_text", right)


@mutation("check_goldens")
def languages_swapped(patch: Patch) -> None:
    embed = network.TextEmbedding.forward
    swapped: Callable[..., Tensor] = lambda self, tokens, language, valid=None: embed(  # noqa: E731
        self, tokens, 1 - language, valid
    )
    patch.setattr(network.TextEmbedding, "forward", swapped)


@mutation("check_goldens")
def reference_at_flow_time_zero(patch: Patch) -> None:
    embed = TimestepEmbedding.forward
    patch.setattr(TimestepEmbedding, "forward", lambda self, time: embed(self, torch.where(time == 1, 0 * time, time)))


@mutation("check_goldens")
def shift_and_scale_of_attention_swapped(patch: Patch) -> None:
    swap_chunks(patch, (1, 0, 2, 3, 4, 5))


@mutation("check_goldens")
def gates_swapped(patch: Patch) -> None:
    swap_chunks(patch, (0, 1, 5, 3, 4, 2))


@mutation("check_goldens")
def last_norm_shift_first(patch: Patch) -> None:
    swap_chunks(patch, (1, 0))


@mutation("check_goldens")
def blocks_without_their_offsets(patch: Patch) -> None:
    run = network.Block.forward

    def forward(self: network.Block, x: Tensor, modulation: Tensor, *rest: Any) -> Any:
        return run(self, x, modulation - self.offset, *rest)

    patch.setattr(network.Block, "forward", forward)


@mutation("check_goldens")
def modulation_without_silu(patch: Patch) -> None:
    patch.setattr(AdaLayerNorm, "forward", lambda self, time: self.linear(time).chunk(self.n_chunks, dim=-1))


@mutation("check_goldens")
def positions_without_the_convolution(patch: Patch) -> None:
    patch.setattr(ConvPositionEmbedding, "forward", lambda self, x, valid=None: torch.zeros_like(x))


@mutation("check_goldens")
def frames_of_a_patch_interleaved(patch: Patch) -> None:
    def patched(self: AlignedDiT, frames: Tensor) -> Tensor:
        b, f, c = frames.shape
        return frames.reshape(b, f // 2, 2, c).transpose(2, 3).reshape(b, f // 2, 2 * c)

    patch.setattr(AlignedDiT, "_patched", patched)


@mutation("check_goldens")
def feed_forward_gelu_exact(patch: Patch) -> None:
    patch.setattr(FeedForward, "forward", lambda self, x: self.ff[2](F.gelu(self.ff[0][0](x))))


@mutation("check_goldens")
def text_grn_without_residual(patch: Patch) -> None:
    grn = GRN.forward
    patch.setattr(GRN, "forward", lambda self, x, valid=None: grn(self, x, valid) - x)


@mutation("check_goldens")
def mel_not_scaled_back(patch: Patch) -> None:
    patch.setattr(AlignedDiT, "denormalize", lambda self, mel: mel)


@mutation("check_goldens")
def guidance_with_halves_swapped(patch: Patch) -> None:
    right = sampling.guided
    patch.setattr(solve, "guided", lambda cond, uncond, strength: right(uncond, cond, strength))


@mutation("check_goldens")
def last_step_guided(patch: Patch) -> None:
    patch.setattr(solve, "GUIDED_UNTIL", 2.0)


@mutation("check_goldens")
def guidance_not_rescaled(patch: Patch) -> None:
    patch.setattr(solve, "RESCALED", 0.0)


@mutation("check_batch")
def guidance_rescaled_by_the_padding_too(patch: Patch) -> None:
    right = solve.rescaled
    patch.setattr(
        solve, "rescaled", lambda x, cond, steered, time, n: right(x, cond, steered, time, [x.shape[1] for _ in n])
    )


@mutation("check_goldens")
def guidance_keeps_the_reference(patch: Patch) -> None:
    start = Solve.__init__

    def kept(self: Solve, net: AlignedDiT, vocoder: Vocos, utterances: list[Utterance], options: SolveOptions) -> None:
        states = [u.state for u in utterances]
        same = [Prepared(tokens=s.tokens, language=s.language, voice=s.voice, no_voice=s.voice) for s in states]
        spoken = [
            Utterance(text=u.text, n_frames=u.n_frames, seed=u.seed, state=s)
            for u, s in zip(utterances, same, strict=True)
        ]
        start(self, net, vocoder, spoken, options)

    patch.setattr(Solve, "__init__", kept)


@mutation("check_goldens")
def schedule_without_sway(patch: Patch) -> None:
    patch.setattr(sampling, "sway", lambda grid, coef: grid)


@mutation("check_goldens")
def seed_ignored(patch: Patch) -> None:
    right = sampling.draw_noise
    patch.setattr(sampling, "draw_noise", lambda n, n_mels, seed: right(n, n_mels, 0))


@mutation("check_goldens")
def pace_without_the_spread(patch: Patch) -> None:
    def mean_only(self: duration.PaceEncoder, mel: Tensor) -> Tensor:
        x = mel.transpose(1, 2)
        for conv in self.convs:
            x = F.gelu(conv(x))
        return self.out(torch.cat([x.mean(-1), x.mean(-1)], dim=-1))

    patch.setattr(duration.PaceEncoder, "forward", mean_only)


@mutation("check_goldens")
def pace_ignored(patch: Patch) -> None:
    run = duration.ConvBlock.forward
    patch.setattr(duration.ConvBlock, "forward", lambda self, x, voice, valid: run(self, x, 0 * voice, valid))


@mutation("check_goldens")
def vocoder_magnitude_and_phase_swapped(patch: Patch) -> None:
    run = Head.forward

    def forward(self: Head, x: Tensor, valid: Tensor | None = None) -> Tensor:
        weight, bias = self.out.weight, self.out.bias
        half = len(bias) // 2
        other = Head(VocosConfig(dim=weight.shape[1]))
        other.out.weight.data, other.out.bias.data = weight.roll(half, 0), bias.roll(half)
        return run(other, x, valid)

    patch.setattr(Head, "forward", forward)


@mutation("check_batch")
def keys_not_masked(patch: Patch) -> None:
    patch.setattr(AlignedDiT, "_mask", staticmethod(lambda b, n, prefix, valid: None))


@mutation("check_batch")
def padded_references_are_heard(patch: Patch) -> None:
    stack = network.stack_prefixes

    def all_valid(prefixes: list[Prefix]) -> Prefix:
        found = stack(prefixes)
        return Prefix(found.keys_values, found.timbre)

    patch.setattr(solve, "stack_prefixes", all_valid)


@mutation("check_batch")
def references_padded_behind(patch: Patch) -> None:
    def behind(tensor: Tensor, pad: tuple[int, ...], **more: Any) -> Tensor:
        return pad_(tensor, (0, 0, 0, pad[2]) if len(pad) == 4 else pad, **more)

    pad_ = F.pad
    patch.setattr(network.F, "pad", behind)


@mutation("check_batch")
def text_sees_padding(patch: Patch) -> None:
    embed = network.TextEmbedding.forward
    patch.setattr(network.TextEmbedding, "forward", lambda self, t, language, valid=None: embed(self, t, language))


@mutation("check_batch")
def grn_counts_padding(patch: Patch) -> None:
    grn = GRN.forward
    patch.setattr(GRN, "forward", lambda self, x, valid=None: grn(self, x))


@mutation("check_batch")
def position_convolution_sees_padding(patch: Patch) -> None:
    convolve = ConvPositionEmbedding.forward
    patch.setattr(ConvPositionEmbedding, "forward", lambda self, x, valid=None: convolve(self, x))


@mutation("check_batch")
def noise_depends_on_the_batch(patch: Patch) -> None:
    def together(n_frames: list[int], n_mels: int, seeds: list[int]) -> Tensor:
        return torch.randn(len(n_frames), max(n_frames), n_mels, generator=torch.Generator().manual_seed(seeds[0]))

    patch.setattr(solve, "draw_batch", together)


@mutation("check_batch")
def unconditional_rows_of_other_samples(patch: Patch) -> None:
    right = sampling.guided
    patch.setattr(solve, "guided", lambda cond, uncond, strength: right(cond, uncond.flip(0), strength))


def test_goldens_hold(check_goldens: Callable[[], None]) -> None:
    check_goldens()


def test_batch_equals_single(check_batch: Callable[[], None]) -> None:
    check_batch()


@pytest.mark.parametrize("name", MUTATIONS)
def test_error_is_noticed(request: pytest.FixtureRequest, monkeypatch: Patch, name: str) -> None:
    mutate, check = MUTATIONS[name]
    mutate(monkeypatch)
    with pytest.raises(AssertionError):
        request.getfixturevalue(check)()
