"""What each kind of job does, over the stores and the speech backend."""

import json
import zipfile
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from typing import Any, TypeAlias

from locutor.audio import io
from locutor.audio.formats import find_format
from locutor.bootstrap import Stores
from locutor.errors import (
    CancelledError,
    EngineError,
    LocutorError,
    OptionError,
    QueueFullError,
    StorageError,
    TextError,
    WorkerDownError,
    WorkerError,
)
from locutor.jobs.kinds import JobContext, JobKind, JobKinds
from locutor.jobs.model import JobOutcome
from locutor.jobs.runner import RETRY_DELAY_S
from locutor.orders import PlacedOrder, SpeechOrder, place
from locutor.serving.backend import ChunkProgress, SpeechBackend
from locutor.serving.recipe import Speech
from locutor.voices.library import NewClip
from locutor.voices.record import Consent

SYNTHESIZE, SYNTHESIZE_BATCH, CLONE_VOICE = "synthesize", "synthesize_batch", "clone_voice"
BATCH_AT_ONCE = 8  # rows that are with the backend at a time
MAX_ROWS = 10_000
ROW_TRIES = 3  # of a row at which the worker ends, as many as a job has
_Done: TypeAlias = tuple[SpeechOrder, Speech, PlacedOrder] | LocutorError
"""What became of a row."""


@dataclass(frozen=True)
class SpeechTasks:
    """The kinds of jobs that speak or make voices; others add theirs to the JobKinds they get.

    max_text_chars: of one row of a batch, None without limit.
    """

    stores: Stores
    speech: SpeechBackend
    default_model: str = "builtin"
    max_text_chars: int | None = None

    def kinds(self) -> JobKinds:
        return JobKinds(
            JobKind(name=SYNTHESIZE, run=self.synthesize),
            JobKind(name=SYNTHESIZE_BATCH, run=self.synthesize_batch, lane="batch"),
            JobKind(name=CLONE_VOICE, run=self.clone_voice, lane="voices"),
        )

    def synthesize(self, context: JobContext) -> JobOutcome:
        """params: a SpeechOrder. Output "audio"; result: duration_s, sample_rate, warnings, voices."""
        order = SpeechOrder.of(context.job.params)
        placed = self._place(order, context)
        speech = self._speak(placed, context, lambda done, total: context.progress(done, total, "speaking"))
        format = find_format(order.format)
        audio = context.stage(
            io.encode(speech.waveform, format.name),
            filename=f"{context.job.id}{format.suffix}",
            media_type=format.mime_type,
        )
        self.stores.voices.used(placed.voices)
        result = {
            "duration_s": speech.waveform.duration_s,
            "sample_rate": speech.waveform.sample_rate,
            "warnings": list(speech.warnings),
            "voices": list(placed.voices),
        }
        return JobOutcome(result=result, outputs={"audio": audio}, recipe=recipe_of(speech, placed))

    def synthesize_batch(self, context: JobContext) -> JobOutcome:
        """params: rows, a list of SpeechOrders. Output "zip": a file for each row that could be spoken, and
        manifest.json with every row's file, recipe or error. result: n_rows, n_failed, failures [{row, error}].

        Fails only when no row could be spoken, or when the worker ends at every one of BATCH_AT_ONCE rows.
        """
        rows = context.job.params.get("rows")
        if not isinstance(rows, list) or not 1 <= len(rows) <= MAX_ROWS:
            raise OptionError(f"a batch needs a list `rows` of 1 to {MAX_ROWS} orders")
        with context.scratch() as folder:
            path = folder / "batch.zip"
            with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
                manifest = self._write_rows(rows, archive, context)
                archive.writestr("manifest.json", json.dumps(manifest, ensure_ascii=False, indent=1))
            failures = [{"row": entry["row"], "error": entry["error"]} for entry in manifest if "error" in entry]
            if len(failures) == len(rows):
                raise OptionError(f"none of the {len(rows)} rows could be spoken; the first: {failures[0]['error']}")
            with path.open("rb") as file:
                staged = context.stage(file, filename=f"{context.job.id}.zip", media_type="application/zip")
        result = {"n_rows": len(rows), "n_failed": len(failures), "failures": failures}
        return JobOutcome(result=result, outputs={"zip": staged})

    def clone_voice(self, context: JobContext) -> JobOutcome:
        """params: clips [{"artefact": id of an upload, "transcript": text or None}], name; description, language,
        licence, consent (Consent as JSON), transcribe. result: voice_id, report. The uploads go; the voice has its own.
        """
        params, artefacts, voices = context.job.params, self.stores.artefacts, self.stores.voices
        clips = [NewClip(audio=artefacts.path(c["artefact"]), transcript=c.get("transcript")) for c in params["clips"]]
        consent = params.get("consent")
        context.progress(0, 1, "listening")
        new = voices.prepare(
            clips, name=params["name"], description=params.get("description", ""), language=params.get("language"),
            licence=params.get("licence"), consent=None if consent is None else Consent(**consent),
            transcribe=params.get("transcribe", False),
        )  # fmt: skip
        context.staged += new.staged

        def also(session: Any) -> None:
            voices.insert(session, new)
            artefacts.forget(session, [clip["artefact"] for clip in params["clips"]])

        return JobOutcome(result={"voice_id": new.id, "report": new.report.to_json()}, also=also)

    def _place(self, order: SpeechOrder, context: JobContext) -> PlacedOrder:
        return place(self.stores, order, self.default_model, cancelled=context.cancelled)

    def _speak(self, placed: PlacedOrder, context: JobContext, on_progress: ChunkProgress | None = None) -> Speech:
        """Wait for a place in the queue, and for a worker that rests, as long as it takes: a job has no caller who
        could come back later."""
        while True:
            try:
                return self.speech.speak(placed.call, on_progress)
            except QueueFullError as full:
                context.cancelled.wait(full.retry_after_s)
            except WorkerDownError:
                context.cancelled.wait(RETRY_DELAY_S)
            context.check()

    def _write_rows(self, rows: list[Any], archive: zipfile.ZipFile, context: JobContext) -> list[dict[str, Any]]:
        manifest: list[dict[str, Any]] = []
        width = len(str(len(rows)))
        for n_done, (index, row, done) in enumerate(self._spoken_rows(rows, context), start=1):
            entry: dict[str, Any] = {"row": index + 1, "text": row.get("text") if isinstance(row, dict) else None}
            if isinstance(done, LocutorError):
                entry["error"] = str(done)
            else:
                order, speech, placed = done
                entry["file"] = f"{index + 1:0{width}}{find_format(order.format).suffix}"
                entry["recipe"] = recipe_of(speech, placed)
                archive.writestr(entry["file"], io.encode(speech.waveform, order.format))
            manifest.append(entry)
            context.progress(n_done, len(rows), f"{n_done} of {len(rows)} rows")
        return sorted(manifest, key=lambda entry: entry["row"])

    def _spoken_rows(self, rows: list[Any], context: JobContext) -> Iterator[tuple[int, Any, _Done]]:
        """Rows as they are done, so that only BATCH_AT_ONCE of them are in memory."""
        with ThreadPoolExecutor(BATCH_AT_ONCE, "batch-rows") as pool:
            for start in range(0, len(rows), BATCH_AT_ONCE):
                at_once = range(start, min(start + BATCH_AT_ONCE, len(rows)))
                running: dict[Future[Any], int] = {pool.submit(self._row, rows[i], context): i for i in at_once}
                lost: dict[int, WorkerError] = {}
                for future in as_completed(running):
                    i, done = running[future], future.result()
                    if isinstance(done, WorkerError):
                        lost[i] = done
                    else:
                        yield i, rows[i], done
                yield from self._again(rows, lost, context)

    def _again(
        self, rows: list[Any], lost: dict[int, WorkerError], context: JobContext
    ) -> Iterator[tuple[int, Any, _Done]]:
        """Rows during which the worker ended, one at a time: a row that ends it every time takes no other along."""
        n_ended = 0
        for i, error in sorted(lost.items()):
            done = self._alone(rows[i], error, context)
            n_ended += isinstance(done, WorkerError)
            if n_ended == BATCH_AT_ONCE:  # it is not the rows; thousands more would take days to fail
                raise EngineError(f"the process that speaks ended at each of {n_ended} rows; the batch was given up")
            yield i, rows[i], done

    def _alone(self, row: Any, error: WorkerError, context: JobContext) -> _Done:
        done: _Done = error
        for n_tries in range(1, ROW_TRIES):
            context.cancelled.wait(n_tries * RETRY_DELAY_S)
            context.check()
            done = self._row(row, context)
            if not isinstance(done, WorkerError):
                break
        return done

    def _row(self, row: Any, context: JobContext) -> _Done:
        try:
            if not isinstance(row, dict):
                raise OptionError(f"a row must be an object, not {row!r:.40}")
            order = SpeechOrder.of(row)
            check_length(order.text, self.max_text_chars)
            placed = self._place(order, context)
            return order, self._speak(placed, context), placed
        except (CancelledError, StorageError, WorkerDownError):
            raise  # not the row's
        except LocutorError as error:
            return error


def check_length(text: str, limit: int | None) -> None:
    """Raises TextError for a text of more characters than the service takes."""
    if limit is not None and len(text) > limit:
        raise TextError(f"the text has {len(text)} characters; this service takes at most {limit}")


def recipe_of(speech: Speech, placed: PlacedOrder) -> dict[str, Any]:
    """A recipe as JSON, with the profile whose values are among its options."""
    return asdict(speech.recipe) | {"profile": placed.profile.id, "profile_parameters": dict(placed.profile.parameters)}
