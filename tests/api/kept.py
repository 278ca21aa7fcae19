"""What a studio keeps after some work: a run with saved models, a built dataset, a comparison that was heard."""

import json
from dataclasses import dataclass
from pathlib import Path

import yaml

from locutor.audio import io
from locutor.bootstrap import dataset_store, open_stores
from locutor.datasets import Clip, build, import_recordings
from locutor.jobs.model import JobOutcome
from locutor.runs.speech import AB_TEST
from locutor.settings import Settings
from locutor.training.run_config import RunConfig
from locutor.training.run_folder import RunFolder, RunStatus
from locutor.training.saved import FACTS_NAME
from locutor.types import Waveform


def keep_run(data_dir: Path, voice: Waveform, name: str = "alice") -> RunFolder:
    """A run of the quick engine's model, as it would lie there after two epochs."""
    folder = RunFolder(data_dir / "training" / name)
    folder.create(RunConfig(model_name=name, dataset=data_dir / "datasets" / name, base="tones", epochs=2))
    folder.tell(RunStatus(state="completed", epoch=2, total_epochs=2, step=20, total_steps=20, loss=0.5, progress=100))
    (folder.path / "log.jsonl").write_text(
        "".join(json.dumps({"step": k, "train/loss": 1 / k}) + "\n" for k in (10, 20))
    )
    folder.samples.mkdir()
    for epoch in (0, 1, 2):
        for kind in ("output", "reference"):
            io.write(folder.samples / f"epoch_{epoch}_{kind}.wav", voice, "wav")
    (folder.path / "voice.json").write_text(json.dumps({"ref_text": "hello"}))
    io.write(folder.voice, voice, "wav")
    for epoch in (1, 2):
        keep_model(folder.checkpoints / f"checkpoint_epoch_{epoch}", epoch)
    (folder.checkpoints / "model_last").symlink_to("checkpoint_epoch_2")
    return folder


def keep_model(place: Path, epoch: int) -> None:
    place.mkdir(parents=True)
    card = {"id": f"alice.epoch-{epoch}", "engine": "tone", "title": "Alice", "languages": ["en"], "licence": "CC0-1.0"}
    (place / "card.yaml").write_text(yaml.safe_dump(card | {"commercial_use": True}))
    facts = {
        "name": place.name, "epoch": epoch, "step": 10 * epoch, "method": "full", "base": "tones", "base_sha256": "0",
        "held_out": {"loss": 1 / epoch}, "n_bytes": 2_000_000, "created_at": 1000.0 + epoch,
    }  # fmt: skip
    (place / FACTS_NAME).write_text(json.dumps(facts))


def keep_dataset(settings: Settings, name: str, recording: Path) -> str:
    """A dataset of two clips of one recording; returns the id of the first."""
    dataset = dataset_store(settings).create(name, "en")
    [source] = import_recordings(dataset, [recording])
    clips = [
        Clip(id=f"{source.id}_{n}", source=source.id, start_s=3 * n, end_s=3 * n + 3, text=f"Clip number {n}.")
        for n in (0, 1)
    ]
    dataset.write_clips("validate", clips)
    build(dataset)
    return clips[0].id


def keep_comparison(settings: Settings, voice: Waveform) -> str:
    """A comparison of two models whose clips are both the voice itself; returns the job's id."""
    stores = open_stores(settings)
    try:
        params = {"a": "alice/base", "b": "alice/checkpoint_epoch_2", "text": "Hello."}
        job_id = stores.jobs.submit(AB_TEST, params).id
        claimed = stores.jobs.claim([AB_TEST], stores.owner.token, lease_s=60)
        assert claimed is not None
        sound = io.encode(voice, "wav")
        outputs = {
            side: stores.artefacts.stage(sound, filename=f"{side}.wav", media_type="audio/wav") for side in ("a", "b")
        }
        figures = {"a": {"sim": 1.0}, "b": {"sim": 1.0}}
        stores.jobs.complete(claimed[1], JobOutcome(result={"figures": figures, "methods": {}}, outputs=outputs))
        return job_id
    finally:
        stores.close()


@dataclass(frozen=True)
class Kept:
    """Names of what is there. work: a dataset of the same clip, to be changed; add_dataset: makes one more."""

    settings: Settings
    recording: Path
    clip: str
    comparison: str
    run: str = "alice"
    model: str = "alice/checkpoint_epoch_1"
    sample: str = "epoch_1_output.wav"
    dataset: str = "kept"
    work: str = "worked-on"

    def add_dataset(self, name: str) -> str:
        dataset_store(self.settings).create(name, "en")
        return name


def furnish(settings: Settings, recording: Path) -> Kept:
    """All of it, in the data folder of a service that does not run yet."""
    voice = io.read(recording)
    keep_run(settings.data_dir, voice)
    keep_dataset(settings, Kept.work, recording)
    clip = keep_dataset(settings, Kept.dataset, recording)
    return Kept(settings, recording, clip, keep_comparison(settings, voice))
