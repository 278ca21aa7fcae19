"""Teaching the built-in acoustic network: batches of whole clips, only the bands that a recording has, its own file."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from locutor.engines.builtin.config import NetworkConfig
from locutor.engines.builtin.engine import WEIGHTS, read_networks
from locutor.engines.builtin.network import AlignedDiT
from locutor.errors import OptionError
from locutor.training.builtin.clips import AlignedClip
from locutor.training.builtin.finetune import BuiltinTrainable, write_acoustic

SMALL = NetworkConfig(n_tokens=9, n_mels=8, dim=64, depth=2, text_dim=16, text_layers=1)
N_BANDS = 6


def clip(k: int, n_frames: int) -> AlignedClip:
    """Each token lights a band of its own."""
    generator = torch.Generator().manual_seed(k)
    tokens = torch.randint(1, 6, (n_frames // 8 + 1,), generator=generator).repeat_interleave(8)[:n_frames]
    mel = torch.nn.functional.one_hot(tokens, SMALL.n_mels).float() * 2 - 1
    return AlignedClip(mel + 0.01 * k, tokens, language=0, n_bands=N_BANDS)


def trainable(n: int = 9, batch_size: int = 3) -> BuiltinTrainable:
    torch.manual_seed(0)
    network = AlignedDiT(SMALL)
    clips = [clip(k, 41 + 10 * k) for k in range(n)]
    return BuiltinTrainable(network, WEIGHTS, clips, [clip(50, 60)], batch_size)


def generator(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def test_batches_hold_every_clip_once_beside_other_clips() -> None:
    found = trainable()
    assert found.n_batches == 3
    seen = []
    for index in range(3):
        batch = found.batch(index, generator(index))
        assert batch.mel.shape[1] % SMALL.patch == 0 and batch.reference.shape[0] == 1
        own = {round(float(batch.mel[row, 0].max()) - 1, 3) for row in range(3)}
        heard = {round(float(value) - 1, 3) for value in batch.reference[0].max(-1).values}
        assert not own & heard, "a clip must not be its own reference"
        seen += batch.valid.sum(1).tolist()
    assert sorted(seen) == [41 + 10 * k for k in range(9)]


def test_the_same_draws_give_the_same_loss_and_others_another() -> None:
    found = trainable()
    found.network.train()

    def loss(seed: int) -> float:
        return float(found.loss(found.batch(1, generator(seed)), generator(seed))["loss"].detach())

    assert loss(1) == loss(1) != loss(2)


def test_bands_and_frames_that_are_not_there_do_not_count() -> None:
    found = trainable()
    found.network.eval()
    [batch] = found.held_out()
    before = found.loss(batch, generator(0))["loss"]
    weight = torch.autograd.grad(before, found.network.proj_out.bias)[0].view(SMALL.patch, SMALL.n_mels)
    assert (weight[:, N_BANDS:] == 0).all() and (weight[:, :N_BANDS] != 0).all()


def test_it_learns() -> None:
    found = trainable()
    optimizer = torch.optim.AdamW(found.network.parameters(), lr=3e-3)

    def held_out() -> float:
        found.network.eval()
        with torch.no_grad():
            return float(found.loss(found.held_out()[0], generator(0))["loss"])

    before = held_out()
    found.network.train()
    for step in range(60):
        loss = found.loss(found.batch(step % 3, generator(step)), generator(step))["loss"]
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert held_out() < 0.7 * before


def test_too_few_clips_are_refused() -> None:
    with pytest.raises(OptionError, match="2 clips are too few for batches of 2"):
        trainable(n=2, batch_size=2)


def test_a_checkpoint_is_the_base_with_one_part_changed(tmp_path: Path) -> None:
    networks = read_networks()
    state = {k: v + 0.25 if k == "timbre_proj.bias" else v for k, v in networks.acoustic.state_dict().items()}
    assert write_acoustic(tmp_path, WEIGHTS, state) == {"model": "model.safetensors"}
    found = read_networks(tmp_path / "model.safetensors")
    moved = found.acoustic.timbre_proj.bias - networks.acoustic.timbre_proj.bias
    assert torch.allclose(moved, torch.full_like(moved, 0.25), atol=1e-3)
    for part in ("duration", "g2p", "vocoder"):
        own, base = getattr(found, part).state_dict(), getattr(networks, part).state_dict()
        assert all(torch.equal(own[k], base[k]) for k in base), part
    packed = load_file(tmp_path / "model.safetensors")
    assert packed["acoustic.blocks.0.attn.to_q.weight"].dtype == torch.float16
    assert packed["duration.blocks.0.pointwise.weight"].dtype == torch.int8
