"""The runner: work done, cancelled, retried, given back; one lane does not block another."""

import threading
import time
from collections.abc import Callable, Iterator

import pytest

from locutor.errors import OptionError, QueueFullError, TextError, WorkerDownError
from locutor.jobs import runner as runner_module
from locutor.jobs.kinds import JobContext, JobKind, JobKinds
from locutor.jobs.model import Job, JobOutcome, JobStatus
from locutor.jobs.runner import JobRunner
from locutor.jobs.store import JobStore
from locutor.storage.owner import Owner

Start = Callable[..., JobRunner]


@pytest.fixture
def start(jobs: JobStore, owner: Owner) -> Iterator[Start]:
    started: list[JobRunner] = []

    def start(*kinds: JobKind, **slots: int) -> JobRunner:
        started.append(JobRunner(jobs, JobKinds(*kinds), owner, slots))
        started[-1].start()
        return started[-1]

    yield start
    for runner in started:
        runner.stop()


def wait_for(jobs: JobStore, job: Job, *statuses: JobStatus, timeout_s: float = 10) -> Job:
    end = time.monotonic() + timeout_s
    while (now := jobs.get(job.id)).status not in statuses:
        assert time.monotonic() < end, now
        time.sleep(0.01)
    return now


def echo(context: JobContext) -> JobOutcome:
    context.progress(1, 2, "half")
    staged = context.stage(b"x", filename="x", media_type="text/plain")
    context.stage(b"not used", filename="y", media_type="text/plain")
    return JobOutcome(result=context.job.params, outputs={"x": staged})


def until_cancelled(context: JobContext) -> JobOutcome:
    while True:
        time.sleep(0.01)
        context.check()


def test_work_is_done_and_nothing_is_left(jobs: JobStore, start: Start, owner: Owner) -> None:
    start(JobKind(name="echo", run=echo))
    done = wait_for(jobs, jobs.submit("echo", {"a": 1}), JobStatus.COMPLETED)
    assert done.result == {"a": 1} and list(done.outputs) == ["x"]
    staging = jobs.artefacts.path(done.outputs["x"]).parents[2] / "staging" / owner.token
    time.sleep(0.1)
    assert list(staging.iterdir()) == []


def test_a_running_job_is_cancelled_within_a_second(jobs: JobStore, start: Start) -> None:
    start(JobKind(name="wait", run=until_cancelled))
    job = jobs.submit("wait", {})
    wait_for(jobs, job, JobStatus.PROCESSING)
    begun = time.monotonic()
    jobs.cancel(job.id)
    wait_for(jobs, job, JobStatus.CANCELLED)
    assert time.monotonic() - begun < 1.0


def test_an_error_is_the_jobs_and_a_bug_is_not_told(jobs: JobStore, start: Start) -> None:
    def fail(context: JobContext) -> JobOutcome:
        raise TextError("nothing to speak") if context.job.params["known"] else KeyError("secret")

    start(JobKind(name="fail", run=fail))
    known, bug = jobs.submit("fail", {"known": True}), jobs.submit("fail", {"known": False})
    assert wait_for(jobs, known, JobStatus.FAILED).error == "nothing to speak"
    assert wait_for(jobs, bug, JobStatus.FAILED).error == "unexpected KeyError"


def test_a_full_queue_is_tried_again(jobs: JobStore, start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner_module, "RETRY_DELAY_S", 0.01)

    def second_time(context: JobContext) -> JobOutcome:
        if context.job.attempts == 1:
            raise QueueFullError("full", 1)
        return JobOutcome()

    start(JobKind(name="busy", run=second_time))
    assert wait_for(jobs, jobs.submit("busy", {}), JobStatus.COMPLETED).attempts == 2


def test_stopping_gives_work_back(jobs: JobStore, start: Start) -> None:
    runner = start(JobKind(name="wait", run=until_cancelled))
    job = jobs.submit("wait", {})
    wait_for(jobs, job, JobStatus.PROCESSING)
    runner.stop()
    left = jobs.get(job.id)
    assert (left.status, left.attempts) == (JobStatus.QUEUED, 0)


def test_what_is_queued_here_is_begun_at_once(jobs: JobStore, start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    """Slots that look again only after a minute are told."""
    monkeypatch.setattr(runner_module, "POLL_S", 60.0)
    start(JobKind(name="echo", run=echo), speech=2)
    for _ in range(3):
        wait_for(jobs, jobs.submit("echo", {}), JobStatus.COMPLETED)


def test_a_worker_that_rests_costs_no_attempt(jobs: JobStore, start: Start, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(runner_module, "RETRY_DELAY_S", 0.05)
    monkeypatch.setattr(runner_module, "POLL_S", 0.05)
    tries: list[int] = []

    def work(context: JobContext) -> JobOutcome:
        tries.append(context.job.attempts)
        if len(tries) < 4:
            raise WorkerDownError("it rests")
        return JobOutcome()

    start(JobKind(name="rest", run=work))
    job = jobs.submit("rest", {}, max_attempts=2)
    assert wait_for(jobs, job, JobStatus.COMPLETED).attempts == 1 and tries == [1, 1, 1, 1]
    assert [e.message for e in jobs.events(job_id=job.id) if e.message].count("it rests") == 3


def test_lanes_do_not_wait_for_each_other(jobs: JobStore, start: Start) -> None:
    start(JobKind(name="wait", run=until_cancelled, lane="training"), JobKind(name="echo", run=echo))
    long = jobs.submit("wait", {})
    wait_for(jobs, long, JobStatus.PROCESSING)
    wait_for(jobs, jobs.submit("echo", {}), JobStatus.COMPLETED)
    jobs.cancel(long.id)


def test_slots_work_side_by_side(jobs: JobStore, start: Start) -> None:
    meeting = threading.Barrier(3, timeout=5)

    def meet(context: JobContext) -> JobOutcome:
        meeting.wait()
        return JobOutcome()

    start(JobKind(name="meet", run=meet), speech=3)
    for job in [jobs.submit("meet", {}) for _ in range(3)]:
        wait_for(jobs, job, JobStatus.COMPLETED)


def test_starting_frees_what_the_dead_held(jobs: JobStore, start: Start) -> None:
    job = jobs.submit("echo", {})
    jobs.claim(["echo"], "somebody who died", 3600)
    start(JobKind(name="echo", run=echo))
    assert wait_for(jobs, job, JobStatus.COMPLETED).attempts == 2


def test_kinds_have_one_name_each() -> None:
    kinds = JobKinds(JobKind(name="echo", run=echo))
    with pytest.raises(OptionError, match="two kinds of jobs are called 'echo'"):
        kinds.add(JobKind(name="echo", run=echo))
    with pytest.raises(OptionError, match="no kind of job is called 'x'; kinds are echo"):
        kinds.get("x")
