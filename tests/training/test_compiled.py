"""The blocks of a network are compiled in place, on CUDA alone."""

from pathlib import Path

import pytest
import torch

from locutor.engines.builtin.network import AlignedDiT, NetworkConfig
from locutor.engines.f5.config import F5Config
from locutor.engines.f5.dit import DiT
from locutor.errors import OptionError
from locutor.training.compiled import blocks_of, compile_blocks
from locutor.training.config import TrainConfig
from locutor.training.loop import fit

TINY = F5Config(
    name="tiny", dim=64, depth=3, heads=1, ff_mult=2, text_dim=32, conv_layers=2, n_mels=12, text_mask_padding=True,
    pe_attn_head=None,
)  # fmt: skip


def test_the_blocks_of_both_networks_and_nothing_within_them() -> None:
    f5 = DiT(TINY, n_tokens=5)
    found = list(blocks_of(f5))
    assert [block for block in found if block in f5.transformer_blocks] == list(f5.transformer_blocks)
    assert not any(inner in found for block in f5.transformer_blocks for inner in block.modules() if inner is not block)
    own = AlignedDiT(NetworkConfig(n_tokens=5, dim=64, depth=2))
    assert {*own.blocks, *own.text_embed.text_blocks} <= {*blocks_of(own)}


def test_it_is_refused_without_cuda(tmp_path: Path, line) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(OptionError, match="CUDA.*cpu"):
        fit(line(), TrainConfig(max_steps=1, precision="fp32", compile=True), tmp_path)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_a_compiled_network_says_the_same() -> None:
    torch.manual_seed(0)
    network = DiT(TINY, n_tokens=5).cuda()
    names = list(network.state_dict())
    x, time, cond, text = torch.randn(1, 9, 12), torch.tensor([0.4]), torch.randn(1, 9, 12), torch.randn(1, 9, 32)
    x, time, cond, text = (each.cuda() for each in (x, time, cond, text))
    plain = network(x, time, network.context(cond, text))
    compile_blocks(network)
    assert list(network.state_dict()) == names
    assert torch.allclose(network(x, time, network.context(cond, text)), plain, atol=1e-3)
