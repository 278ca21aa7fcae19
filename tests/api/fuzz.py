"""Requests made up from the OpenAPI description, against a service of its own on a quick engine.

    python tests/api/fuzz.py --examples 200

Each operation gets right and wrong requests, some about things that exist; then sequences follow the description's
links. Prints the statuses each operation answered with, and fails on a fault of the server, an undocumented status, an
answer that breaks its schema, or an operation that never succeeded.
"""

import argparse
import importlib.util
import logging
import random
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any

import httpx
import schemathesis
import structlog
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis.errors import Unsatisfiable
from hypothesis.stateful import run_state_machine_as_test
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
KNOWN = 0.7  # share of requests that are about things that exist
QUIET = [HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large, HealthCheck.large_base_example]


@dataclass
class Things:
    """What exists in the service, made anew when it was deleted."""

    http: httpx.Client
    recording: bytes
    kept: Any
    bundle: bytes = b""
    n_made: int = 0
    statuses: dict[str, Counter[int]] = field(default_factory=lambda: defaultdict(Counter))

    def job(self, kind: str) -> str:
        if kind == "batch":
            job = self.http.post("/jobs/batch", json={"rows": [{"text": "Hi."}]}).json()["id"]
        else:
            long = "A sentence that is spoken. " * 800
            job = self.http.post("/jobs", data={"text": long if kind == "running" else "Hi."}).json()["id"]
        if kind == "cancelled":
            self.http.post(f"/jobs/{job}/cancel")
        return job if kind in ("running", "cancelled") else self._ended(job)

    def _ended(self, job: str) -> str:
        while self.http.get(f"/jobs/{job}").json()["status"] in ("queued", "processing"):
            time.sleep(0.02)
        return job

    def voice(self) -> str:
        self.n_made += 1
        files = {"file": ("a.wav", self.recording)}
        started = self.http.post("/voices/clone", data={"name": f"Voice {self.n_made}"}, files=files).json()
        self._ended(started["job_id"])
        voice: str = self.http.get(f"/jobs/{started['job_id']}").json()["voice_id"]
        return voice

    def profile(self) -> str:
        self.n_made += 1
        body = {"name": f"Profile {self.n_made}", "parameters": {"nfe_step": 4}}
        profile: str = self.http.post("/quality-profiles/builtin", json=body).json()["id"]
        return profile

    def key(self) -> str:
        key: str = self.http.post("/admin/keys", json={"name": "a key", "scopes": ["speak"]}).json()["id"]
        return key

    def dataset(self) -> str:
        self.n_made += 1
        name: str = self.kept.add_dataset(f"spare-{self.n_made}")
        return name


ABSENT = "f5tts-v1-base"  # a model that is known and was not pulled
KINDS = {
    "/jobs/{job_id}/zip": "batch",
    "/jobs/{job_id}/cancel": "running",
    "/jobs/{job_id}/retry": "cancelled",
}


def known_parameters(things: Things, path: str, method: str) -> Callable[[], dict[str, str]]:
    """Path parameters that lead somewhere; what an operation uses up is made anew each time."""
    used_up = method == "delete" or path in KINDS
    makers: dict[str, Callable[[], str]] = {
        "job_id": lambda: things.job(KINDS.get(path, "done")),
        "voice_id": things.voice,
        "profile_id": things.profile,
        "key_id": things.key,
        "engine": lambda: "builtin",
        "model_id": lambda: ABSENT if path.endswith("/pull") else "tones",
    }
    if path.startswith("/training/"):
        makers = {
            "job_id": lambda: things.kept.comparison,
            "side": lambda: "base",
            "run": lambda: things.kept.run,
            "filename": lambda: things.kept.sample,
            "folder": lambda: things.kept.dataset,
            "clip_id": lambda: things.kept.clip,
            "name": things.dataset if method == "delete" else lambda: f"{things.kept.clip}.wav",
        }
    names = [name for name in makers if f"{{{name}}}" in path]
    kept: dict[str, str] = {}

    def make() -> dict[str, str]:
        if used_up or not kept:
            kept.update({name: makers[name]() for name in names})
        return dict(kept)

    return make


def prepared(things: Things, case: Any, make: Callable[[], dict[str, str]]) -> Any:
    """The case, most often about things that exist, with real recordings, and never waiting for long."""
    dice = random.Random(repr((case.path_parameters, case.query, case.body)))
    if case.path_parameters and dice.random() < KNOWN:
        case.path_parameters.update(make())
    if case.operation.path.startswith("/training/") and dice.random() < KNOWN:
        _name_kept(things.kept, case)
    if isinstance(case.query, dict) and isinstance(case.query.get("timeout"), int | float):
        case.query["timeout"] = min(case.query["timeout"], 0.1)
    if case.operation.path.endswith("/events"):
        case.query = (
            {**(case.query or {}), "timeout": 0} if isinstance(case.query, dict) or not case.query else case.query
        )
    if isinstance(case.body, dict) and dice.random() < KNOWN:
        _fill(things, case)
    return case


def _fill(things: Things, case: Any) -> None:
    path, body = case.operation.path, case.body
    if path.startswith("/training/"):
        _fill_training(things, path, body)
    elif path == "/voices/import":
        body["file"] = things.bundle
        body.pop("name", None)
        for voice in things.http.get("/voices").json()["voices"]:
            if voice["name"] == "Bundled":
                things.http.delete(f"/voices/{voice['id']}")
    elif path == "/voices/clone":
        body["file"] = [things.recording]
    elif path == "/jobs/batch":
        body.update({"file": b"text\nHi.\n"} if case.media_type == "multipart/form-data" else {})
    elif "file" in body:
        body["file"] = things.recording
    if path == "/synthesize-direct":
        kept = {name: body[name] for name in ("format", "seed", "speed") if body.get(name) is not None}
        body.clear()
        body.update(kept | {"text": "Hi.", "speaker_wav": things.recording})
    if path in ("/jobs", "/v1/audio/speech"):
        for name in ("language", "source_language", "target_language", "model", "quality_profile", "quality_profile_id",
                     "voice", "voice_id", "voice_preset", "mode", "tts_engine", "ref_text"):  # fmt: skip
            body.pop(name, None)
        body["input" if path == "/v1/audio/speech" else "text"] = "Hi."
    if path == "/voices/blend":
        things.n_made += 1
        body.update({"name": f"Blend {things.n_made}", "parts": [{"voice": "default"}, {"voice": things.voice()}]})
    if path.startswith("/quality-profiles") and body.get("name"):
        things.n_made += 1
        body["name"] = f"Profile {things.n_made}"
        if "engine" in body:
            body["engine"] = "builtin"


def _name_kept(kept: Any, case: Any) -> None:
    """Query parameters that lead to what is there."""
    names = {
        "model_name": kept.run,
        "checkpoint_path": kept.model,
        "folder": kept.dataset,
        "name": kept.dataset,
    }
    asked = {parameter.name for parameter in case.operation.query} & names.keys()
    if asked:
        case.query = (case.query if isinstance(case.query, dict) else {}) | {name: names[name] for name in asked}


def _fill_training(things: Things, path: str, body: dict[str, Any]) -> None:
    kept = things.kept
    things.n_made += 1
    if path == "/training/start":
        body.clear()
        body.update({"model_name": f"run-{things.n_made}", "dataset_folder": kept.dataset, "base": "tones"})
    elif path in ("/training/resume", "/training/checkpoints/compare"):
        body["model_name"] = kept.run
    elif path == "/training/dataset/upload":
        body.update({"file": [things.recording], "folder": kept.work, "language": "en"})
    elif "folder" in body:
        body["folder"] = kept.work
    if "checkpoint" in body:
        body["checkpoint"] = kept.model
        for name in ("base", "speaker_wav"):
            body.pop(name, None)


def _stop_long_work(things: Things, case: Any, response: Any) -> None:
    """Trainings, datasets and downloads need not be done for the answer to be right."""
    heavy = case.operation.path.startswith("/training/") or case.operation.path.endswith("/pull")
    if heavy and case.method == "POST" and 200 <= response.status_code < 300:
        job_id = response.json().get("job_id") or response.json().get("id")
        if job_id is not None:
            things.http.post(f"/jobs/{job_id}/cancel")


def answered(things: Things, case: Any) -> None:
    response = case.call(base_url=str(things.http.base_url), timeout=60)
    things.statuses[case.operation.label][response.status_code] += 1
    _stop_long_work(things, case, response)
    case.validate_response(response, checks=CHECKS)


def try_operation(things: Things, operation: Any, n_examples: int) -> None:
    make = known_parameters(things, operation.path, operation.method.lower())
    for mode, share in ((GenerationMode.POSITIVE, 0.7), (GenerationMode.NEGATIVE, 0.3)):

        @given(case=operation.as_strategy(generation_mode=mode))
        @settings(
            max_examples=max(2, round(n_examples * share)), database=None, derandomize=True,
            suppress_health_check=QUIET, phases=[Phase.generate],
        )  # fmt: skip
        def attempt(case: Any) -> None:
            answered(things, prepared(things, case, make))

        try:
            attempt()
        except Unsatisfiable:  # an operation without parameters cannot be asked wrongly
            if mode is GenerationMode.POSITIVE:
                raise


def follow_links(things: Things, schema: Any, n_runs: int) -> None:
    class Machine(schema.as_state_machine()):  # type: ignore[misc]
        def before_call(self, case: Any) -> None:
            prepared(things, case, dict)

        def get_call_kwargs(self, case: Any) -> dict[str, Any]:
            return {"base_url": str(things.http.base_url), "timeout": 60}

        def validate_response(self, response: Any, case: Any, **_: Any) -> None:
            things.statuses[case.operation.label][response.status_code] += 1
            _stop_long_work(things, case, response)
            case.validate_response(response, checks=CHECKS)

    run_state_machine_as_test(
        Machine,
        settings=settings(
            max_examples=n_runs, stateful_step_count=8, database=None, derandomize=True,
            suppress_health_check=list(HealthCheck), phases=[Phase.generate],
        ),
    )  # fmt: skip


def fuzz(url: str, kept: Any, n_examples: int, n_runs: int) -> dict[str, Counter[int]]:
    """Statuses by operation; raises what schemathesis finds. kept: what the service has, of kept.py."""
    recording = kept.recording.read_bytes()

    @schemathesis.serializer("text/csv")
    def as_csv(context: Any, value: Any) -> bytes:
        return value if isinstance(value, bytes) else str(value).encode("utf-8", "replace")

    schema: Any = schemathesis.openapi.from_url(f"{url}/openapi.json")
    with httpx.Client(base_url=url, timeout=120) as http:
        things = Things(http, recording, kept)
        things.bundle = _bundle(http, recording)
        for result in schema.get_all_operations():
            try_operation(things, result.ok(), n_examples)
        follow_links(things, schema, n_runs)
    return things.statuses


def _bundle(http: httpx.Client, recording: bytes) -> bytes:
    started = http.post("/voices/clone", data={"name": "Bundled"}, files={"file": ("a.wav", recording)}).json()
    while (job := http.get(f"/jobs/{started['job_id']}").json())["status"] != "completed":
        time.sleep(0.02)
    bundle = http.get(f"/voices/{job['voice_id']}/export").content
    http.delete(f"/voices/{job['voice_id']}")
    return BytesIO(bundle).getvalue()


def never_succeeded(statuses: dict[str, Counter[int]]) -> list[str]:
    return sorted(label for label, found in statuses.items() if not any(200 <= status < 300 for status in found))


def _beside(name: str) -> Any:
    """A module of this folder; it is no package when this file is run."""
    spec = importlib.util.spec_from_file_location(f"{name}_of_the_fuzzer", Path(__file__).with_name(f"{name}.py"))
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def main() -> None:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--examples", type=int, default=100, help="requests of each operation")
    parser.add_argument("--runs", type=int, default=100, help="sequences along links")
    given_args = parser.parse_args()
    kit, shelf = (_beside(name) for name in ("conftest", "kept"))
    sys.path.insert(0, str(kit.TONE_ENGINE))
    with tempfile.TemporaryDirectory() as folder:
        settings = kit.make_settings(Path(folder), hub_url="http://127.0.0.1:9")  # nothing is fetched
        kept = shelf.furnish(settings, kit.DEFAULT_VOICE)
        with kit.listening(settings) as url:
            statuses = fuzz(url, kept, given_args.examples, given_args.runs)
    for label, found in sorted(statuses.items()):
        print(f"{label:60} {dict(sorted(found.items()))}")
    failed = never_succeeded(statuses)
    sys.exit(f"never succeeded: {', '.join(failed)}" if failed else 0)


if __name__ == "__main__":
    main()
