"""Each Triton kernel against the plain operation: on a GPU, or by Triton's interpreter on a CPU."""

import importlib.util
from types import ModuleType
from typing import Any

import pytest
import torch

from locutor.engines.f5 import ops
from locutor.engines.f5.modules import rope_frequencies, rope_table
from locutor.engines.f5.packing import Packing
from locutor.engines.f5.runtime import Runtime

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.slow,
    pytest.mark.skipif(importlib.util.find_spec("triton") is None, reason="needs Triton"),
]
DEVICE = "cuda" if torch.cuda.is_available() else "cpu"
LENGTHS = (150, 0, 17, 640, 129) if DEVICE == "cuda" else (70, 0, 17, 130, 1)
HEADS = 12
# The interpreter multiplies matrices of bfloat16 as if they were integers.
DTYPES = (torch.float16, torch.bfloat16) if DEVICE == "cuda" else (torch.float16,)


@pytest.fixture
def kernels() -> Any:
    from locutor.engines.f5 import kernels

    return kernels


@pytest.fixture
def packing() -> Packing:
    torch.manual_seed(0)
    return Packing.of(LENGTHS, DEVICE)


@pytest.fixture(params=[(8, 0), (9, 0)])
def capability(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """A device without and with bulk copies, which decides how attention reads its rows."""
    if DEVICE == "cuda" and torch.cuda.get_device_capability() < request.param:
        pytest.skip(f"the device has no bulk copies: {torch.cuda.get_device_capability()}")
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda device=None: request.param)


def assert_near(got: torch.Tensor, wanted: torch.Tensor, dtype: torch.dtype) -> None:
    assert torch.isfinite(got).all() and got.shape == wanted.shape
    error = (got.float() - wanted.float()).norm() / wanted.float().norm()
    assert error < (1e-3 if dtype == torch.float16 else 8e-3)


def drawn(*shape: int, dtype: torch.dtype = torch.float32) -> torch.Tensor:
    return torch.randn(*shape, device=DEVICE, dtype=dtype)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("width", [768, 1024])
def test_modulation(kernels: Any, packing: Packing, dtype: torch.dtype, width: int) -> None:
    x, y, vectors = drawn(packing.n_rows, width), drawn(packing.n_rows, width, dtype=dtype), drawn(3, width)
    assert_near(kernels.modulate(x, *vectors[:2], dtype), ops.modulate(x, *vectors[:2], torch.float32), dtype)
    wanted = ops.add_gated(x, y, *vectors, torch.float32)
    for got, right in zip(kernels.add_gated(x.clone(), y, *vectors, dtype), wanted, strict=True):
        assert_near(got, right, dtype)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("n_heads", [HEADS, 1])
def test_rotation(kernels: Any, packing: Packing, dtype: torch.dtype, n_heads: int) -> None:
    qkv = drawn(packing.n_rows, 3, HEADS, 64, dtype=dtype)
    rope = tuple(table.to(DEVICE) for table in rope_table(700, rope_frequencies()))
    wanted = ops.turn(qkv.float(), rope, packing, n_heads)
    assert_near(kernels.turn(qkv.clone(), rope, packing, n_heads), wanted, dtype)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("width", [768, 1024])
def test_convolution(kernels: Any, packing: Packing, dtype: torch.dtype, width: int) -> None:
    x, bias = drawn(packing.n_rows, width, dtype=dtype), drawn(width, dtype=dtype)
    weight = drawn(width, width // 16, 31, dtype=dtype) / 44
    for added in (None, x):
        got = kernels.convolve(x, kernels.tap_major(weight), bias, packing, added)
        wanted = ops.convolve(x.float(), weight.float(), bias.float(), packing, None if added is None else x.float())
        assert_near(got, wanted, dtype)


@pytest.mark.usefixtures("capability")
@pytest.mark.parametrize("dtype", DTYPES)
def test_attention(kernels: Any, packing: Packing, dtype: torch.dtype) -> None:
    qkv = drawn(packing.n_rows, 3, HEADS, 64, dtype=dtype)
    wanted = ops.attend(qkv.float(), packing)
    assert_near(kernels.attend(qkv, packing), wanted, dtype)
    if DEVICE == "cuda":
        assert_near(kernels.flash_attend(qkv, packing), wanted, dtype)


@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")  # NumPy's, of the interpreter
@pytest.mark.usefixtures("capability")
def test_what_is_no_number_stays_in_its_sequence(kernels: Any, packing: Packing) -> None:
    qkv = drawn(packing.n_rows, 3, HEADS, 64, dtype=torch.float16)
    wanted = kernels.attend(qkv, packing)
    broken = packing.spans()[1]
    qkv[broken] = torch.nan
    got = kernels.attend(qkv, packing)
    assert got[broken].isnan().all()
    wanted[broken] = got[broken] = 0
    assert torch.equal(got, wanted)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("halves", [1, 2])
def test_the_ends_of_a_step(kernels: Any, dtype: torch.dtype, halves: int) -> None:
    state, weight, context = drawn(77, 100), drawn(768, 100, dtype=dtype) / 10, drawn(77 * halves, 768, dtype=dtype)
    assert_near(kernels.enter(state, weight, context), ops.enter(state, weight.float(), context.float()), dtype)
    velocity, factors = drawn(77 * halves, 128, dtype=dtype)[:, :100], torch.tensor([0.1, 2.0], device=DEVICE)
    wanted = ops.advance(state.clone(), velocity, factors)
    assert_near(kernels.advance(state, velocity, factors), wanted, torch.float16)


@pytest.mark.parametrize("dtype", DTYPES)
def test_widening(kernels: Any, dtype: torch.dtype) -> None:
    x, weight, bias = drawn(300, 256, dtype=dtype), drawn(512, 256, dtype=dtype) / 16, drawn(512, dtype=dtype)
    assert_near(kernels.widen(x, weight, bias), ops.widen(x.float(), weight.float(), bias.float()), dtype)


@pytest.mark.usefixtures("capability")
def test_a_solve_is_that_of_the_plain_operations(kernels: Any, kit: ModuleType) -> None:
    """Two texts in one batch, with guidance, through every kernel."""
    mel = kit.read_arrays("v1.npz")["solve_ref_mel"][0]
    spoken = [kit.utterance("hello there. what now", mel, 75, seed=1), kit.utterance("a day", mel, 41, seed=2)]
    network = kit.tiny_network("v1").to(DEVICE)
    made = kit.run_solve(Runtime(network, DEVICE, torch.float16, kernels.OPS), spoken, nfe_step=3)
    wanted = kit.run_solve(Runtime(network, DEVICE, torch.float32, ops.PLAIN), spoken, nfe_step=3)
    for got, right in zip(made, wanted, strict=True):
        assert got.shape == right.shape and (got - right).norm() < 5e-3 * right.norm()
