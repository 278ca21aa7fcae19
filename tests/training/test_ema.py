import pytest
import torch
from torch import nn

from locutor.training.ema import EMA


def number(value: float) -> nn.Module:
    network = nn.Linear(1, 1, bias=False)
    nn.init.constant_(network.weight, value)
    network.register_buffer("steps", torch.tensor(7))
    return network


@pytest.mark.parametrize("bound", [0.3, 0.9, 0.9999])
def test_it_matches_the_closed_form(bound: float) -> None:
    """average = sum of w_k (1 - d_k) times all later decays, d_k = min(bound, (1 + k) / (10 + k))."""
    network = number(5.0)
    ema = EMA(network, bound)
    values = [float(v) for v in torch.randn(40, generator=torch.Generator().manual_seed(1))]
    for value in values:
        nn.init.constant_(network.weight, value)
        ema.update()
    decays = torch.tensor([min(bound, (1 + k) / (10 + k)) for k in range(40)], dtype=torch.float64)
    later = torch.tensor([float(decays[k + 1 :].prod()) for k in range(40)])
    wanted = 5.0 * float(decays.prod()) + float(sum(v * (1 - decays[k]) * later[k] for k, v in enumerate(values)))
    assert float(ema.tensors["weight"]) == pytest.approx(wanted, abs=1e-5)
    assert ema.n_updates == 40


def test_a_short_run_forgets_where_it_started() -> None:
    network = number(100.0)
    ema = EMA(network, 0.9999)
    nn.init.constant_(network.weight, 1.0)
    for _ in range(30):
        ema.update()
    assert float(ema.tensors["weight"]) == pytest.approx(1.0, abs=0.01)


def test_it_averages_floats_alone_in_float32_and_leaves_the_network() -> None:
    network = number(2.0).to(torch.bfloat16)
    ema = EMA(network, 0.5)
    assert list(ema.tensors) == ["weight"] and ema.tensors["weight"].dtype == torch.float32
    nn.init.constant_(network.weight, 4.0)
    ema.update()
    assert float(ema.tensors["weight"]) == pytest.approx(0.1 * 2 + 0.9 * 4) and network.weight.item() == 4.0
    state = ema.state(network)
    assert state.keys() == network.state_dict().keys() and int(state["steps"]) == 7
    assert float(state["weight"]) == pytest.approx(3.8)
