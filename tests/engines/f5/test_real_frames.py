"""Real frames laid end to end are computed as they are in a padded batch, and nothing else is."""

import importlib.util

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from locutor.engines.f5.config import F5Config, packaged_config
from locutor.engines.f5.dit import DiT
from locutor.engines.f5.layout import frame_mask
from locutor.engines.f5.real_frames import RealFrames

DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
on_gpu = pytest.mark.skipif(DEVICE == "cpu", reason="needs a CUDA device")
LENGTHS = [70, 33, 1, 68]
SIZES = dict(dim=128, depth=2, heads=2, ff_mult=2, text_dim=32, conv_layers=2, n_mels=12)


@given(st.lists(st.integers(1, 50), min_size=1, max_size=8), st.integers(0, 9))
def test_they_are_taken_in_order_and_know_their_sample(lengths: list[int], more: int) -> None:
    n = max(lengths) + more
    real = RealFrames.of(lengths, n)
    mask = frame_mask([*lengths, n])[:-1]
    x = torch.arange(mask.numel()).view(mask.shape)
    assert torch.equal(real.take(x)[0], x[mask])
    assert torch.equal(real.sample, mask.nonzero()[:, 0]) and torch.equal(real.position, mask.nonzero()[:, 1])
    assert [s.stop - s.start for s in real.spans] == lengths
    assert torch.equal(real.end - real.first, torch.tensor(lengths)[real.sample])


def test_what_is_spread_has_the_gradient_of_indexing() -> None:
    real = RealFrames.of(LENGTHS, 70)
    vectors = torch.randn(4, 5, requires_grad=True)
    torch.autograd.gradcheck(real.spread, [vectors.double()])
    torch.autograd.gradcheck(real.scale, [torch.randn(1, sum(LENGTHS), 5).double().requires_grad_(), vectors.double()])
    assert torch.equal(real.spread(vectors)[0], vectors[real.sample])


def test_scaling_by_frozen_vectors_keeps_nothing_of_the_size_of_the_frames() -> None:
    real, kept = RealFrames.of(LENGTHS, 70), list[int]()
    x, vectors = torch.randn(1, sum(LENGTHS), 64, requires_grad=True), torch.randn(4, 64)
    with torch.autograd.graph.saved_tensors_hooks(lambda t: kept.append(t.numel()) or t, lambda t: t):
        y = real.scale(x, vectors) + real.spread(vectors)
    assert max(kept) < x.numel() and torch.equal(y[0], x[0] * vectors[real.sample] + vectors[real.sample])


@pytest.mark.parametrize("name", ["F5TTS_Base", "F5TTS_v1_Base"])
def test_velocity_and_gradients_are_those_of_the_padded_batch(name: str) -> None:
    config = packaged_config(name).model_copy(update=SIZES)
    (velocity, gradients), (wanted, wanted_gradients) = (_trained(config, joined) for joined in (True, False))
    torch.testing.assert_close(velocity, wanted, atol=1e-5, rtol=1e-4)
    assert gradients.keys() == wanted_gradients.keys()
    for gradient, wanted in zip(gradients.values(), wanted_gradients.values(), strict=True):
        torch.testing.assert_close(gradient, wanted, atol=1e-5, rtol=1e-3)


def _trained(config: F5Config, joined: bool) -> tuple[Tensor, dict[str, Tensor]]:
    """Velocity of the real frames, and every parameter's gradient of its mean square."""
    torch.manual_seed(0)
    network = DiT(config, n_tokens=5)
    for parameter in network.parameters():
        torch.nn.init.normal_(parameter, std=0.1)
    n = 75
    x, cond, rows = torch.randn(4, n, 12), torch.randn(4, n, 12), torch.randint(0, 6, (4, n))
    time, valid = torch.rand(4), (torch.arange(n) < torch.tensor(LENGTHS)[:, None])[..., None].float()
    real = RealFrames.of(LENGTHS, n)
    text = network.text_embed(rows, valid)
    if joined:
        y = network(real.take(x), time, network.context(real.take(cond), real.take(text), real=real))
    else:
        y = real.take(network(x, time, network.context(cond, text, valid)))
    y.square().mean().backward()
    return y.detach(), {k: p.grad for k, p in network.named_parameters() if p.grad is not None}


@pytest.mark.gpu
@on_gpu
@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_attention_with_kernels_is_that_of_each_sample(dtype: torch.dtype) -> None:
    torch.manual_seed(0)
    real = RealFrames.of(LENGTHS, 70, "cuda", kernels=True)
    inputs = torch.randn(3, 1, 2, sum(LENGTHS), 64, device="cuda", dtype=dtype)
    _same(lambda r, *x: r.attend(*x), real, list(inputs))


@pytest.mark.gpu
@pytest.mark.slow
@pytest.mark.skipif(importlib.util.find_spec("triton") is None, reason="needs Triton")
@pytest.mark.parametrize("width", [8, 64])
def test_convolution_with_kernels_is_that_of_each_sample(width: int) -> None:
    """On a CPU by Triton's interpreter, which multiplies matrices of bfloat16 as if they were integers."""
    torch.manual_seed(0)
    longest, dtype = (200, torch.bfloat16) if DEVICE == "cuda" else (71, torch.float16)
    d, lengths = 16 * width, [*LENGTHS, longest]
    real = RealFrames.of(lengths, longest, DEVICE, kernels=True)
    x, weight, bias = torch.randn(1, sum(lengths), d), torch.randn(d, width, 31) / (31 * width) ** 0.5, torch.randn(d)
    inputs = [t.to(DEVICE, dtype) for t in (x, weight, bias)]
    _same(_convolved, real, inputs)


def _convolved(real: RealFrames, x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    layer = nn.Conv1d(len(weight), len(weight), 31, padding=15, groups=16, device="meta")
    for name, tensor in (("weight", weight), ("bias", bias)):
        delattr(layer, name)
        setattr(layer, name, tensor)
    return F.mish(real.convolve(x, layer))


def _same(run, real: RealFrames, inputs: list[Tensor]) -> None:  # type: ignore[no-untyped-def]
    """What it gives and its gradients, against one sample after the other in float32."""
    made = []
    for way, dtype in ((real, inputs[0].dtype), (real._replace(kernels=False), torch.float32)):
        given = [x.to(dtype).detach().requires_grad_() for x in inputs]
        with torch.backends.cudnn.flags(allow_tf32=False):
            y = run(way, *given)
            (y.float() * torch.linspace(-1, 1, y.numel(), device=y.device).view(y.shape)).sum().backward()
        made.append([y.detach(), *(x.grad for x in given)])
    for got, wanted in zip(*made, strict=True):
        assert (got.float() - wanted).norm() < 1.5e-2 * wanted.norm()
