"""Lessons padded to a shape are learned as they are, and shapes waste little."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from locutor.engines.f5.config import F5Config
from locutor.engines.f5.dit import DiT
from locutor.training.buckets import FrameBuckets
from locutor.training.f5 import Clip, F5Objective
from locutor.training.f5_lesson import Shape
from locutor.training.learning import Recordable

TINY = F5Config(
    name="tiny", dim=128, depth=2, heads=2, ff_mult=2, text_dim=32, conv_layers=2, n_mels=12, text_mask_padding=True,
    pe_attn_head=None,
)  # fmt: skip
LENGTHS = [70, 33, 100, 68, 41]


@given(st.lists(st.integers(1, 2800), min_size=1, max_size=64))
def test_a_shape_holds_its_samples_and_little_else(lengths: list[int]) -> None:
    shape = Shape.of(lengths)
    assert sum(shape.lengths(lengths)) == shape.rows < max(sum(lengths) + 64, sum(lengths) * 33 / 32)
    assert len(shape.lengths(lengths)) == shape.samples <= 1.25 * len(lengths) + 2
    assert max(shape.lengths(lengths)) <= shape.longest


def test_batches_of_many_clips_have_few_shapes() -> None:
    lengths = torch.randint(200, 1200, (2_500,), generator=torch.Generator().manual_seed(0)).tolist()
    batches = FrameBuckets.of(lengths, 8_400, 8).batches
    shapes = {Shape.of([lengths[i] for i in batch]) for batch in batches}
    assert len(batches) > 250 and len(shapes) < 100


def taught() -> F5Objective:
    torch.manual_seed(0)
    network = DiT(TINY, n_tokens=5)
    for parameter in network.parameters():
        torch.nn.init.normal_(parameter, std=0.1)
    clips = [Clip(torch.randn(n, 12), tuple(torch.randint(5, (n // 6,)).tolist())) for n in LENGTHS]
    return F5Objective(network, clips)


def test_a_padded_lesson_has_the_loss_and_the_gradients_of_a_plain_one() -> None:
    objective = taught()
    assert isinstance(objective, Recordable) and not objective.can_be_recorded()
    batch = objective.batch_at(0)

    def learned(padded: bool) -> tuple[float, torch.Tensor]:
        objective.network.zero_grad()
        generator = torch.Generator().manual_seed(3)
        if padded:
            shape, tensors = objective.shaped(batch, generator)
            assert shape == (320, 6, 256)
            loss = objective.loss_of(shape, tensors)["loss"]
        else:
            loss = objective.loss(batch, generator)["loss"]
        loss.backward()
        return float(loss.detach()), torch.cat(
            [p.grad.flatten() for p in objective.network.parameters() if p.grad is not None]
        )

    (loss, gradients), (wanted, wanted_gradients) = learned(padded=True), learned(padded=False)
    assert loss == pytest.approx(wanted, rel=1e-6)
    assert (gradients - wanted_gradients).norm() < 1e-5 * wanted_gradients.norm()
