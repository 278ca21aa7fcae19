import dataclasses
import json
from pathlib import Path

import pytest
import torch

from locutor.engines.builtin.config import NetworkConfig
from locutor.engines.builtin.network import AlignedDiT
from locutor.errors import OptionError
from locutor.training.builtin.acoustic import WINDOWS, AcousticConfig, AcousticObjective
from locutor.training.builtin.shards import Pool
from locutor.training.config import TrainConfig
from locutor.training.loop import fit

SMALL = AcousticConfig(windows=((16, 32), (32, 48)), frames_per_batch=480, held_out_streams=1)
PLAIN = dataclasses.replace(
    SMALL, both_drop=0.0, reference_drop=0.0, text_drop=0.0, timbre=0.0, colour=0.0, recording=0.0
)


def tiny() -> AlignedDiT:
    torch.manual_seed(0)
    return AlignedDiT(NetworkConfig(n_tokens=12, dim=64, depth=2, text_dim=32, text_layers=1))


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_reference_and_target_share_a_stream_and_do_not_overlap(pool: Pool) -> None:
    objective = AcousticObjective(tiny(), pool, SMALL)
    orders = set()
    for seed in range(60):
        batch = objective.batch(generator(seed))
        assert (batch.n_reference, batch.n_target) in SMALL.windows
        assert len(batch.target) == len(batch.reference) == 480 // (batch.n_reference + batch.n_target)
        for reference, target in zip(batch.reference.tolist(), batch.target.tolist(), strict=True):
            (stream,) = [s for s in pool.streams[1:] if s.start <= target < s.start + s.n_frames]
            for start, n in ((reference, batch.n_reference), (target, batch.n_target)):
                assert stream.start <= start and start + n <= stream.start + stream.n_frames
            assert reference + batch.n_reference <= target or target + batch.n_target <= reference
            orders.add(reference < target)
    assert orders == {True, False}


def test_held_out_streams_are_never_trained_on(pool: Pool) -> None:
    objective = AcousticObjective(tiny(), pool, SMALL)
    end = pool.streams[0].n_frames
    for seed in range(20):
        assert int(objective.batch(generator(seed)).target.min()) >= end
    held_out = objective.held_out()
    assert len(held_out) == 4 and all(int(batch.target.max()) < end for batch in held_out)
    again = objective.held_out()
    assert all(torch.equal(a.target, b.target) for a, b in zip(held_out, again, strict=True))
    assert AcousticObjective(tiny(), pool, dataclasses.replace(SMALL, held_out_streams=0)).held_out() == []


def test_nothing_left_to_train_on_is_said(pool: Pool) -> None:
    with pytest.raises(OptionError, match="has 3 streams, of which 8 are held out"):
        AcousticObjective(tiny(), pool, AcousticConfig())


def test_the_windows_of_the_recipe_fit_a_stream_of_45_s() -> None:
    assert AcousticConfig().windows == WINDOWS and max(sum(window) for window in WINDOWS) < 45 * 93


def test_the_generator_decides(pool: Pool) -> None:
    objective = AcousticObjective(tiny(), pool, SMALL)
    batch = objective.batch(generator())
    torch.nn.init.normal_(objective.network.proj_out.weight)
    one, again, other = (float(objective.loss(batch, generator(s))["loss"].detach()) for s in (1, 1, 2))
    assert one == again != other


@pytest.mark.parametrize("condition", ["text_drop", "reference_drop", "both_drop"])
def test_a_withheld_condition_gets_no_gradient(pool: Pool, condition: str) -> None:
    network = tiny()
    for parameter in network.parameters():  # nothing starts at zero
        torch.nn.init.normal_(parameter, std=0.05)
    config = dataclasses.replace(PLAIN, **{condition: 1.0})
    objective = AcousticObjective(network, pool, config)
    objective.loss(objective.batch(generator()), generator())["loss"].backward()
    said = network.text_embed.text_embed.weight.grad
    heard = network.reference_proj.weight.grad
    assert said is not None and heard is not None
    assert bool(said[1:].any()) is (condition == "reference_drop")
    assert bool(heard.any()) is (condition == "text_drop")


def test_it_overfits_one_stream(pool: Pool, tmp_path: Path) -> None:
    """Every phoneme has a spectrum of its own here, so the text says all; who ignores it stays at a loss above 1."""
    spectra = 2 * torch.randn(12, 100, generator=generator()) - 4
    pool.mel[: pool.n_frames] = spectra[pool.tokens[: pool.n_frames].long()].half()
    # Noise of 100 bands has to pass through, so the width must not be less than that.
    torch.manual_seed(0)
    network = AlignedDiT(NetworkConfig(n_tokens=12, patch=1, dim=256, depth=1, text_dim=32, text_layers=1))
    mean, std = pool.band_statistics()
    network.mel_mean.copy_(mean)
    network.mel_std.copy_(std)
    one = dataclasses.replace(PLAIN, windows=((16, 32),), frames_per_batch=240, held_out_streams=2)
    config = TrainConfig(
        max_steps=60,
        learning_rate=3e-3,
        warmup_steps=10,
        precision="fp32",
        log_every=10,
        held_out_every=0,
        save_every=0,
    )
    fit(AcousticObjective(network, pool, one), config, tmp_path)
    losses = [json.loads(row)["train/loss"] for row in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert losses[0] > 1.0 and losses[-1] < 0.35 * losses[0], losses
