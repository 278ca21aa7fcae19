"""What was left out and why, worst first."""

import json
from collections import Counter
from collections.abc import Sequence
from typing import Any

from locutor.datasets.dataset import Dataset, write_json
from locutor.datasets.filters import HOPELESS
from locutor.datasets.manifest import Clip
from locutor.errors import NotFoundError

FILE = "report.json"


def write_report(dataset: Dataset, clips: Sequence[Clip]) -> dict[str, Any]:
    """Write report.json and return it.

    kept, dropped: numbers of clips; seconds_kept, seconds_dropped; failed: recordings that could not be imported.
    by_check: how many clips each check dropped, by their worst problem. left_out: one entry for each dropped clip and
    failed recording, the worst first, with the `reasons` as sentences.
    """
    failed = [source for source in dataset.sources() if source.error]
    kept = [clip for clip in clips if clip.is_kept]
    dropped = [clip for clip in clips if not clip.is_kept]
    left_out = [_of_clip(clip) for clip in dropped]
    left_out += [
        {"id": s.id, "name": s.name, "check": "file", "severity": HOPELESS, "reasons": [s.error]} for s in failed
    ]
    report = {
        "kept": len(kept),
        "dropped": len(dropped),
        "failed": len(failed),
        "seconds_kept": round(sum(clip.duration_s for clip in kept), 3),
        "seconds_dropped": round(sum(clip.duration_s for clip in dropped), 3),
        "by_check": dict(Counter(entry["check"] for entry in left_out).most_common()),
        "left_out": sorted(left_out, key=lambda entry: (-entry["severity"], entry["id"])),
    }
    write_json(dataset.folder / FILE, report)
    return report


def _of_clip(clip: Clip) -> dict[str, Any]:
    worst = max(clip.problems, key=lambda problem: problem.severity, default=None)
    return {
        "id": clip.id,
        "source": clip.source,
        "start_s": clip.start_s,
        "end_s": clip.end_s,
        "check": worst.check if worst else "file",
        "severity": round(worst.severity, 4) if worst else HOPELESS,
        "reasons": [problem.sentence for problem in clip.problems] + ([clip.error] if clip.error else []),
        "text": clip.text,
    }


def read_report(dataset: Dataset) -> dict[str, Any]:
    """The report of the last filter or validation; NotFoundError before one."""
    path = dataset.folder / FILE
    if not path.is_file():
        raise NotFoundError(f"dataset {dataset.name!r} has no report yet; filter it first")
    found: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return found
