"""Is the whole of it alive? `python scripts/smoke.py [--clips 100] [--epochs 1] [--keep FOLDER]`

Makes a dataset of the built-in voice's own speech, starts the service, and asks it over HTTP: the page loads, a
training of all clips runs to its end, its checkpoint is listed with what was measured of it, its sample plays, a job
gives audio, two models are compared, and a promoted one speaks. Nothing but the package is needed. Exits with 1 when
something fails.
"""

import argparse
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx

from locutor.audio import io
from locutor.engines.base import synthesize
from locutor.engines.builtin.engine import BuiltinEngine
from locutor.types import SpeechRequest, SynthesisOptions
from locutor.voices.store import VoiceStore

NUMBERS = "one two three four five six seven eight nine ten".split()
THINGS = "apples books chairs doors eggs flowers gloves hats islands jars".split()
POLL_S = 1.0


def write_clips(folder: Path, n_clips: int) -> None:
    """A built dataset of `n_clips` short sentences and a tenth as many held out."""
    (folder / "wavs").mkdir(parents=True)
    engine = BuiltinEngine.load()
    voice = engine.encode_voice(io.read(VoiceStore(folder).get("default").ref_audio))
    rows = []
    for k in range(n_clips + max(1, n_clips // 10)):
        text = f"{NUMBERS[k % 10]} {THINGS[k // 10 % 10]}.".capitalize()
        options = SynthesisOptions(seed=k, nfe_step=4, cfg_strength=0)
        utterance = engine.prepare(SpeechRequest(text=text, language="en", options=options), voice)
        io.write(folder / f"wavs/{k:03d}.wav", synthesize(engine, [utterance], options)[0], "wav")
        rows.append(f"wavs/{k:03d}.wav|{text}\n")
    (folder / "metadata.csv").write_text("".join(rows))
    (folder / "metadata_train.csv").write_text("".join(rows[:n_clips]))
    (folder / "metadata_val.csv").write_text("".join(rows[n_clips:]))
    (folder / "dataset.json").write_text('{"language": "en", "version": ""}')


def check(what: str, is_so: bool, more: object = "") -> None:
    print(f"{'ok' if is_so else 'FAILED':7} {what} {more}", flush=True)
    if not is_so:
        raise SystemExit(1)


def ask(client: httpx.Client, n_clips: int, epochs: int) -> None:
    check("the service is ready", wait(lambda: alive(client), 120))
    page = client.get("/webui", headers={"Accept": "text/html"}, follow_redirects=True)
    check("the page loads", page.status_code == 200 and "<html" in page.text, page.headers.get("content-type"))
    body = {"model_name": "smoke", "dataset_folder": "smoke", "epochs": epochs, "max_train_samples": n_clips}
    started = client.post("/training/start", json=body)
    check("a training starts", started.status_code == 200, started.text)
    wait(lambda: client.get("/training/status").json()["state"] != "running", 3600)
    status = client.get("/training/status").json()
    check("it is completed", status["state"] == "completed", {k: status[k] for k in ("epoch", "loss", "error")})
    checkpoints = client.get("/training/checkpoints", params={"model_name": "smoke"}).json()
    check("its checkpoint is listed", [c["epoch"] for c in checkpoints][:1] == [epochs], checkpoints[0]["path"])
    check("and measured", bool(checkpoints[0]["figures"]) and any(c["best_because"] for c in checkpoints))
    sample = client.get("/training/samples", params={"model_name": "smoke"}).json()[0]
    played = client.get(sample["path"])
    check("its sample plays", io.decode(played.content).duration_s > 0.3, sample["path"])
    job = client.post("/jobs", data={"text": "The kettle is on.", "source_language": "en"}).json()
    audio = client.get(f"/jobs/{job['id']}/download", params={"timeout": 300})
    check("a job gives audio", audio.status_code == 200 and io.decode(audio.content).duration_s > 0.5)
    body = {"checkpoint": checkpoints[0]["path"], "text": "Three books."}
    spoken = client.post("/training/inference/synthesize", json=body).json()
    audio = client.get(f"/jobs/{spoken['job_id']}/download", params={"timeout": 300})
    check("the checkpoint speaks", audio.status_code == 200 and io.decode(audio.content).duration_s > 0.3)
    review(client, checkpoints[0]["path"])


def review(client: httpx.Client, checkpoint: str) -> None:
    """Comparing, an A/B test, and promoting."""
    compared = client.post("/training/checkpoints/compare", json={"model_name": "smoke"}).json()
    job = ended(client, compared["job_id"])
    check("all are compared", job["status"] == "completed" and bool(job["result"]["why"]), job["result"])
    test = client.post("/training/inference/ab-test", json={"checkpoint": checkpoint, "text": "Five doors."}).json()
    ended(client, test["job_id"])
    found = client.get(f"/training/inference/ab-test/{test['job_id']}").json()
    clips = [client.get(found[side]).content for side in ("base_audio", "finetuned_audio")]
    check("an A/B test has two clips and figures", clips[0] != clips[1] and bool(found["figures"]), found["figures"])
    promoted = client.post("/training/checkpoints/promote", json={"checkpoint": checkpoint, "name": "smoke-voice"})
    check("it is promoted", promoted.json() == {"model": "smoke-voice"}, promoted.text)
    body = {"model": "smoke-voice", "input": "Nine hats.", "voice": "default", "response_format": "wav"}
    spoken = client.post("/v1/audio/speech", json=body)
    check("the promoted model speaks", spoken.status_code == 200 and io.decode(spoken.content).duration_s > 0.3)


def ended(client: httpx.Client, job_id: str) -> dict[str, Any]:
    wait(lambda: client.get(f"/jobs/{job_id}").json()["status"] in ("completed", "failed"), 1800)
    return dict(client.get(f"/jobs/{job_id}").json())


def alive(client: httpx.Client) -> bool:
    try:
        return client.get("/ready").status_code == 200
    except httpx.TransportError:
        return False


def wait(is_so: Callable[[], bool], seconds: float) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if is_so():
            return True
        time.sleep(POLL_S)
    return False


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clips", type=int, default=100)
    parser.add_argument("--epochs", type=int, default=1)
    parser.add_argument("--keep", type=Path, help="work here and leave everything")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        root = args.keep or Path(scratch)
        started = time.monotonic()
        if not (root / "datasets/smoke").is_dir():
            write_clips(root / "datasets/smoke", args.clips)
        print(f"ok      {args.clips} clips made in {time.monotonic() - started:.0f} s", flush=True)
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        environ = {**os.environ, "LOCUTOR_DATA_DIR": str(root), "LOCUTOR_PORT": str(port)}
        with (root / "service.log").open("wb") as log:
            service = subprocess.Popen(
                [sys.executable, "-m", "locutor.cli.main", "serve"], env=environ, stdout=log, stderr=log
            )
        try:
            with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=600) as client:
                ask(client, args.clips, args.epochs)
        finally:
            service.terminate()
            service.wait(60)
        print(f"ok      all of it in {time.monotonic() - started:.0f} s")


if __name__ == "__main__":
    main()
