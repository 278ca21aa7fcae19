"""The F5 objective trains a tiny network of upstream's shape on clips whose sound depends on their text."""

from pathlib import Path

import pytest
import torch

from locutor.engines.f5.config import F5Config
from locutor.engines.f5.dit import DiT
from locutor.errors import OptionError
from locutor.training.config import TrainConfig
from locutor.training.ema import EMA
from locutor.training.f5 import Batch, Clip, F5Objective, SpanConfig
from locutor.training.loop import fit, held_out_losses

N_MELS = 12
TINY = F5Config(
    name="tiny",
    dim=64, depth=2, heads=1, ff_mult=2, text_dim=32, conv_layers=1, n_mels=N_MELS, text_mask_padding=True,
    pe_attn_head=None,
)  # fmt: skip


def tiny_network() -> DiT:
    torch.manual_seed(0)
    return DiT(TINY, n_tokens=5)


def clips(n: int) -> list[Clip]:
    """Each token lights its own bands for four frames."""
    made = []
    for k in range(n):
        generator = torch.Generator().manual_seed(k)
        ids = torch.randint(5, (4 + k % 5,), generator=generator)
        mel = torch.full((4 * len(ids), N_MELS), -1.0)
        for place, token in enumerate(ids.tolist()):
            mel[4 * place : 4 * place + 4, 2 * token : 2 * token + 2] = 1.0
        made.append(Clip(mel, tuple(ids.tolist())))
    return made


def first_batch(objective: F5Objective) -> Batch:
    return objective.batch(torch.Generator().manual_seed(0))


def test_training_lowers_the_held_out_loss(tmp_path: Path) -> None:
    network = tiny_network()
    objective = F5Objective(network, clips(40), clips(48)[40:], SpanConfig(frames_per_batch=400))
    config = TrainConfig(
        max_steps=150, learning_rate=3e-3, warmup_steps=20, precision="fp32", log_every=50, held_out_every=0,
        save_every=0, ema_decay=0.95,
    )  # fmt: skip
    before = held_out_losses(objective, EMA(network, 0.9), config)["loss"]
    fit(objective, config, tmp_path)
    after = held_out_losses(objective, EMA(network, 0.9), config)["loss"]
    assert after < 0.6 * before


def test_spans_have_the_asked_share_and_stay_inside_their_clip() -> None:
    objective = F5Objective(tiny_network(), clips(4))
    n_frames = torch.tensor([200, 350, 1000])
    spans = objective._spans(n_frames, 1000, torch.Generator().manual_seed(1))
    share = spans.sum(1) / n_frames
    assert ((share >= 0.69) & (share <= 1)).all()
    for row, n in zip(spans, n_frames.tolist(), strict=True):
        assert not row[n:].any()
        assert (row.int().diff().abs().sum() <= 2).item()


def test_padding_of_a_batch_does_not_change_a_sample() -> None:
    network = tiny_network().eval()
    for parameter in network.parameters():
        torch.nn.init.normal_(parameter, std=0.2)
    short, long = clips(5)[0], clips(5)[4]
    config = SpanConfig(audio_drop=0, both_drop=0, shortest=1.0, longest=1.0)

    def velocity(members: list[Clip]) -> torch.Tensor:
        objective = F5Objective(network, members, config=config)
        batch = objective.batch(torch.Generator().manual_seed(0))
        valid = (torch.arange(batch.mel.shape[1])[None] < batch.n_frames[:, None])[..., None].float()
        text = network.text_embed(batch.rows, valid)
        context = network.context(torch.zeros_like(batch.mel), text, valid)
        state = torch.zeros_like(batch.mel)
        return network(state, torch.tensor([0.5]), context)[0, : len(short.mel)]

    with torch.no_grad():
        torch.testing.assert_close(velocity([short, long]), velocity([short]), atol=1e-5, rtol=0)


def test_conditions_are_withheld_per_sample() -> None:
    network = tiny_network().eval()
    rows = first_batch(F5Objective(network, clips(8))).rows
    dropped = torch.zeros(len(rows), dtype=torch.bool)
    dropped[0] = True
    mixed = network.text_embed(rows, drop_text=dropped)
    torch.testing.assert_close(mixed[0], network.text_embed(rows, drop_text=True)[0])
    torch.testing.assert_close(mixed[1:], network.text_embed(rows)[1:])
    assert not torch.equal(mixed[0], network.text_embed(rows)[0])


def test_no_clips_is_an_error() -> None:
    with pytest.raises(OptionError, match="no clips"):
        F5Objective(tiny_network(), [])
