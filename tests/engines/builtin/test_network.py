import pytest
import torch
from torch import Tensor, nn

from locutor.engines.builtin.config import NetworkConfig
from locutor.engines.builtin.network import AlignedDiT, Prefix, stack_prefixes

N_REF, N_FRAMES = 18, 24


def noise(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def largest(difference: Tensor) -> float:
    return float(difference.abs().max())


@pytest.fixture
def tokens() -> Tensor:
    return torch.randint(1, 13, (1, N_FRAMES), generator=torch.Generator().manual_seed(1))


@pytest.fixture
def prefix(tiny: AlignedDiT) -> Prefix:
    return tiny.encode_reference(noise(1, N_REF, 20, seed=2))


def velocity(network: AlignedDiT, tokens: Tensor, prefix: Prefix, time: float = 0.4) -> Tensor:
    text = network.embed_text(tokens, torch.zeros_like(tokens))
    return network(noise(1, N_FRAMES, 20, seed=3), text, torch.tensor([time]), prefix)


@pytest.mark.parametrize("patch", [1, 2, 4])
def test_shapes(patch: int) -> None:
    config = NetworkConfig(n_tokens=5, n_mels=20, patch=patch, dim=128, depth=3, text_dim=16, text_layers=1)
    network = AlignedDiT(config)
    prefix = network.encode_reference(noise(2, 20, 20))
    assert (len(prefix.keys_values), prefix.n_ref) == (3, 20 // patch)
    assert prefix.keys_values[0][0].shape == prefix.keys_values[0][1].shape == (2, 2, 20 // patch, 64)
    assert prefix.timbre.shape == (2, 128)
    tokens = torch.ones(2, 12, dtype=torch.long)
    text = network.embed_text(tokens, torch.zeros_like(tokens))
    assert text.shape == (2, 12 // patch, patch * 16)
    out = network(noise(2, 12, 20), text, torch.tensor([0.1, 0.9]), prefix)
    assert out.shape == (2, 12, 20) and torch.equal(out, torch.zeros_like(out))  # the last layer starts at zero


def test_products_of_half_the_bits_give_nearly_the_same(tiny: AlignedDiT, tokens: Tensor) -> None:
    exact = velocity(tiny, tokens, tiny.encode_reference(noise(1, N_REF, 20, seed=2)))
    tiny.multiply_in(torch.bfloat16)
    halved = tiny.encode_reference(noise(1, N_REF, 20, seed=2))
    types = {name: tensor.dtype for name, tensor in tiny.state_dict().items()}
    assert {name.split(".")[2] for name, kind in types.items() if kind == torch.bfloat16} == {"attn", "ff"}
    assert halved.keys_values[0][0].dtype == torch.bfloat16 and halved.timbre.dtype == torch.float32
    rounded = velocity(tiny, tokens, halved)
    assert rounded.dtype == torch.float32
    assert 1e-4 < (rounded - exact).norm() / exact.norm() < 0.02


def test_every_condition_matters(tiny: AlignedDiT, tokens: Tensor, prefix: Prefix) -> None:
    base = velocity(tiny, tokens, prefix)
    withheld = tiny.encode_reference(noise(1, N_REF, 20, seed=2), dropped=torch.tensor([True]))
    filler = torch.zeros_like(tokens)
    text_pt = tiny.embed_text(tokens, torch.ones_like(tokens))
    portuguese = tiny(noise(1, N_FRAMES, 20, seed=3), text_pt, torch.tensor([0.4]), prefix)
    for name, other in {
        "no reference": velocity(tiny, tokens, withheld),
        "another reference": velocity(tiny, tokens, tiny.encode_reference(noise(1, N_REF, 20, seed=9))),
        "no text": velocity(tiny, filler, prefix),
        "another time": velocity(tiny, tokens, prefix, time=0.41),
        "another language": portuguese,
    }.items():
        assert largest(other - base) > 0.01, name


def test_a_withheld_reference_says_nothing_but_its_length(tiny: AlignedDiT) -> None:
    dropped = torch.tensor([True])
    one, other = (tiny.encode_reference(noise(1, N_REF, 20, seed=s), dropped) for s in (1, 2))
    for (k, v), (k2, v2) in zip(one.keys_values, other.keys_values, strict=True):
        assert torch.equal(k, k2) and torch.equal(v, v2)
    assert torch.equal(one.timbre, other.timbre)


def test_dropping_is_per_sample(tiny: AlignedDiT) -> None:
    mel = noise(2, N_REF, 20)
    mixed = tiny.encode_reference(mel, dropped=torch.tensor([False, True]))
    kept, gone = tiny.encode_reference(mel[:1]), tiny.encode_reference(mel[1:], dropped=torch.tensor([True]))
    assert largest(mixed.timbre - torch.cat([kept.timbre, gone.timbre])) < 1e-5
    tokens = torch.arange(1, 9)[None].repeat(2, 1)
    zeros = torch.zeros_like(tokens)
    text = tiny.embed_text(tokens, zeros, dropped=torch.tensor([False, True]))
    assert largest(text[0] - tiny.embed_text(tokens[:1], zeros[:1])[0]) < 1e-5
    assert largest(text[1] - tiny.embed_text(zeros[:1], zeros[:1])[0]) < 1e-5


def test_a_prefix_cached_once_equals_one_sequence(tiny: AlignedDiT, tokens: Tensor) -> None:
    """Reference and new speech run as one sequence, with masks instead of a cache, give the same velocity."""
    reference, x, time = noise(1, N_REF, 20, seed=2), noise(1, N_FRAMES, 20, seed=3), torch.tensor([0.4])
    cached = velocity(tiny, tokens, tiny.encode_reference(reference))
    heard = tiny.reference_proj(tiny._patched(reference))
    heard = heard + tiny.conv_pos_embed(heard)
    text = tiny.embed_text(tokens, torch.zeros_like(tokens))
    new = tiny.input_proj(torch.cat([tiny._patched(x), text], dim=-1))
    new = new + tiny.conv_pos_embed(new)
    n_ref, n = heard.shape[1], new.shape[1]
    # The reference is modulated at time 1 and sees itself only; the new positions see everything.
    sees = torch.ones(n_ref + n, n_ref + n, dtype=torch.bool)
    sees[:n_ref, n_ref:] = False
    at_one = torch.stack(tiny.adaln(tiny.time_embed(torch.ones(1))), dim=1)
    timbre = tiny.encode_reference(reference).timbre
    embedded_time = tiny.time_embed(time) + timbre
    now = torch.stack(tiny.adaln(embedded_time), dim=1)
    positions = torch.arange(-n_ref, n).float()
    angle = torch.outer(positions, tiny.inv_freq).repeat_interleave(2, dim=-1)
    rope = (angle.cos(), angle.sin())
    h = torch.cat([heard, new], dim=1)
    for block in tiny.blocks:
        as_reference, _ = block(h, at_one, rope, mask=sees)
        as_new = whole_block(block, h, n_ref, at_one, now, rope)
        h = torch.cat([as_reference[:, :n_ref], as_new], dim=1)
    scale, shift = tiny.norm_out(embedded_time)
    out = nn.functional.layer_norm(h[:, n_ref:], (128,), eps=1e-6) * (1 + scale[:, None]) + shift[:, None]
    assert largest(tiny.proj_out(out).reshape(1, N_FRAMES, 20) - cached) < 1e-5


def whole_block(
    block: nn.Module, h: Tensor, n_ref: int, at_one: Tensor, now: Tensor, rope: tuple[Tensor, Tensor]
) -> Tensor:
    """The new positions of one block over the whole sequence, each part modulated by its own time."""

    def normed(x: Tensor, modulation: Tensor, i: int) -> Tensor:
        shift, scale = (modulation + block.offset)[:, i : i + 1], (modulation + block.offset)[:, i + 1 : i + 2]
        return nn.functional.layer_norm(x, (128,), eps=1e-6) * (1 + scale) + shift

    seen = torch.cat([normed(h[:, :n_ref], at_one, 0), normed(h[:, n_ref:], now, 0)], dim=1)
    attended, _ = block.attn(seen, rope)
    gates = now + block.offset
    new = h[:, n_ref:] + gates[:, 2:3] * attended[:, n_ref:]
    return new + gates[:, 5:6] * block.ff(normed(new, now, 3))


def test_stacked_prefixes_are_padded_in_front(tiny: AlignedDiT) -> None:
    short, long = (tiny.encode_reference(noise(1, n, 20, seed=n)) for n in (10, 16))
    both = stack_prefixes([short, long])
    assert both.valid is not None and both.valid.tolist() == [[False] * 3 + [True] * 5, [True] * 8]
    keys = both.keys_values[1][0]
    assert torch.equal(keys[0, :, 3:], short.keys_values[1][0][0]) and not keys[0, :, :3].any()
    assert torch.equal(both.timbre, torch.cat([short.timbre, long.timbre]))
    assert stack_prefixes([long, long]).valid is None


def test_normalize_and_denormalize_are_inverse(tiny: AlignedDiT) -> None:
    mel = noise(2, 7, 20) * 3 - 4
    assert largest(tiny.denormalize(tiny.normalize(mel)) - mel) < 1e-5
    assert largest(tiny.normalize(tiny.mel_mean.expand(3, 20))) < 1e-6
