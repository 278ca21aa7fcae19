"""Attention over the real frames of a padded batch."""

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st

from locutor.engines.f5.dit import Seams, attend_within
from locutor.engines.f5.layout import frame_mask


@given(st.lists(st.integers(1, 50), min_size=1, max_size=8), st.integers(0, 9))
def test_seams_part_samples_from_each_other_and_from_their_padding(lengths: list[int], more: int) -> None:
    n = max(lengths) + more
    seams = Seams.of(lengths, n)
    parts = seams.bounds.diff().tolist()
    assert parts[::2] == lengths and parts[1::2] == [n - k for k in lengths]
    assert seams.bounds[0] == 0 and max(parts) <= seams.longest


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_within_seams_it_is_the_masked_attention() -> None:
    torch.manual_seed(0)
    lengths, n = [70, 33, 70], 70
    real = frame_mask(lengths).cuda()[:, None, :, None]  # (b, 1, n, 1)
    made = []
    for seams in (Seams.of(lengths, n, "cuda"), None):
        generator = torch.Generator("cuda").manual_seed(1)
        q, k, v = torch.randn(3, 3, 2, n, 64, generator=generator, device="cuda", dtype=torch.bfloat16).unbind(0)
        q, k, v = (x.detach().requires_grad_() for x in (q, k, v))
        if seams is None:
            y = F.scaled_dot_product_attention(q, k, v, attn_mask=real.transpose(2, 3))
        else:
            y = attend_within(q, k, v, seams)
        (y * real).square().sum().backward()
        made.append([(y * real).detach(), q.grad, k.grad, v.grad])
    for got, wanted in zip(*made, strict=True):
        assert (got.float() - wanted.float()).norm() < 2e-2 * wanted.float().norm()
