"""Many texts in one job: spoken side by side, so that the service can batch them, and handed over as a ZIP."""

import csv
import io as _io
import json
import threading
import zipfile
from collections.abc import Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from locutor.audio import io
from locutor.audio.formats import find_format
from locutor.bootstrap import Stores
from locutor.errors import CancelledError, EngineError, LocutorError, QueueFullError
from locutor.jobs.kinds import JobContext, JobKind
from locutor.jobs.model import JobOutcome
from locutor.serving.backend import SpeechBackend, SpeechCall
from locutor.serving.script import as_parts
from locutor.types import SpeechRequest, SynthesisOptions

KIND = "batch"
SIDE_BY_SIDE = 8
_RETRY_S = 1.0


@dataclass(frozen=True)
class Row:
    """What became of one text. file: its name in the ZIP, None when there is none; then error says why."""

    row: int
    text: str
    voice: str
    language: str
    status: str
    file: str | None = None
    duration_s: float | None = None
    seed: int | None = None
    error: str | None = None


@dataclass(frozen=True)
class BatchTask:
    """The kind of job behind POST /jobs/batch.

    params: rows [{"text", "voice", "language", "model", "options", "normalize"}, or {"error", ...} for one that was
    refused], format. output "zip": a ZIP of files, manifest.json and results.csv. result: rows (Row as JSON),
    n_completed, n_failed, duration_s. The job fails only when no row could be spoken.
    """

    stores: Stores
    speech: SpeechBackend

    def kind(self) -> JobKind:
        return JobKind(name=KIND, run=self.run, lane="batches")

    def run(self, context: JobContext) -> JobOutcome:
        wanted = context.job.params["rows"]
        with context.scratch() as folder:
            rows = self._speak_all(context, wanted, folder)
            done = [row for row in rows if row.file]
            if not done:
                raise EngineError(f"none of {len(rows)} rows could be spoken; the first: {rows[0].error}")
            path = folder / "batch.zip"
            _write_zip(path, folder, rows)
            with path.open("rb") as file:
                output = context.stage(file, filename=f"{context.job.id}.zip", media_type="application/zip")
        result = {
            "rows": [asdict(row) for row in rows],
            "n_completed": len(done),
            "n_failed": len(rows) - len(done),
            "duration_s": sum(row.duration_s or 0.0 for row in done),
        }
        return JobOutcome(result=result, outputs={"zip": output})

    def _speak_all(self, context: JobContext, wanted: Sequence[dict[str, Any]], folder: Path) -> list[Row]:
        rows: dict[int, Row] = {}
        with ThreadPoolExecutor(SIDE_BY_SIDE, thread_name_prefix="batch") as pool:
            waiting = enumerate(wanted, start=1)
            running: set[Future[Row]] = set()
            while len(rows) < len(wanted):
                running |= {
                    pool.submit(self._speak, context, number, row, folder)
                    for number, row in _next(waiting, SIDE_BY_SIDE - len(running))
                }
                ended, running = wait(running, timeout=0.2, return_when=FIRST_COMPLETED)
                rows |= {future.result().row: future.result() for future in ended}
                context.progress(len(rows), len(wanted), f"{len(rows)} of {len(wanted)}")
        return [rows[number] for number in sorted(rows)]

    def _speak(self, context: JobContext, number: int, wanted: dict[str, Any], folder: Path) -> Row:
        known = {"row": number, "text": wanted["text"], "voice": wanted["voice"], "language": wanted["language"]}
        if wanted.get("error"):
            return Row(**known, status="failed", error=wanted["error"])
        format = find_format(context.job.params["format"])
        try:
            speech = _patiently(self.speech, self._call(wanted, context.cancelled), context.cancelled)
        except CancelledError:
            raise
        except LocutorError as error:
            return Row(**known, status="failed", error=str(error))
        name = f"{number:04d}{format.suffix}"
        io.write(folder / name, speech.waveform, format.name)
        seed = speech.recipe.options["seed"]
        return Row(**known, status="completed", file=name, duration_s=speech.waveform.duration_s, seed=seed)

    def _call(self, wanted: dict[str, Any], cancelled: threading.Event) -> SpeechCall:
        request = SpeechRequest(
            text=wanted["text"],
            language=wanted["language"],
            options=SynthesisOptions(**wanted["options"]),
            normalize=wanted["normalize"],
        )
        voice = self.stores.voices.get(wanted["voice"])
        parts = as_parts(request, voice, self.stores.voices.get)
        return SpeechCall(parts=parts, model=wanted["model"], cancelled=cancelled)


def _next(waiting: Iterator[tuple[int, dict[str, Any]]], n: int) -> list[tuple[int, dict[str, Any]]]:
    return [row for _, row in zip(range(n), waiting, strict=False)]


def _patiently(speech: SpeechBackend, call: SpeechCall, cancelled: threading.Event) -> Any:
    """A full queue is no reason to give a row up: others of the batch are what fills it."""
    while True:
        try:
            return speech.speak(call)
        except QueueFullError as error:
            if cancelled.wait(max(_RETRY_S, error.retry_after_s)):
                raise CancelledError("the batch was cancelled") from error


def _write_zip(path: Path, folder: Path, rows: Sequence[Row]) -> None:
    table = _io.StringIO()
    writer = csv.DictWriter(table, fieldnames=list(Row.__dataclass_fields__))
    writer.writeheader()
    writer.writerows(asdict(row) for row in rows)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for row in rows:
            if row.file:
                archive.write(folder / row.file, row.file)
        archive.writestr("manifest.json", json.dumps([asdict(row) for row in rows], ensure_ascii=False, indent=1))
        archive.writestr("results.csv", table.getvalue())
