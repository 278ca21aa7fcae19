import pytest
import torch

from locutor.training.discriminators import (
    PERIODS,
    RESOLUTIONS,
    Discriminators,
    PeriodDiscriminator,
    ResolutionDiscriminator,
)


@pytest.mark.parametrize("n_samples", [4000, 4001, 4003])
def test_every_judge_gives_a_verdict_and_its_features(n_samples: int) -> None:
    torch.manual_seed(0)
    judges = Discriminators()
    verdicts, features = judges(torch.randn(2, n_samples))
    assert len(verdicts) == len(features) == len(PERIODS) + len(RESOLUTIONS)
    for verdict, of_judge in zip(verdicts, features, strict=True):
        assert verdict.shape[:2] == (2, 1) and verdict.dim() == 4 and torch.isfinite(verdict).all()
        assert len(of_judge) in (4, 5) and all(f.shape[0] == 2 and f.dim() == 4 for f in of_judge)


def test_a_period_judge_folds_the_samples() -> None:
    verdict, features = PeriodDiscriminator(7, widths=(1, 4, 8))(torch.randn(3, 700))
    assert [tuple(f.shape) for f in features] == [(3, 4, 34, 7), (3, 8, 12, 7)] and verdict.shape == (3, 1, 12, 7)


def test_a_resolution_judge_sees_frames_and_bins() -> None:
    verdict, features = ResolutionDiscriminator(512, width=4)(torch.randn(3, 2560))
    assert features[0].shape == (3, 4, 21, 257) and features[1].shape == (3, 4, 21, 129)
    assert verdict.shape[2] == 21


def test_each_sample_is_judged_for_itself_and_gradients_reach_the_audio() -> None:
    torch.manual_seed(0)
    judge, audio = ResolutionDiscriminator(512, width=4), torch.randn(2, 2560, requires_grad=True)
    verdict, _ = judge(audio)
    assert torch.allclose(verdict[:1], judge(audio[:1])[0], atol=1e-5)
    verdict[0].sum().backward()
    assert audio.grad is not None and audio.grad[0].abs().max() > 0 and not audio.grad[1].any()
