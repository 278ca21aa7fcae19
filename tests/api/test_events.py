"""What becomes of jobs, as events."""

import json
import time
from typing import Any

import httpx
from fastapi.testclient import TestClient


def parsed(text: str) -> list[dict[str, Any]]:
    blocks = [block for block in text.split("\n\n") if block.startswith("id: ")]
    events = []
    for block in blocks:
        fields = dict(line.split(": ", 1) for line in block.splitlines())
        assert fields["event"] == "job" and int(fields["id"]) == json.loads(fields["data"])["id"]
        events.append(json.loads(fields["data"]))
    return events


def test_a_jobs_stream_tells_its_life_and_ends_with_it(client: TestClient) -> None:
    job_id = client.post("/jobs", data={"text": "Good morning!"}).json()["id"]
    answer = client.get(f"/jobs/{job_id}/events", params={"timeout": 120})
    assert answer.headers["content-type"].startswith("text/event-stream")
    events = parsed(answer.text)
    assert [event["status"] for event in events][:2] == ["queued", "processing"]
    assert events[-1]["status"] == "completed" and events[-1]["progress"] == 100
    ids = [event["id"] for event in events]
    assert ids == sorted(ids) and {event["job_id"] for event in events} == {job_id}
    again = client.get(f"/jobs/{job_id}/events", headers={"Last-Event-ID": str(ids[0])})
    assert [event["id"] for event in parsed(again.text)] == ids[1:]
    assert client.get(f"/jobs/{job_id}/events", headers={"Last-Event-ID": str(ids[-1])}).status_code == 204


def test_the_stream_of_all_begins_now_or_where_it_is_told(client: TestClient) -> None:
    job_id = client.post("/jobs", data={"text": "Good morning!"}).json()["id"]
    client.get(f"/jobs/{job_id}/events", params={"timeout": 120})  # until it has ended
    assert parsed(client.get("/jobs/events", params={"timeout": 0}).text) == []
    every = parsed(client.get("/jobs/events", params={"timeout": 0, "after": 0}).text)
    assert len({event["job_id"] for event in every}) >= 1
    later = client.get(
        "/jobs/events", params={"timeout": 0, "after": 0}, headers={"Last-Event-ID": str(every[0]["id"])}
    )
    assert len(parsed(later.text)) >= len(every) - 1


def test_a_job_that_is_deleted_ends_its_stream_and_an_unknown_one_has_none(service: Any, client: TestClient) -> None:
    job_id = service.context.stores.jobs.submit("held", {}).id
    assert [e["status"] for e in parsed(client.get(f"/jobs/{job_id}/events", params={"timeout": 0}).text)] == ["queued"]
    client.delete(f"/jobs/{job_id}")
    assert client.get(f"/jobs/{job_id}/events").status_code == 404
    assert client.get("/jobs/job_0/events", params={"after": -1}).status_code == 422


def test_events_arrive_while_the_stream_is_open(url: str) -> None:
    with httpx.Client(base_url=url, timeout=20) as http:
        seen = []
        with http.stream("GET", "/jobs/events", params={"timeout": 15}) as answer:
            job_id = http.post("/jobs", data={"text": "Good morning!"}).json()["id"]
            start = time.monotonic()
            for line in answer.iter_lines():
                if line.startswith("data: "):
                    seen.append(json.loads(line.removeprefix("data: ")))
                if seen and seen[-1]["status"] == "completed":
                    break
        assert time.monotonic() - start < 14 and {event["job_id"] for event in seen} == {job_id}
