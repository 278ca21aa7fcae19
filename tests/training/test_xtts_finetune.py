"""Teaching a small XTTS-v2: reading recordings, learning by heart, exact resuming, adapters and models that speak."""

import json
import shutil
from pathlib import Path
from types import ModuleType

import pytest
import torch
from safetensors.torch import load_file, save_file

from locutor.audio import io
from locutor.datasets.filters import Limits
from locutor.engines.base import synthesize
from locutor.engines.checkpoints import Checkpoint, CheckpointStore
from locutor.engines.lora import LoraLinear, adapt, adapter_of, write_adapter
from locutor.engines.registry import default_registry
from locutor.errors import CheckpointError, OptionError
from locutor.training.config import TrainConfig
from locutor.training.dataset import Dataset, Recording
from locutor.training.finetune import Finetune, Schedule
from locutor.training.merge import write_merged
from locutor.training.preflight import FULL_BATCH_SIZE, LORA_BATCH_SIZE
from locutor.training.registry import make_trainable
from locutor.training.run_config import RunConfig
from locutor.training.run_folder import RunFolder
from locutor.training.saved import Facts, Origin, save_model
from locutor.training.teach import Teaching
from locutor.training.trainable import Lesson
from locutor.training.xtts_clips import FULL_SCALE, Clip, example
from locutor.training.xtts_finetune import XttsTrainable
from locutor.types import SpeechRequest, SynthesisOptions, Waveform

from .watched import Watched

TEXTS = ("hello there", "another one", "what now?", "over the hill", "in the end", "so it is")
LORA = RunConfig(model_name="alice", dataset=Path("d"), base="tiny", method="lora", rank=4, dropout=0.0)


@pytest.fixture(scope="module")
def data_dir(kit: ModuleType, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An installation with a small XTTS-v2, dvae.pth and all."""
    found = tmp_path_factory.mktemp("data")
    kit.install(found, "tiny", dvae=True)
    (found / "wavs").mkdir()
    for i in range(len(TEXTS)):
        io.write(found / "wavs" / f"{i}.wav", kit.reference(1.0 + 0.3 * i, 24_000, 100 + 20.0 * i), "wav")
    return found


@pytest.fixture
def base(data_dir: Path) -> Checkpoint:
    return CheckpointStore(data_dir).locate("tiny")


def dataset(data_dir: Path, n: int = len(TEXTS), language: str = "en") -> Dataset:
    clips = [Recording(data_dir / "wavs" / f"{i}.wav", TEXTS[i]) for i in range(len(TEXTS))]
    return Dataset("six", language, tuple(clips[:n]), tuple(clips[4:]))


def lesson(data_dir: Path, base: Checkpoint, batch_size: int = 3, **more: object) -> Lesson:
    taught = more.pop("dataset", None) or dataset(data_dir)
    return Lesson(base=base, dataset=taught, batch_size=batch_size, device=torch.device("cpu"), cache=data_dir, **more)  # type: ignore[arg-type]


def made(data_dir: Path, base: Checkpoint, lora: bool = False) -> XttsTrainable:
    found = make_trainable(lesson(data_dir, base))
    assert isinstance(found, XttsTrainable)
    if lora:
        torch.manual_seed(0)
        adapt(found.network, LORA.lora(found.adapter_targets))
    return found


def run(folder: Path, trainable: XttsTrainable, watched: Watched, epochs: int, rate: float = 2e-3) -> str:
    train = TrainConfig(
        max_steps=epochs * trainable.n_batches, learning_rate=rate, warmup_steps=3, precision="fp32", log_every=1,
        save_every=1000, ema_decay=0.9, seed=3,
    )  # fmt: skip
    return Finetune(trainable, Schedule(train=train, epochs=epochs), folder / "state", watched).run(folder)


def logged(folder: Path) -> dict[int, float]:
    rows = map(json.loads, (folder / "log.jsonl").read_text().splitlines())
    return {row["step"]: row["train/loss"] for row in rows if "train/loss" in row}


def speak(checkpoint: Checkpoint, kit: ModuleType) -> Waveform:
    engine = default_registry().load(checkpoint, "cpu")
    voice = engine.encode_voice(kit.reference(2.0))
    options = SynthesisOptions(seed=1)
    utterance = engine.prepare(SpeechRequest(text="hello there", language="en", options=options), voice)
    try:
        return synthesize(engine, [utterance], options)[0]
    finally:
        engine.close()


def test_every_clip_comes_once_with_a_prompt_of_its_own(data_dir: Path, base: Checkpoint) -> None:
    told: list[tuple[int, int]] = []
    found = make_trainable(lesson(data_dir, base, on_progress=lambda done, total: told.append((done, total))))
    assert told[-1] == (8, 8)
    assert found.n_batches == 2
    seen = [example.tokens for i in range(2) for example in found.batch(i, torch.Generator().manual_seed(i))]
    assert len(seen) == len(set(seen)) == 6
    first, again = (found.batch(0, torch.Generator().manual_seed(0)) for _ in range(2))
    other = found.batch(0, torch.Generator().manual_seed(7))
    assert [e.heard for e in first] == [e.heard for e in again] != [e.heard for e in other]
    assert len(found.held_out()[0]) == 2


def test_a_prompt_is_heard_where_it_was_cut() -> None:
    n_codes = 150
    samples = torch.arange(n_codes).repeat_interleave(1024).short()  # each sample tells which code it belongs to
    clip = Clip((1, 2), torch.arange(n_codes), samples)
    for seed in range(20):
        found = example(clip, torch.ones(80), torch.Generator().manual_seed(seed))
        n_heard = found.heard[1] - found.heard[0]
        assert 0 <= found.heard[0] < found.heard[1] <= n_codes
        n_frames = found.prompt.shape[1] - 1
        assert abs(n_heard * 4 - n_frames) <= 8, "as many codes are left out as were heard"
    short = example(Clip((1,), torch.arange(40), samples[: 40 * 1024]), torch.ones(80), torch.Generator())
    assert short.heard[1] - short.heard[0] in (20, 21), "half of a clip that is shorter than a prompt"


def test_recordings_become_samples_and_codes(data_dir: Path, base: Checkpoint) -> None:
    clip = made(data_dir, base)._clips[0]
    assert clip.samples.dtype == torch.int16
    assert len(clip.samples) == 22_050
    assert len(clip.codes) == 22  # of 1.0 s
    assert 0.05 < (clip.samples.float() / FULL_SCALE).std() < 0.5


def test_what_cannot_be_learned_is_left_out_and_told(
    data_dir: Path, base: Checkpoint, kit: ModuleType, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    io.write(tmp_path / "short.wav", kit.reference(0.4), "wav")
    io.write(tmp_path / "long.wav", kit.reference(14.0), "wav")
    good = dataset(data_dir).train[:2]
    bad = (
        Recording(tmp_path / "short.wav", "hm"), Recording(tmp_path / "long.wav", "too long"),
        Recording(good[0].path, "hello ж"),
    )  # fmt: skip
    found = make_trainable(lesson(data_dir, base, dataset=Dataset("d", "en", (*good, *bad), ())))
    assert sum(len(found.batch(i, torch.Generator())) for i in range(found.n_batches)) == 2
    for why in ("1 clips last less than 0.5 s", "1 clips are longer than", "1 clips have a text that the vocabulary"):
        assert why in caplog.text
    with pytest.raises(OptionError, match="no clip of dataset d can be learned from"):
        make_trainable(lesson(data_dir, base, dataset=Dataset("d", "en", bad, ())))


def test_bases_that_cannot_be_taught_are_refused(data_dir: Path, base: Checkpoint) -> None:
    lacking = Checkpoint(base.card, {k: v for k, v in base.files.items() if k != "dvae"}, base.sha256)
    with pytest.raises(CheckpointError, match="names no file for dvae; to be taught, XTTS-v2 needs"):
        make_trainable(lesson(data_dir, lacking))
    adapter = Checkpoint(base.card, dict(base.files) | {"adapter": Path("a")}, base.sha256)
    with pytest.raises(OptionError, match="is an adapter"):
        make_trainable(lesson(data_dir, adapter))
    with pytest.raises(OptionError, match="tiny does not speak fr"):
        make_trainable(lesson(data_dir, base, dataset=dataset(data_dir, language="fr")))


def test_the_defaults_are_those_asked_for_but_for_loras_rate() -> None:
    chosen = XttsTrainable.defaults
    assert (chosen.epochs, chosen.full_learning_rate, chosen.lora_learning_rate) == (500, 5e-6, 1e-4)
    assert (FULL_BATCH_SIZE, LORA_BATCH_SIZE) == (4, 8)
    assert Limits().min_snr_db == 10


@pytest.mark.slow
@pytest.mark.parametrize("lora", [False, True])
def test_it_learns_a_few_clips_by_heart(data_dir: Path, base: Checkpoint, tmp_path: Path, lora: bool) -> None:
    trainable = make_trainable(lesson(data_dir, base, dataset=dataset(data_dir, 3)))
    assert isinstance(trainable, XttsTrainable)
    if lora:
        adapt(trainable.network, LORA.lora(trainable.adapter_targets))
    run(tmp_path, trainable, Watched(), epochs=16, rate=5e-2 if lora else 1e-2)
    found = logged(tmp_path)
    assert found[len(found)] < 0.8 * found[1]


@pytest.mark.parametrize("lora", [False, True])
def test_a_stopped_run_goes_on_exactly(data_dir: Path, base: Checkpoint, tmp_path: Path, lora: bool) -> None:
    whole, parts = Watched(), Watched(stop_at=3)
    assert run(tmp_path / "whole", made(data_dir, base, lora), whole, epochs=3) == "completed"
    assert run(tmp_path / "parts", made(data_dir, base, lora), parts, epochs=3) == "stopped"
    assert run(tmp_path / "parts", made(data_dir, base, lora), Watched(), epochs=3) == "completed"
    expected, found = logged(tmp_path / "whole"), logged(tmp_path / "parts")
    assert expected.keys() == found.keys() == set(range(1, 7))
    assert all(expected[k] == found[k] for k in expected)


def saved(folder: Path, base: Checkpoint, trainable: XttsTrainable, lora: bool) -> Checkpoint:
    config = LORA if lora else LORA.model_copy(update={"method": "full"})
    origin = Origin(config, base, config.lora(trainable.adapter_targets) if lora else None)
    facts = Facts(
        name="checkpoint_epoch_1",
        epoch=1,
        step=1,
        method=config.method,
        base="tiny",
        base_sha256=base.sha256,
        held_out={},
    )
    path = save_model(folder, trainable, trainable.network.state_dict(), origin, facts)
    return CheckpointStore(base.files["model"].parents[2]).open(path)


def test_a_whole_model_speaks_and_can_be_taught_further(
    data_dir: Path, base: Checkpoint, tmp_path: Path, kit: ModuleType
) -> None:
    trainable = made(data_dir, base)
    with torch.no_grad():
        trainable.network.mel_head.bias += torch.linspace(-3, 3, 130)
    found = saved(tmp_path, base, trainable, lora=False)
    assert (found.card.engine, found.card.licence, found.card.commercial_use) == ("xtts", "CPML", False)
    stored, original = load_file(found.files["model"]), load_file(base.files["model"])
    assert stored.keys() == original.keys()
    assert {k for k in stored if not torch.equal(stored[k], original[k])} == {"gpt.mel_head.bias"}
    assert speak(found, kit).samples.tolist() != speak(base, kit).samples.tolist()
    assert make_trainable(lesson(data_dir, found)).n_batches == 2


def shaken(trainable: XttsTrainable) -> XttsTrainable:
    generator = torch.Generator().manual_seed(1)
    for module in trainable.network.modules():
        if isinstance(module, LoraLinear):
            with torch.no_grad():
                up = module.lora_B.weight
                up.copy_(0.1 * torch.randn(up.shape, generator=generator))
    return trainable


def test_an_adapter_speaks_as_its_merged_model_does(
    data_dir: Path, base: Checkpoint, tmp_path: Path, kit: ModuleType
) -> None:
    found = saved(tmp_path, base, shaken(made(data_dir, base, lora=True)), lora=True)
    assert json.loads(found.files["adapter_config"].read_text())["fan_in_fan_out"] is True
    layer = "base_model.model.gpt.h.0.attn.c_attn.lora_"
    tensors = load_file(found.files["adapter"])
    assert (tensors[f"{layer}A.weight"].shape, tensors[f"{layer}B.weight"].shape) == ((4, 64), (192, 4))
    assert len(tensors) == 2 * 4 * 3  # down and up of four layers in three blocks
    merged = tmp_path / "merged"
    merged.mkdir()
    roles = write_merged(merged, found)
    whole = Checkpoint(base.card, {role: merged / name for role, name in roles.items()}, "x")
    heard, plain = speak(found, kit), speak(base, kit)
    assert heard.samples.tolist() == speak(whole, kit).samples.tolist() != plain.samples.tolist()


@pytest.mark.slow
@pytest.mark.parametrize("lora", [False, True])
def test_a_run_from_beginning_to_end(data_dir: Path, tmp_path: Path, lora: bool) -> None:
    """Plan, epochs, models, samples and status, as `locutor train start` has them."""
    taught = tmp_path / "six"
    shutil.copytree(data_dir / "wavs", taught / "wavs")
    for name, members in (("metadata_train.csv", range(4)), ("metadata_val.csv", range(4, 6))):
        lines = [f"wavs/{i}.wav|{TEXTS[i]}\n" for i in members]
        (taught / name).write_text("".join(lines), encoding="utf-8")
    config = RunConfig(
        model_name="alice", dataset=taught, base="tiny", method="lora" if lora else "full", epochs=2, warmup_steps=0
    )
    folder = RunFolder(tmp_path / "alice")
    folder.create(config)
    status = Teaching(folder, CheckpointStore(data_dir), default_registry(), "cpu").run()
    assert (status.state, status.epoch, status.total_epochs) == ("completed", 2, 2)
    plan = json.loads((folder.path / "plan.json").read_text())
    planned = tuple(plan[name] for name in ("learning_rate", "batch_size", "precision"))
    assert planned == ((1e-4, 8, "fp32") if lora else (5e-6, 4, "fp32"))
    assert {path.name for path in folder.samples.glob("*_output.wav")} == {f"epoch_{n}_output.wav" for n in range(3)}
    found = CheckpointStore(data_dir).open(folder.checkpoints / "model_last")
    assert ("adapter" in found.files) is lora
    facts = json.loads((folder.checkpoints / "model_last" / "checkpoint.json").read_text())
    assert set(facts["held_out"]) == {"loss", "text", "codes"}
    assert facts["held_out"]["loss"] == pytest.approx(0.01 * facts["held_out"]["text"] + facts["held_out"]["codes"])


def test_merging_into_the_network_is_the_same_and_can_be_undone(data_dir: Path, base: Checkpoint) -> None:
    trainable = shaken(made(data_dir, base, lora=True))
    trainable.network.eval()
    batch = trainable.held_out()[0]

    def loss() -> float:
        with torch.no_grad():
            return float(trainable.loss(batch, torch.Generator())["loss"])

    layers = [module for module in trainable.network.modules() if isinstance(module, LoraLinear)]
    before = loss()
    for layer in layers:
        layer.merge()
        layer.scale = 0.0  # whatever is heard now comes from the base weight
    assert loss() == pytest.approx(before, abs=1e-5)
    for layer in layers:
        layer.scale = LORA.alpha / LORA.rank
        layer.unmerge()
    assert loss() == pytest.approx(before, abs=1e-5)


def test_adapters_of_other_networks_are_refused(data_dir: Path, base: Checkpoint, tmp_path: Path) -> None:
    trainable = made(data_dir, base, lora=True)
    write_adapter(tmp_path, adapter_of(trainable.network, LORA.lora(()), "tiny"))
    config = tmp_path / "adapter_config.json"
    config.write_text(config.read_text().replace('"fan_in_fan_out": true', '"fan_in_fan_out": false'))
    files = dict(base.files) | {"adapter": tmp_path / "adapter_model.safetensors", "adapter_config": config}
    with pytest.raises(CheckpointError, match="fan_in_fan_out False, but the weights of tiny need True"):
        default_registry().load(Checkpoint(base.card, files, "x"), "cpu")
    shutil.copyfile(files["adapter"], tmp_path / "whole.safetensors")
    tensors = load_file(files["adapter"])
    save_file({k: v[:, :-1].contiguous() if "lora_A" in k else v for k, v in tensors.items()}, files["adapter"])
    config.write_text(config.read_text().replace('"fan_in_fan_out": false', '"fan_in_fan_out": true'))
    with pytest.raises(CheckpointError, match="does not fit tiny"):
        default_registry().load(Checkpoint(base.card, files, "x"), "cpu")
