"""Time grids, noise and the Euler solver."""

import math
from types import ModuleType

import pytest
import torch

from locutor.engines.f5.sampling import draw_batch, draw_noise, euler_solve, guided, time_grid


def test_grids_equal_upstream(kit: ModuleType) -> None:
    for case in kit.read_json("grids.json"):
        grid = time_grid(case["n"], case["coef"])
        torch.testing.assert_close(grid, torch.tensor(case["grid"]), rtol=0, atol=1e-6)


@pytest.mark.parametrize("nfe_step", [1, 2, 7, 16, 32, 128])
@pytest.mark.parametrize("coef", [-1.0, 0.0, 1.0])
def test_grids_rise_from_noise_to_speech(nfe_step: int, coef: float) -> None:
    grid = time_grid(nfe_step, coef)
    assert grid.shape == (nfe_step + 1,) and grid.dtype == torch.float32
    assert grid[0] == 0 and abs(grid[-1] - 1) < 1e-6
    assert (grid.diff() > 0).all()


def test_negative_sway_stays_with_the_noise() -> None:
    assert (time_grid(32, -1.0)[1:-1] < time_grid(32, 0.0)[1:-1]).all()


def test_sixteen_steps_are_pruned_not_uniform() -> None:
    assert not torch.allclose(time_grid(16, 0.0), time_grid(16, 0.0, epss=False))
    assert torch.equal(time_grid(32, 0.0), time_grid(32, 0.0, epss=False))


def test_euler_is_exact_for_straight_paths() -> None:
    noise = torch.randn(2, 3, 4, generator=torch.Generator().manual_seed(0))
    target = torch.ones(2, 3, 4)
    end = euler_solve(lambda x, t: target - noise, noise, time_grid(5))
    torch.testing.assert_close(end, target)


def test_euler_converges_to_the_solution() -> None:
    """dx/dt = x from 1: e at time 1, with an error that falls with the step."""
    errors = [abs(float(euler_solve(lambda x, t: x, torch.ones(1), time_grid(n, 0.0))) - math.e) for n in (64, 128)]
    assert errors[1] < 0.6 * errors[0] < 0.03


def test_guidance() -> None:
    cond, uncond = torch.tensor([2.0]), torch.tensor([0.5])
    assert guided(cond, uncond, 0.0) == 2.0
    assert guided(cond, uncond, 2.0) == 5.0


def test_noise_belongs_to_the_request() -> None:
    state = torch.get_rng_state()
    batch = draw_batch([5, 9], 3, [7, 8])
    assert torch.equal(batch[0, :5], draw_noise(5, 3, 7)) and not batch[0, 5:].any()
    assert torch.equal(batch[1], draw_noise(9, 3, 8))
    assert torch.equal(torch.get_rng_state(), state)
    assert not torch.equal(draw_noise(5, 3, 7), draw_noise(5, 3, 8))
