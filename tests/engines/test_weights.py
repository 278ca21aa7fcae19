"""Weights files of arbitrary content."""

from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from locutor.engines.weights import load_strict, read_weights
from locutor.errors import CheckpointError

OPCODES = st.sampled_from([b"\x80\x02", b"c", b"(", b"}", b"]", b"N.", b"R.", b"X\x03\x00\x00\x00abc", b"K\x01", b"Q."])


@pytest.mark.parametrize("suffix", [".pt", ".bin", ".safetensors"])
@given(content=st.one_of(st.binary(max_size=200), st.lists(OPCODES, max_size=12).map(b"".join)))
def test_any_bytes_are_weights_or_a_checkpoint_error(
    tmp_path_factory: pytest.TempPathFactory, suffix: str, content: bytes
) -> None:
    path = tmp_path_factory.getbasetemp() / f"any{suffix}"
    path.write_bytes(content)
    try:
        assert isinstance(read_weights(path), dict)
    except CheckpointError as error:
        assert path.name in str(error)


def test_round_trip(tmp_path: Path) -> None:
    torch.save({"weight": torch.arange(3.0)}, tmp_path / "a.pt")
    assert torch.equal(read_weights(tmp_path / "a.pt")["weight"], torch.arange(3.0))


def test_tensors_must_fit() -> None:
    network = nn.Linear(2, 1)
    load_strict(network, {"weight": torch.tensor([[1.0, 2.0]]), "bias": torch.tensor([3.0])}, "a file")
    assert network(torch.tensor([1.0, 1.0])) == 6.0
    with pytest.raises(CheckpointError, match=r"a file does not fit .* 1 tensors missing \(bias\)"):
        load_strict(network, {"weight": torch.zeros(1, 2)}, "a file")
    assert network(torch.tensor([1.0, 1.0])) == 6.0
