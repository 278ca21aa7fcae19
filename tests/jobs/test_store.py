"""Jobs: queued in order, leased, finished once, cancelled, retried, freed from the dead."""

import time
from collections import Counter

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.orm import Session

from locutor.errors import CancelledError, ConflictError, NotFoundError, OptionError, TextError
from locutor.jobs.model import JobOutcome, JobStatus
from locutor.jobs.store import JobStore, Lease, LeaseLostError, delete_expired, prune_events
from locutor.storage.artefacts import ArtefactStore
from locutor.storage.database import Database

KINDS = ["say"]


def begin(jobs: JobStore, owner: str = "me", lease_s: float = 60) -> Lease:
    claimed = jobs.claim(KINDS, owner, lease_s)
    assert claimed is not None
    return claimed[1]


def test_the_whole_way(jobs: JobStore, artefacts: ArtefactStore) -> None:
    job = jobs.submit("say", {"text": "olá"})
    assert job.status is JobStatus.QUEUED and job.params == {"text": "olá"} and job.attempts == 0
    lease = begin(jobs)
    assert jobs.claim(KINDS, "you", 60) is None
    jobs.progress(lease, 50.0, "half")
    assert jobs.get(job.id).progress == 50 and jobs.get(job.id).message == "half"
    staged = artefacts.stage(b"audio", filename="a.wav", media_type="audio/wav")
    done = jobs.complete(lease, JobOutcome(result={"n": 1}, outputs={"audio": staged}, recipe={"seed": 7}))
    assert done == jobs.get(job.id) and done.status is JobStatus.COMPLETED and done.progress == 100
    assert (done.result, done.recipe, done.attempts) == ({"n": 1}, {"seed": 7}, 1)
    assert artefacts.path(done.outputs["audio"]).read_bytes() == b"audio"
    assert done.created_at <= (done.started_at or 0) <= (done.finished_at or 0)
    assert [e.status for e in jobs.events(job_id=job.id)] == ["queued", "processing", "processing", "completed"]
    assert jobs.events(after=jobs.last_event()) == []


def test_order_is_priority_then_age(jobs: JobStore) -> None:
    ids = [jobs.submit("say", {}, priority=priority).id for priority in (0, 1, 0, 1)]
    assert [begin(jobs).job_id for _ in ids] == [ids[1], ids[3], ids[0], ids[2]]


def test_other_kinds_are_left_alone(jobs: JobStore) -> None:
    jobs.submit("train", {})
    assert jobs.claim(KINDS, "me", 60) is None


def test_a_key_names_one_live_job(jobs: JobStore) -> None:
    first = jobs.submit("say", {}, key="k")
    assert jobs.submit("say", {}, key="k") == first
    jobs.cancel(first.id)
    assert jobs.submit("say", {}, key="k").id != first.id


@pytest.mark.parametrize(("ttl_s", "is_kept"), [(0.0, False), (60.0, True), (None, True)])
def test_a_key_names_no_job_whose_time_is_over(jobs: JobStore, ttl_s: float | None, is_kept: bool) -> None:
    first = jobs.submit("say", {}, key="k", ttl_s=ttl_s)
    jobs.complete(begin(jobs), JobOutcome())
    time.sleep(0.01)
    assert (jobs.submit("say", {}, key="k").id == first.id) == is_kept


def test_cancelling(jobs: JobStore) -> None:
    waiting, running = jobs.submit("say", {}), jobs.submit("say", {}, priority=1)
    assert jobs.cancel(waiting.id).status is JobStatus.CANCELLED
    lease = begin(jobs)
    assert jobs.to_stop([lease]) == set()
    assert jobs.cancel(running.id).cancel_requested
    assert jobs.to_stop([lease]) == {running.id}
    with pytest.raises(CancelledError):
        jobs.progress(lease, 1, "")
    assert jobs.fail(lease, CancelledError("stop")).status is JobStatus.CANCELLED
    with pytest.raises(ConflictError, match="is cancelled and cannot be cancelled"):
        jobs.cancel(running.id)


def test_failing_and_retrying(jobs: JobStore) -> None:
    job = jobs.submit("say", {})
    failed = jobs.fail(begin(jobs), TextError("nothing to say"))
    assert (failed.status, failed.error, failed.error_kind) == ("failed", "nothing to say", "TextError")
    again = jobs.retry(job.id)
    assert again.status is JobStatus.QUEUED and again.error is None and again.attempts == 0
    hidden = jobs.fail(begin(jobs), KeyError("a secret"))
    assert hidden.error == "unexpected KeyError"
    jobs.retry(job.id)
    jobs.complete(begin(jobs), JobOutcome())
    with pytest.raises(ConflictError, match="only failed and cancelled jobs"):
        jobs.retry(job.id)


def test_errors_worth_another_try(jobs: JobStore) -> None:
    jobs.submit("say", {}, max_attempts=2)
    assert jobs.fail(begin(jobs), OptionError("busy"), retry_in_s=0).status is JobStatus.QUEUED
    assert jobs.fail(begin(jobs), OptionError("busy"), retry_in_s=0).status is JobStatus.FAILED


def test_a_delayed_try_waits(jobs: JobStore) -> None:
    jobs.submit("say", {})
    jobs.fail(begin(jobs), OptionError("busy"), retry_in_s=60)
    assert jobs.claim(KINDS, "me", 60) is None


def test_a_job_of_a_dead_owner_is_freed_and_its_outcome_refused(jobs: JobStore, artefacts: ArtefactStore) -> None:
    job = jobs.submit("say", {})
    old = begin(jobs, "dead")
    assert jobs.recover(lambda owner: owner == "alive") == [job.id]
    new = begin(jobs, "alive")
    staged = artefacts.stage(b"late", filename="a", media_type="text/plain")
    with pytest.raises(LeaseLostError):
        jobs.complete(old, JobOutcome(outputs={"audio": staged}))
    assert staged.path.exists(), "what does not count is not moved"
    for late in (lambda: jobs.progress(old, 1, ""), lambda: jobs.fail(old, KeyError()), lambda: jobs.give_back(old)):
        with pytest.raises(LeaseLostError):
            late()
    assert jobs.complete(new, JobOutcome()).attempts == 2


def test_an_expired_lease_is_freed_and_a_renewed_one_is_not(jobs: JobStore) -> None:
    jobs.submit("say", {})
    lease = begin(jobs, lease_s=-1)
    jobs.renew([lease], 60)
    assert jobs.recover(lambda _: True) == []
    jobs.renew([lease], -1)
    assert jobs.recover(lambda _: True) == [lease.job_id]


def test_a_job_that_kills_its_process_every_time_fails(jobs: JobStore) -> None:
    job = jobs.submit("say", {}, max_attempts=2)
    for _ in range(2):
        begin(jobs)
        jobs.recover(lambda _: False)
    failed = jobs.get(job.id)
    assert failed.status is JobStatus.FAILED and failed.error == "its process ended unexpectedly in each of 2 attempts"


def test_a_cancelled_job_of_a_dead_owner_stays_cancelled(jobs: JobStore) -> None:
    job = jobs.submit("say", {})
    begin(jobs)
    jobs.cancel(job.id)
    jobs.recover(lambda _: False)
    assert jobs.get(job.id).status is JobStatus.CANCELLED


def test_giving_back_costs_no_attempt(jobs: JobStore) -> None:
    job = jobs.submit("say", {})
    jobs.give_back(begin(jobs))
    assert jobs.get(job.id).attempts == 0 and begin(jobs).job_id == job.id


def test_giving_back_what_was_to_stop_ends_it(jobs: JobStore) -> None:
    job = jobs.submit("say", {})
    lease = begin(jobs)
    jobs.cancel(job.id)
    jobs.give_back(lease)
    assert jobs.get(job.id).status is JobStatus.CANCELLED


def test_further_changes_are_of_the_same_transaction(jobs: JobStore) -> None:
    job = jobs.submit("say", {})
    lease = begin(jobs)

    def broken(session: Session) -> None:
        raise OptionError("no")

    with pytest.raises(OptionError):
        jobs.complete(lease, JobOutcome(also=broken))
    assert jobs.get(job.id).status is JobStatus.PROCESSING


def test_deleting(jobs: JobStore, artefacts: ArtefactStore) -> None:
    job = jobs.submit("say", {})
    lease = begin(jobs)
    with pytest.raises(ConflictError, match="cancel it first"):
        jobs.delete(job.id)
    staged = artefacts.stage(b"audio", filename="a", media_type="audio/wav")
    path = artefacts.path(jobs.complete(lease, JobOutcome(outputs={"audio": staged})).outputs["audio"])
    assert jobs.delete(job.id) == 1 and not path.exists()
    for ask in (jobs.get, jobs.delete, jobs.cancel, jobs.retry):
        with pytest.raises(NotFoundError, match="there is no job"):
            ask(job.id)
    assert jobs.events() == []


def test_expiry(jobs: JobStore, database: Database) -> None:
    kept, gone = jobs.submit("say", {}, ttl_s=1000), jobs.submit("say", {}, ttl_s=-1)
    forever = jobs.submit("say", {})
    for _ in range(3):
        jobs.complete(begin(jobs), JobOutcome())
    assert delete_expired(jobs, database) == [gone.id]
    assert {job.id for job in jobs.list()} == {kept.id, forever.id}
    assert prune_events(database, -1) == 6 and jobs.events() == []


def test_listing(jobs: JobStore) -> None:
    ids = [jobs.submit("say", {}).id for _ in range(3)] + [jobs.submit("train", {}).id]
    jobs.cancel(ids[0])
    assert [job.id for job in jobs.list(limit=2)] == [ids[3], ids[2]]
    assert [job.id for job in jobs.list(limit=2, offset=2)] == [ids[1], ids[0]]
    assert [job.id for job in jobs.list(status=JobStatus.CANCELLED)] == [ids[0]]
    assert jobs.count(kinds=["say"]) == 3 and jobs.counts()[JobStatus.QUEUED] == 3


STEPS = st.lists(
    st.tuples(st.sampled_from(["submit", "claim", "complete", "fail", "die", "cancel", "retry"]), st.integers(0, 5)),
    max_size=25,
)


@given(STEPS)
@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_whatever_happens_each_job_is_finished_at_most_once(jobs: JobStore, steps: list[tuple[str, int]]) -> None:
    """Random histories, with leases that are used long after they were lost."""
    jobs.recover(lambda _: False)
    for old in jobs.list(limit=1000):
        if not old.status.is_final:
            jobs.cancel(old.id)
        jobs.delete(old.id)
    finished: Counter[str] = Counter()
    ids: list[str] = []
    leases: list[Lease] = []
    for step, which in steps:
        if step == "submit":
            ids.append(jobs.submit("say", {}, max_attempts=2).id)
        elif step == "claim" and (claimed := jobs.claim(KINDS, "me", 60)):
            leases.append(claimed[1])
        elif step == "die":
            jobs.recover(lambda _: False)
        elif step in ("complete", "fail") and leases:
            lease = leases[which % len(leases)]
            try:
                if step == "complete":
                    jobs.complete(lease, JobOutcome())
                    finished[lease.job_id] += 1
                else:
                    jobs.fail(lease, OptionError("x"), retry_in_s=0)
            except LeaseLostError:
                continue
        elif step in ("cancel", "retry") and ids:
            try:
                (jobs.cancel if step == "cancel" else jobs.retry)(ids[which % len(ids)])
            except ConflictError:
                continue
    for job_id in ids:
        job = jobs.get(job_id)
        assert finished[job_id] == (job.status is JobStatus.COMPLETED)
        assert job.attempts <= 2
