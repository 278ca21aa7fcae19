import torch

from locutor.training.recordings import equaliser_db, low_pass_db, recorded, room

HZ = torch.fft.rfftfreq(8192, 1 / 24_000)


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_what_is_made_can_be_played_and_repeated() -> None:
    clips = 0.1 * torch.randn(16, 8192, generator=generator(1))
    made = recorded(clips, generator())
    assert made.shape == clips.shape and bool(made.isfinite().all()) and float(made.abs().max()) <= 1.0
    assert torch.equal(made, recorded(clips, generator())) and not torch.equal(made, recorded(clips, generator(2)))
    loud = recorded(clips * 9, generator())
    assert float(loud.abs().max()) <= 1.0  # scaled down, never clipped
    assert int((loud.abs() > 0.999).sum()) <= 16


def test_equalisers_are_smooth_and_some_samples_have_none() -> None:
    gains = equaliser_db(600, HZ, generator())
    flat = (gains.abs().amax(1) < 1e-6).float().mean()
    assert 0.2 < float(flat) < 0.4 and 8 < float(gains.abs().max()) < 40
    assert float(gains.diff(dim=1).abs().max()) < 1.5


def test_low_passes_begin_at_3_khz() -> None:
    gains = low_pass_db(400, HZ, generator())
    assert bool((gains[:, HZ < 3000] == 0).all()) and float(gains.min()) == -80
    assert 0.25 < float((gains[:, -1] < -40).float().mean()) < 0.45


def test_rooms_fade() -> None:
    responses = room(400, 8192, generator())
    energy = responses.square().sum(1)
    assert 0.1 < float((energy > 0).float().mean()) < 0.3 and 0 < float(energy.max()) < 0.6
    ringing = responses[energy > 0].square()
    assert bool((ringing[:, :1024].sum(1) > ringing[:, -1024:].sum(1)).all())
