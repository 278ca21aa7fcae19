"""How quick the studio's pages are: `python benchmarks/studio.py [--jobs 10000] [--clips 5000] [--voices 200]`

Starts a service with long lists on a port of its own and drives Chromium in front of it. Prints what the first page
weighs on the wire, when it can be used, how long a page of the long lists takes, and what an idle page asks for.
"""

import argparse
import hashlib
import random
import shutil
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, sync_playwright
from served import served

from locutor.bootstrap import Stores, dataset_store, open_stores
from locutor.datasets.manifest import Clip, Source, write_rows
from locutor.i18n import LANGUAGES
from locutor.jobs.model import JobRow, JobStatus
from locutor.options import SynthesisOptions
from locutor.serving.recipe import Recipe
from locutor.settings import load_settings
from locutor.storage.database import now
from locutor.voices.library import NewClip
from locutor.voices.record import Consent, VoiceRecord, VoiceRow

DATASET = "long"
IDLE_S = 10.0
N_LOADS = 5
WEIGHT = "performance.getEntries().reduce((sum, entry) => sum + (entry.transferSize ?? 0), 0)"
USABLE = "performance.getEntriesByName('interactive')[0].startTime"


def write_long_lists(data_dir: Path, n_jobs: int, n_clips: int, n_voices: int = 0) -> None:
    """A data folder with so many finished jobs, a dataset of so many clips that was cut but not built, and a library of
    so many voices, each with what the doctor found and who agreed."""
    settings = load_settings(data_dir=data_dir)
    stores = open_stores(settings)
    voices = add_voices(stores, n_voices)
    outputs = {"audio": str(voices[0].reference)} if voices else {}
    ids, at = [voice.id for voice in voices] or ["default"], now()
    with stores.database.write() as session:
        session.add_all(_job(k, ids[k % len(ids)], outputs, at) for k in range(n_jobs))
    stores.close()
    dataset = dataset_store(settings).create(DATASET, "en")
    write_rows(
        dataset.rows_of("import"), [Source(id="night", origin="night.wav", name="night.wav", file_sha256="0" * 64)]
    )
    clips = [
        Clip(id=f"night-{k:05d}", source="night", start_s=3.0 * k, end_s=3.0 * k + 2.5, text=f"Clip {k}.")
        for k in range(n_clips)
    ]
    dataset.write_clips("segment", clips)


def add_voices(stores: Stores, n: int) -> Sequence[VoiceRecord]:
    """A library of n voices: one that was examined, and others of its recording that measured a little differently."""
    if not n:
        return []
    recording = NewClip(audio=stores.voices.get("default").recording, transcript="A transcript of the recording.")
    consent = Consent(permission="granted", given_by="Somebody", confirmed_at=now())
    first = stores.voices.add([recording], name="Voice 0", language="en", consent=consent)
    chance = random.Random(0)
    with stores.database.write() as session:
        row = session.get_one(VoiceRow, first.id)
        same = {column.name: getattr(row, column.name) for column in VoiceRow.__table__.columns}
        for k in range(1, n):
            own = {"id": f"voice_{chance.randbytes(8).hex()}", "name": f"Voice {k}"}
            session.add(VoiceRow(**same | own | {"report": _measured_anew(row.report, chance)}))
    return stores.voices.records()


def _measured_anew(report: dict[str, Any] | None, chance: random.Random) -> dict[str, Any]:
    """A report with other digits, which compress no better than those of another recording."""
    return {k: v * chance.uniform(0.9, 1.1) if isinstance(v, float) else v for k, v in (report or {}).items()}


def _job(k: int, voice: str, outputs: dict[str, str], at: float) -> JobRow:
    """The k-th last take, with a recipe as the service writes it."""
    text, job_id = f"Sentence {k} of a long night.", f"job_{hashlib.sha256(bytes(str(k), 'ascii')).hexdigest()[:20]}"
    options = SynthesisOptions(seed=k)
    recipe = Recipe(
        model="builtin", engine="builtin", checkpoint_sha256="0" * 64, device="cpu", licence="Apache-2.0",
        commercial_use=True, voice=voice, language="en", text=text, spoken=text, n_chunks=1, options=asdict(options),
        duration_s=2.5, elapsed_s=0.5 + k / 7e5, rtf=0.2 + k / 2e6,
    )  # fmt: skip
    return JobRow(
        id=job_id, kind="synthesize", status=JobStatus.COMPLETED,
        params={"text": text, "voice": voice, "language": "en"}, progress=100.0, priority=0, message="completed",
        attempts=1, max_attempts=3, cancel_requested=False, not_before=0.0, outputs=outputs,
        result={"duration_s": 2.5}, recipe=asdict(recipe), created_at=at - k, updated_at=at - k,
        started_at=at - k - 2, finished_at=at - k,
    )  # fmt: skip


def first_page(browser: Browser, url: str, language: str = "en") -> tuple[int, float]:
    """Bytes on the wire and milliseconds until it can be used, by somebody who was never here; the best of a few."""
    weights, times = [], []
    for _ in range(N_LOADS):
        context = browser.new_context(viewport={"width": 1440, "height": 900}, locale=language)
        page = context.new_page()
        page.goto(f"{url}/webui")
        page.wait_for_selector("studio-page[data-ready]")
        page.wait_for_timeout(500)
        weights.append(int(page.evaluate(WEIGHT)))
        times.append(float(page.evaluate(USABLE)))
        context.close()
    return max(weights), min(times)


def milliseconds(page: Page, act: Callable[[], object], shown: str) -> float:
    """From an act until a selector is there."""
    start = time.perf_counter()
    act()
    page.wait_for_selector(shown, state="attached")
    return 1000 * (time.perf_counter() - start)


def long_lists(page: Page, url: str) -> dict[str, float]:
    """Milliseconds of what is done in the long lists."""
    page.goto(f"{url}/webui/jobs")
    page.wait_for_selector("jobs-page[data-ready]")
    on, first = page.locator("[data-pager-on]"), page.locator("[data-list] > li").first
    found = {}
    key = first.get_attribute("data-key")
    found["next page of jobs"] = milliseconds(page, on.click, f'[data-list] > li:first-child:not([data-key="{key}"])')
    find = lambda: page.fill("[data-search]", "Sentence 4321 ")
    found["job found by its text"] = milliseconds(page, find, '[data-list] > li:only-child[aria-label*="4321"]')
    page.goto(f"{url}/webui/datasets?name={DATASET}")
    page.wait_for_selector("datasets-page[data-ready]")
    key = page.locator("[data-clips] > li").first.get_attribute("data-key")
    found["next page of clips"] = milliseconds(page, on.click, f'[data-clips] > li:first-child:not([data-key="{key}"])')
    return found


def requests_while_idle(page: Page, url: str, seconds: float) -> int:
    """What a page asks for while nothing happens."""
    page.goto(f"{url}/webui/jobs")
    page.wait_for_selector("jobs-page[data-ready]")
    page.wait_for_timeout(1500)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.wait_for_timeout(1000 * seconds)
    return len(asked)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=10_000)
    parser.add_argument("--clips", type=int, default=5_000)
    parser.add_argument("--voices", type=int, default=200)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch, sync_playwright() as playwright:
        write_long_lists(Path(scratch), args.jobs, args.clips, args.voices)
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        with served(Path(scratch)) as url:
            for language in LANGUAGES:
                weight, usable = first_page(browser, url, language)
                print(
                    f"first page, {language}: {weight / 1000:.1f} kB over the wire, can be used after {usable:.0f} ms"
                )
            page = browser.new_page()
            for name, ms in long_lists(page, url).items():
                print(f"{name}: {ms:.0f} ms ({args.jobs} jobs, {args.clips} clips)")
            print(f"requests of an idle page in {IDLE_S:g} s: {requests_while_idle(page, url, IDLE_S)}")
        browser.close()


if __name__ == "__main__":
    main()
