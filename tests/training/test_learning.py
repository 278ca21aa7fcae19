"""What a batch teaches, plainly and from recorded graphs."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from locutor.engines.f5.config import F5Config
from locutor.engines.f5.dit import DiT
from locutor.engines.lora import LoraConfig, adapt
from locutor.training import learning
from locutor.training.config import TrainConfig
from locutor.training.ema import EMA
from locutor.training.f5 import Clip, F5Objective, SpanConfig
from locutor.training.f5_finetune import F5Trainable
from locutor.training.learning import Learning, RecordedLearning, learning_of
from locutor.training.loop import make_optimizer, step_generators, trained_by

on_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
TINY = F5Config(
    name="tiny", dim=128, depth=2, heads=2, ff_mult=2, text_dim=32, conv_layers=2, n_mels=12, text_mask_padding=True,
    pe_attn_head=None,
)  # fmt: skip


def test_gradients_of_batches_add_up_to_their_mean(line) -> None:  # type: ignore[no-untyped-def]
    objective = line()
    learn = learning_of(objective, TrainConfig(max_steps=1, precision="fp32"))
    batches = [objective.batch(torch.Generator().manual_seed(k)) for k in range(2)]

    def gradients(*which: int) -> Tensor:
        objective.network.zero_grad(set_to_none=not learn.keeps_gradients)
        for k in which:
            losses = learn(batches[k], torch.Generator().manual_seed(k), n_batches=len(which))
            assert losses.keys() == {"loss", "double"} and not losses["loss"].requires_grad
        return torch.cat([p.grad.flatten() for p in objective.network.parameters()])

    torch.testing.assert_close(gradients(0, 1), (gradients(0) + gradients(1)) / 2)


def objective_on_gpu() -> F5Objective:
    torch.manual_seed(0)
    network = DiT(TINY, n_tokens=5)
    for parameter in network.parameters():
        torch.nn.init.normal_(parameter, std=0.1)
    lengths = torch.randint(30, 300, (48,)).tolist()
    clips = [Clip(torch.randn(n, 12), tuple(torch.randint(5, (n // 6,)).tolist())) for n in lengths]
    return F5Objective(network.cuda(), clips, config=SpanConfig(frames_per_batch=1_200))


def gradients_of(objective: F5Objective, learn: Callable[..., dict[str, Tensor]], index: int) -> tuple[float, Tensor]:
    trained = [p for p in objective.network.parameters() if p.requires_grad]
    for parameter in trained:
        if parameter.grad is not None:
            parameter.grad.zero_()
    generator = torch.Generator("cuda").manual_seed(index)
    losses = learn(objective.batch_at(index), generator, n_batches=2)
    return float(losses["loss"]), torch.cat([p.grad.flatten() for p in trained if p.grad is not None])


@pytest.mark.gpu
@on_gpu
@pytest.mark.parametrize("compiled", [False, True])
def test_recorded_steps_give_the_plain_loss_and_gradients(compiled: bool) -> None:
    objective = objective_on_gpu()
    plain = Learning(objective, "bf16")
    wanted = [gradients_of(objective, plain, k) for k in range(objective.n_batches)]
    objective.network.zero_grad()
    learn = learning_of(objective, TrainConfig(max_steps=1, compile=compiled))
    assert isinstance(learn, RecordedLearning)
    for _ in range(4):  # plain at first, then recorded; all shapes in turn, in one pool of memory
        for k, (loss, gradients) in enumerate(wanted):
            got, got_gradients = gradients_of(objective, learn, k)
            assert got == pytest.approx(loss, rel=1e-3)
            assert (got_gradients - gradients).norm() < 2e-2 * gradients.norm()
    assert 1 < len(learn._captured) <= objective.n_batches


@pytest.mark.gpu
@on_gpu
def test_shapes_beyond_the_number_that_is_recorded_are_learned_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(learning.RecordedLearning, "max_shapes", 1)
    objective = objective_on_gpu()
    wanted = [gradients_of(objective, Learning(objective, "bf16"), k) for k in range(objective.n_batches)]
    objective.network.zero_grad()
    learn = RecordedLearning(objective)
    for _ in range(4):
        for k, (_, gradients) in enumerate(wanted):
            assert (gradients_of(objective, learn, k)[1] - gradients).norm() < 2e-2 * gradients.norm()
    assert len(learn._captured) == 1


@pytest.mark.gpu
@on_gpu
def test_dropout_of_recorded_steps_is_drawn_anew_and_by_the_seed() -> None:
    objective = objective_on_gpu()
    adapt(objective.network, LoraConfig(targets=F5Trainable.adapter_targets, dropout=0.5))
    for name, parameter in objective.network.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(parameter, std=0.1)
    learn = RecordedLearning(objective)
    for _ in range(3):
        gradients_of(objective, learn, 0)
    torch.manual_seed(1)
    first, second = (gradients_of(objective, learn, 0)[1].clone() for _ in range(2))
    torch.manual_seed(1)
    again = gradients_of(objective, learn, 0)[1]
    assert (first - second).norm() > 0.1 * first.norm()
    assert (first - again).norm() < 1e-3 * first.norm()


@pytest.mark.gpu
@on_gpu
def test_recorded_training_goes_where_plain_training_goes() -> None:
    def trained(recorded: bool) -> tuple[list[float], Tensor]:
        objective = objective_on_gpu()
        config = TrainConfig(max_steps=1, learning_rate=1e-3)
        learn = RecordedLearning(objective) if recorded else Learning(objective, "bf16")
        optimizer = make_optimizer(objective.network, config, torch.device("cuda"))
        ema, losses = EMA(objective.network, 0.9), list[float]()
        for step in range(10 * objective.n_batches):
            optimizer.zero_grad(set_to_none=not learn.keeps_gradients)
            noise = step_generators(0, step, torch.device("cuda"))[1]
            losses.append(float(learn(objective.batch_at(step % objective.n_batches), noise)["loss"]))
            torch.nn.utils.clip_grad_norm_(trained_by(optimizer), 1.0)
            optimizer.step()
            ema.update()
        return losses, torch.cat([v.flatten() for v in ema.state(objective.network).values()])

    (losses, weights), (wanted, wanted_weights) = trained(True), trained(False)
    assert wanted[-1] < 0.7 * wanted[0]
    torch.testing.assert_close(torch.tensor(losses), torch.tensor(wanted), rtol=5e-2, atol=0)
    assert (weights - wanted_weights).norm() < 5e-2 * wanted_weights.norm()
