import pytest
import torch

from locutor.training.flow import draw, flow_sample, masked_mse


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_a_sample_lies_on_the_straight_path() -> None:
    data = torch.randn(64, 9, 5, generator=generator(1))
    sample = flow_sample(data, generator())
    t = sample.time[:, None, None]
    noise = data - sample.velocity
    assert torch.allclose(sample.x, (1 - t) * noise + t * data, atol=1e-6)
    assert torch.allclose(sample.x + (1 - t) * sample.velocity, data, atol=1e-5)  # one step to the end


def test_noise_is_standard_normal_and_time_uniform() -> None:
    data = torch.zeros(4000, 10, 4)
    sample = flow_sample(data, generator())
    noise = -sample.velocity
    assert abs(float(noise.mean())) < 0.01 and abs(float(noise.std()) - 1) < 0.01
    assert abs(float((noise**4).mean()) - 3) < 0.1
    assert 0 <= float(sample.time.min()) and float(sample.time.max()) < 1
    quarters = torch.histc(sample.time, bins=4, min=0, max=1) / 4000
    assert bool(((quarters - 0.25).abs() < 0.03).all())
    assert abs(float(torch.corrcoef(torch.stack([sample.time, noise.mean((1, 2))]))[0, 1])) < 0.05


def test_the_generator_decides() -> None:
    data = torch.ones(2, 3, 4)
    one, again, other = (flow_sample(data, generator(s)) for s in (3, 3, 4))
    assert torch.equal(one.x, again.x) and not torch.equal(one.x, other.x)


@pytest.mark.parametrize("probability", [0.0, 0.1, 0.5, 1.0])
def test_conditions_are_withheld_per_sample(probability: float) -> None:
    drawn = draw(probability, 20_000, generator())
    assert drawn.shape == (20_000,) and drawn.dtype == torch.bool
    assert float(drawn.float().mean()) == pytest.approx(probability, abs=0.01)


def test_masked_mse() -> None:
    predicted, target = torch.zeros(2, 3, 4), torch.zeros(2, 3, 4)
    target[0, 0] = 2.0
    target[1, 2] = float("inf")  # not counted
    counted = torch.tensor([[True, True, False], [True, True, False]])
    assert float(masked_mse(predicted, target, counted)) == pytest.approx(1.0)
    assert float(masked_mse(predicted[:1], target[:1])) == pytest.approx(4 / 3)


def test_masked_mse_counts_in_float32() -> None:
    predicted, target = torch.full((1, 1000, 10), 300.0).half(), torch.zeros(1, 1000, 10).half()
    loss = masked_mse(predicted, target)
    assert loss.dtype == torch.float32 and float(loss) == 90_000.0  # beyond half precision
