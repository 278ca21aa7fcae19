"""The parts of a network are compiled in place, on CUDA alone."""

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from locutor.engines.builtin.network import AlignedDiT, NetworkConfig
from locutor.engines.f5.config import F5Config
from locutor.engines.f5.dit import DiT
from locutor.engines.f5.real_frames import RealFrames
from locutor.errors import OptionError
from locutor.training.compiled import compile_blocks, parts_of
from locutor.training.config import TrainConfig
from locutor.training.loop import fit

TINY = F5Config(
    name="tiny", dim=64, depth=3, heads=1, ff_mult=2, text_dim=32, conv_layers=2, n_mels=12, text_mask_padding=True,
    pe_attn_head=None,
)  # fmt: skip


def test_the_parts_of_both_networks_and_nothing_within_them() -> None:
    f5 = DiT(TINY, n_tokens=5)
    found = list(parts_of(f5))
    assert found == [f5.text_embed, f5.input_embed, *f5.transformer_blocks]
    own = AlignedDiT(NetworkConfig(n_tokens=5, dim=64, depth=2))
    assert {*own.blocks, *own.text_embed.text_blocks} <= {*parts_of(own)}


def test_it_is_refused_without_cuda(tmp_path: Path, line) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(OptionError, match="CUDA.*cpu"):
        fit(line(), TrainConfig(max_steps=1, precision="fp32", compile=True), tmp_path)


def test_it_is_refused_without_a_compiler(monkeypatch: pytest.MonkeyPatch) -> None:
    class There(torch.nn.Module):
        def parameters(self, recurse: bool = True) -> Iterator[Any]:
            yield SimpleNamespace(device=torch.device("cuda"))

    monkeypatch.setattr("locutor.training.compiled.missing_for_triton", lambda: "gcc")
    with pytest.raises(OptionError, match="compile needs gcc; install it, or leave compile off"):
        compile_blocks(There())


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("joined", [False, True])
def test_a_compiled_network_says_the_same(joined: bool) -> None:
    torch.manual_seed(0)
    network = DiT(TINY, n_tokens=5).cuda()
    names = list(network.state_dict())
    x, time, cond = torch.randn(2, 9, 12).cuda(), torch.tensor([0.4, 0.7]).cuda(), torch.randn(2, 9, 12).cuda()
    rows, valid = (
        torch.randint(0, 6, (2, 9)).cuda(),
        (torch.arange(9) < torch.tensor([[9], [5]]))[..., None].float().cuda(),
    )
    dropped = torch.tensor([False, True]).cuda()

    real = RealFrames.of([9, 5], 9, "cuda", kernels=True)

    def velocity() -> torch.Tensor:
        network.zero_grad()
        with torch.autocast("cuda", torch.bfloat16, enabled=joined):
            text = network.text_embed(rows, valid, drop_text=dropped)
            if joined:
                y = network(real.take(x), time, network.context(real.take(cond), real.take(text), real=real))
            else:
                y = network(x, time, network.context(cond, text, valid))
        y.float().square().mean().backward()
        return torch.cat(
            [y.detach().float().flatten(), *(p.grad.flatten() for p in network.parameters() if p.grad is not None)]
        )

    plain = velocity()
    compile_blocks(network)
    assert list(network.state_dict()) == names
    assert (velocity() - plain).norm() < (2e-2 if joined else 1e-3) * plain.norm()
