import json
from pathlib import Path
from typing import Any

import pytest

from locutor.bootstrap import open_stores
from locutor.settings import Settings


@pytest.fixture
def job(home: Path) -> str:
    """A queued job of the installation."""
    stores = open_stores(Settings(data_dir=home / "data"))
    job = stores.jobs.submit("synthesize", {"text": "olá"})
    stores.close()
    return job.id


def test_the_life_of_a_job(run: Any, job: str, refused: Any) -> None:
    assert job in run("jobs", "list").stdout and "queued" in run("jobs", "list", "--status", "queued").stdout
    assert json.loads(run("jobs", "show", job).stdout)["params"] == {"text": "olá"}
    assert "is queued; only failed and cancelled" in refused(run("jobs", "retry", job), 1)
    assert f"{job} is cancelled" in run("jobs", "cancel", job).stderr
    assert "cannot be cancelled" in refused(run("jobs", "cancel", job), 1)
    assert job not in run("jobs", "list", "--status", "queued").stdout
    assert "is queued again" in run("jobs", "retry", job).stderr


def test_mistakes(run: Any, refused: Any) -> None:
    assert "there is no job 'x'" in refused(run("jobs", "show", "x"), 1)
    assert "status must be one of queued" in refused(run("jobs", "list", "--status", "done"), 2)
