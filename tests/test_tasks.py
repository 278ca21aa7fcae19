"""What the kinds of jobs do, on the quick engine: speech by profile and script, batches, clones."""

import json
import sys
import threading
import zipfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml

from locutor import tasks
from locutor.audio import io
from locutor.bootstrap import Stores, open_stores, speech_backend
from locutor.errors import (
    CancelledError,
    LocutorError,
    NotFoundError,
    OptionError,
    StorageError,
    TextError,
    WorkerDownError,
    WorkerError,
)
from locutor.jobs.model import Job, JobStatus
from locutor.jobs.runner import JobRunner
from locutor.orders import SpeechOrder, place
from locutor.serving.backend import SpeechBackend, SpeechCall, Spoken
from locutor.serving.recipe import Speech
from locutor.settings import Settings
from locutor.tasks import SpeechTasks
from locutor.voices.library import NewClip

CLIP = Path(__file__).parent / "clips" / "voice_02.ogg"
TONE_ENGINE = Path(__file__).parent / "tone_engine"


@pytest.fixture(scope="module")
def stores(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stores]:
    folder = tmp_path_factory.mktemp("studio")
    (folder / "models" / "tones").mkdir(parents=True)
    card = {"id": "tones", "engine": "tone", "title": "T", "languages": ["en"], "licence": "X", "commercial_use": True}
    (folder / "models" / "tones" / "card.yaml").write_text(yaml.safe_dump(card))
    stores = open_stores(Settings(data_dir=folder))
    yield stores
    stores.close()


@pytest.fixture(scope="module")
def speech(stores: Stores) -> Iterator[SpeechBackend]:
    sys.path.insert(0, str(TONE_ENGINE))
    settings = Settings(data_dir=stores.database.path.parent, model="tones", device="cpu", threads=1)
    speech = speech_backend(settings, in_process=True)
    yield speech
    speech.close()
    sys.path.remove(str(TONE_ENGINE))


@pytest.fixture(scope="module")
def runner(stores: Stores, speech: SpeechBackend) -> Iterator[JobRunner]:
    """Not started: tests run one job at a time in their own thread."""
    yield JobRunner(stores.jobs, SpeechTasks(stores, speech, "tones").kinds(), stores.owner)


def done(runner: JobRunner, kind: str, params: dict[str, Any], lane: str = "speech") -> Job:
    job = runner.store.submit(kind, params)
    finished = runner.run_next(lane)
    assert finished is not None and finished.id == job.id
    return finished


def order(text: str, **more: Any) -> dict[str, Any]:
    return SpeechOrder(text=text, language="en", voice="default", **more).to_params()


def test_speech(runner: JobRunner, stores: Stores) -> None:
    job = done(runner, "synthesize", order("I have 2 cats.", options={"seed": 3}, format="flac"))
    assert job.status is JobStatus.COMPLETED and job.result is not None and job.recipe is not None
    audio = stores.artefacts.get(job.outputs["audio"])
    assert (audio.media_type, audio.filename, audio.owner) == ("audio/flac", f"{job.id}.flac", f"job:{job.id}")
    assert io.read(stores.artefacts.path(audio.id)).duration_s == job.result["duration_s"] == 0.2
    assert job.recipe["spoken"] == "I have two cats." and job.recipe["options"]["seed"] == 3
    assert job.recipe["profile"] == "tone_plain" and len(job.recipe["checkpoint_sha256"]) == 64


def test_the_recipe_makes_the_same_again(runner: JobRunner, stores: Stores) -> None:
    first = done(runner, "synthesize", order("Say this again, please."))
    assert first.recipe is not None and first.recipe["options"]["seed"] is not None
    recipe = first.recipe
    params = {
        "text": recipe["text"],
        "language": recipe["language"],
        "voice": recipe["voice"],
        "model": recipe["model"],
    }
    again = done(runner, "synthesize", params | {"options": recipe["options"]})
    files = [stores.artefacts.path(job.outputs["audio"]).read_bytes() for job in (first, again)]
    assert files[0] == files[1]


def test_the_recipe_makes_the_same_script_again(runner: JobRunner, stores: Stores) -> None:
    script = "[voice:default] Hello. [pause:1s] Hello.\n[voice:alloy] Bye."
    first = done(runner, "synthesize", order(script))
    assert first.recipe is not None
    again = done(runner, "synthesize", order(script, options=first.recipe["options"]))
    files = [stores.artefacts.path(job.outputs["audio"]).read_bytes() for job in (first, again)]
    assert files[0] == files[1]


def test_a_profile_changes_what_is_used_and_is_recorded(runner: JobRunner, stores: Stores) -> None:
    profile = stores.profiles.create("tone", "Slow", {"nfe_step": 77, "speed": 0.5})
    job = done(runner, "synthesize", order("Hi there.", profile=profile.id, options={"speed": 0.8}))
    assert job.recipe is not None
    assert (job.recipe["options"]["nfe_step"], job.recipe["options"]["speed"]) == (77, 0.8)
    assert job.recipe["profile_parameters"] == {"nfe_step": 77, "speed": 0.5}
    stores.profiles.set_default(profile.id)
    job = done(runner, "synthesize", order("Hi there."))
    assert job.recipe is not None and job.recipe["profile"] == profile.id and job.recipe["options"]["speed"] == 0.5
    stores.profiles.delete(profile.id)


def test_scripts(runner: JobRunner, stores: Stores) -> None:
    ana = stores.voices.add([NewClip(audio=CLIP)], name="Ana")
    script = "[voice:Ana] Hello. [pause:1s] Again.\n[voice:default] Bye."
    job = done(runner, "synthesize", SpeechOrder(text=script, language="en").to_params())
    assert job.result is not None and job.result["voices"] == [ana.id, "default"]
    assert job.result["duration_s"] == pytest.approx((6 + 6 + 4) * 100 / 8000 + 1.0 + 0.25)
    stores.voices.close()  # writes down what was counted
    assert stores.voices.record("Ana").usage_count == 1
    failed = done(
        runner, "synthesize", SpeechOrder(text="[voice:Nobody] Hi. [voice:None] Ho.", language="en").to_params()
    )
    assert failed.error_kind == "NotFoundError" and "'Nobody'" in str(failed.error) and "'None'" in str(failed.error)


@pytest.mark.parametrize(
    ("params", "error", "said"),
    [
        (order("Hi.") | {"voice": None}, OptionError, "no voice was named"),
        (order("Hi.") | {"voice": "nobody"}, NotFoundError, "no voice is called 'nobody'"),
        (order("Hi.", model="x"), NotFoundError, "no model is called 'x'"),
        (order("Hi.", profile="x"), NotFoundError, "no quality profile 'x'"),
        (order("Hi.", profile="f5tts_fast"), OptionError, "is for engine 'f5', the model's is 'tone'"),
        (order("Hi.", options={"x": 1}), OptionError, "there is no option 'x'"),
        (order("Hi.", options={"speed": 9}), OptionError, "speed must be between"),
        (order("Hi.", format="m4a"), OptionError, "audio format must be one of"),
        (order("Hi.") | {"language": "xx"}, OptionError, "xx"),
        (order("[voice:default]"), TextError, "no text to speak"),
        ({"text": "Hi."}, OptionError, "an order needs language"),
        (order("Hi.") | {"colour": 1}, OptionError, "an order has no colour"),
    ],
)
def test_orders_are_checked_before_anything_is_spoken(
    stores: Stores, params: dict[str, Any], error: type[LocutorError], said: str
) -> None:
    with pytest.raises(error, match=said):
        place(stores, SpeechOrder.of(params), "tones")


def test_an_order_can_be_cancelled(runner: JobRunner, stores: Stores) -> None:
    job = stores.jobs.submit("synthesize", order("SLOW words.", normalize=False))
    threading.Timer(0.3, lambda: [c.cancelled.set() for c in runner._running.values()]).start()
    finished = runner.run_next("speech")
    assert finished is not None and finished.id == job.id and finished.status is JobStatus.CANCELLED
    assert finished.error is None and CancelledError.__name__ != finished.error_kind


def test_batches_list_what_failed(runner: JobRunner, stores: Stores) -> None:
    rows: list[Any] = [order(f"Row number {i}.", options={"seed": i}) for i in range(10)]
    rows[3] = order("...")
    rows[5] = rows[5] | {"voice": "nobody"}
    rows[7] = "no object"
    rows[8] = rows[8] | {"format": "flac"}
    job = done(runner, "synthesize_batch", {"rows": rows}, "batch")
    assert job.result is not None and job.result["n_rows"] == 10 and job.result["n_failed"] == 3
    assert [failure["row"] for failure in job.result["failures"]] == [4, 6, 8]
    with zipfile.ZipFile(stores.artefacts.path(job.outputs["zip"])) as archive:
        names = archive.namelist()
        manifest = json.loads(archive.read("manifest.json"))
        assert io.decode(archive.read("01.wav")).n_samples == len("Row number zero.") * 100
    assert sorted(names) == sorted(["manifest.json", "09.flac", *(f"{i:02}.wav" for i in (1, 2, 3, 5, 7, 10))])
    assert [entry["row"] for entry in manifest] == list(range(1, 11))
    assert manifest[0]["recipe"]["options"]["seed"] == 0 and "no voice is called" in manifest[5]["error"]


@dataclass
class Failing:
    """Speaks, but first fails for texts as often as `errors` says. asked: how often each was to be spoken."""

    speech: SpeechBackend
    errors: dict[str, list[LocutorError]]
    asked: Counter[str] = field(default_factory=Counter)

    def speak(self, call: SpeechCall, on_progress: Any = None) -> Speech:
        part = call.parts[0]
        assert isinstance(part, Spoken)
        self.asked[part.request.text] += 1
        if waiting := self.errors.get(part.request.text):
            raise waiting.pop(0)
        return self.speech.speak(call, on_progress)


@pytest.fixture
def batch(stores: Stores, speech: SpeechBackend, monkeypatch: pytest.MonkeyPatch) -> Any:
    """batch(texts, errors) -> the job that has ended, and how often each text was to be spoken."""
    monkeypatch.setattr(tasks, "RETRY_DELAY_S", 0.01)

    def run(texts: list[str], errors: dict[str, list[LocutorError]], **more: Any) -> tuple[Job, Counter[str]]:
        failing = Failing(speech, errors)
        kinds = SpeechTasks(stores, failing, "tones", **more).kinds()  # type: ignore[arg-type]
        rows = [order(text, normalize=False) for text in texts]
        return done(JobRunner(stores.jobs, kinds, stores.owner), "synthesize_batch", {"rows": rows}, "batch"), (
            failing.asked
        )

    return run


TEXTS = [f"Row {letter}." for letter in "abcdefghij"]


def ended(n: int) -> list[LocutorError]:
    return [WorkerError("the process ended") for _ in range(n)]


def test_rows_during_which_the_worker_ended_are_spoken_again_and_only_they(batch: Any) -> None:
    job, asked = batch(TEXTS, {text: ended(1) for text in TEXTS[:5]} | {TEXTS[5]: ended(2)})
    assert job.status is JobStatus.COMPLETED and job.attempts == 1
    assert job.result is not None and job.result["n_failed"] == 0
    assert [asked[text] for text in TEXTS] == [2, 2, 2, 2, 2, 3, 1, 1, 1, 1]


def test_a_row_that_always_ends_the_worker_is_listed(batch: Any) -> None:
    job, asked = batch(TEXTS, {TEXTS[1]: ended(9), TEXTS[2]: ended(1)})
    assert job.result is not None and job.result["failures"] == [{"row": 2, "error": "the process ended"}]
    assert asked[TEXTS[1]] == tasks.ROW_TRIES


def test_a_worker_that_ends_at_every_row_ends_the_batch(batch: Any) -> None:
    job, asked = batch(TEXTS, {text: ended(9) for text in TEXTS})
    assert job.status is JobStatus.FAILED and "ended at each of 8 rows; the batch was given up" in str(job.error)
    assert asked[TEXTS[8]] == 0, "rows after those are not begun"


def test_rows_wait_for_a_worker_that_rests(batch: Any) -> None:
    job, asked = batch(TEXTS, {text: [WorkerDownError("it rests")] * 3 for text in TEXTS[:4]})
    assert job.result is not None and job.result["n_failed"] == 0 and job.attempts == 1
    assert asked[TEXTS[0]] == 4 and asked[TEXTS[9]] == 1


def test_a_disk_that_refuses_is_the_jobs_not_the_rows(batch: Any) -> None:
    job, _ = batch(TEXTS, {TEXTS[3]: [StorageError("the disk is full")]})
    assert job.status is JobStatus.QUEUED and "waits to be tried again: the disk is full" in job.message


def test_a_row_is_as_long_as_the_service_takes(batch: Any) -> None:
    job, _ = batch(["Hi.", "Hello there."], {}, max_text_chars=5)
    said = "the text has 12 characters; this service takes at most 5"
    assert job.result is not None and job.result["failures"] == [{"row": 2, "error": said}]


def test_a_batch_of_which_nothing_is_left_fails(runner: JobRunner) -> None:
    job = done(runner, "synthesize_batch", {"rows": [order("..."), order("-")]}, "batch")
    assert job.status is JobStatus.FAILED and "none of the 2 rows could be spoken" in str(job.error)
    for rows in (None, [], "x"):
        assert "1 to 10000 orders" in str(done(runner, "synthesize_batch", {"rows": rows}, "batch").error)


def test_cloning_leaves_a_voice_and_no_upload(runner: JobRunner, stores: Stores) -> None:
    staged = stores.artefacts.stage(CLIP.read_bytes(), filename="clip.ogg", media_type="audio/ogg")
    params = {"clips": [{"artefact": staged.id, "transcript": "hello"}], "name": "Cloned", "language": "en"}
    params |= {"consent": {"permission": "synthetic", "given_by": "me", "confirmed_at": 1.0}}
    job = stores.jobs.submit("clone_voice", params, uploads=[staged])
    finished = runner.run_next("voices")
    assert finished is not None and finished.id == job.id and finished.result is not None, finished
    record = stores.voices.record(finished.result["voice_id"])
    assert (record.name, record.ref_text) == ("Cloned", "hello") and record.consent is not None
    assert finished.result["report"]["duration_s"] == record.duration_s
    assert stores.artefacts.owned_by(f"job:{job.id}") == []
    assert staged.id in [path.name for path in stores.artefacts.sweep()]
    again = stores.artefacts.stage(CLIP.read_bytes(), filename="clip.ogg", media_type="audio/ogg")
    stores.jobs.submit("clone_voice", params | {"clips": [{"artefact": again.id}]}, uploads=[again])
    taken = runner.run_next("voices")
    assert taken is not None and taken.error_kind == "ConflictError"
    assert len(stores.artefacts.owned_by(f"job:{taken.id}")) == 1, "a job that failed can be tried again"
