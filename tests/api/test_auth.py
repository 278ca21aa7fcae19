"""A service that others can reach: keys, scopes, logins."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from locutor.api.app import create_app
from locutor.api.job_scopes import SCOPES
from locutor.api.own_key import make_own_key
from locutor.auth.keys import KeyStore
from locutor.errors import OptionError
from locutor.local_service import look_up
from locutor.storage.database import DATABASE_NAME, Database
from locutor.storage.owner import Owner

from .conftest import in_process, make_settings

OPEN = {"/", "/health", "/ready", "/auth/login", "/auth/logout", "/auth/session", "/docs", "/openapi.json"}


@pytest.fixture
def keys(tmp_path: Path) -> Iterator[dict[str, str]]:
    """Keys by scope, made before the service starts."""
    database = Database(tmp_path / DATABASE_NAME)
    yield {scope: KeyStore(database).create(scope, [scope])[1] for scope in ("speak", "voices", "train", "admin")}
    database.close()


@pytest.fixture
def guarded(serve: Any, keys: dict[str, str]) -> Iterator[TestClient]:
    with serve(host="0.0.0.0") as found:
        yield found.client


def bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


def test_it_does_not_start_without_a_key(serve: Any) -> None:
    with pytest.raises(OptionError, match="others can reach 0.0.0.0, so an API key is needed"), serve(host="0.0.0.0"):
        raise AssertionError("it serves")


def test_every_operation_but_the_front_door_asks_for_a_key(guarded: TestClient) -> None:
    asked = 0
    for path, methods in guarded.get("/openapi.json").json()["paths"].items():
        for method in methods:
            if path in OPEN:
                continue
            answer = guarded.request(method.upper(), path.replace("{", "").replace("}", ""))
            assert answer.status_code == 401, (method, path, answer.status_code)
            assert answer.headers["WWW-Authenticate"] == "Bearer"
            asked += 1
    assert asked >= 40
    assert guarded.get("/health").status_code == 200


def test_scopes_part_reading_from_changing(guarded: TestClient, keys: dict[str, str]) -> None:
    speak, voices, admin = (bearer(keys[name]) for name in ("speak", "voices", "admin"))
    assert guarded.get("/voices", headers=speak).status_code == 200
    assert guarded.get("/voices", headers={"X-API-Key": keys["speak"]}).status_code == 200
    for scope, status in ((speak, 403), (voices, 404), (admin, 404)):
        assert guarded.delete("/voices/nobody", headers=scope).status_code == status
    refused = guarded.get("/admin/stats", headers=voices)
    assert refused.status_code == 403 and "does not have the scope 'admin'" in refused.json()["detail"]
    assert guarded.get("/admin/stats", headers=admin).status_code == 200
    wrong = guarded.get("/v1/models", headers=bearer("sk-something"))
    assert wrong.status_code == 401 and wrong.json()["error"]["type"] == "AuthError"


KINDS = {
    "synthesize": "speak",
    "synthesize_batch": "speak",
    "clone_voice": "voices",
    "train": "train",
    "dataset_make": "train",
    "checkpoint_comparison": "train",
    "pull_model": "admin",
    "of a newer version": "admin",
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_job_is_changed_with_the_scope_that_queues_it(
    serve: Any, keys: dict[str, str], kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("locutor.jobs.runner.JobRunner.start", lambda runner: None)
    with serve(host="0.0.0.0") as found:
        jobs, client = found.context.stores.jobs, found.client
        for scope, key in keys.items():
            job, may = jobs.submit(kind, {}).id, scope in (KINDS[kind], "admin") or KINDS[kind] == "speak"
            changes = [("POST", "/cancel"), ("POST", "/retry"), ("DELETE", "")]
            answers = [client.request(method, f"/jobs/{job}{path}", headers=bearer(key)) for method, path in changes]
            assert [answer.status_code for answer in answers] == [200 if may else 403] * 3, (kind, scope)
            assert may or f"does not have the scope '{KINDS[kind]}'" in answers[0].json()["detail"]
            assert client.delete(f"/jobs/{job}", headers=bearer(key)).status_code == (404 if may else 403)


def test_every_kind_of_job_has_its_scope(service: Any) -> None:
    kinds = service.context.runner.kinds
    assert {kind for lane in kinds.lanes() for kind in kinds.of_lane(lane)} == set(SCOPES)


def test_the_key_of_a_killed_service_ends_with_it(tmp_path: Path, keys: dict[str, str]) -> None:
    settings = make_settings(tmp_path, host="0.0.0.0")
    database, owner = Database(tmp_path / DATABASE_NAME), Owner(tmp_path / "processes")
    store = KeyStore(database)
    dead, living = Owner(tmp_path / "processes"), make_own_key(store, owner)[1]
    left, old = make_own_key(store, dead)[1], store.create("commands on this machine", ["speak"])[1]
    dead.close()
    app = create_app(settings, in_process)
    app.state.url = "http://127.0.0.1:8005"
    with TestClient(app):
        assert store.caller(left) is None and store.caller(old) is None
        assert store.caller(living) is not None and store.caller(keys["speak"]) is not None
        own = look_up(tmp_path)
        assert own is not None and own.key is not None and store.caller(own.key) is not None
    assert store.caller(own.key) is None
    owner.close()
    database.close()


def test_the_key_of_a_killed_service_is_not_enough_to_start(tmp_path: Path, serve: Any) -> None:
    database, dead = Database(tmp_path / DATABASE_NAME), Owner(tmp_path / "processes")
    make_own_key(KeyStore(database), dead)
    dead.close()
    database.close()
    with pytest.raises(OptionError, match="an API key is needed"), serve(host="0.0.0.0"):
        raise AssertionError("it serves")


def test_a_revoked_key_is_refused_at_once(guarded: TestClient, keys: dict[str, str], tmp_path: Path) -> None:
    assert guarded.get("/jobs", headers=bearer(keys["speak"])).status_code == 200
    database = Database(tmp_path / DATABASE_NAME)  # as another process, `locutor keys revoke`, has it
    KeyStore(database).revoke(keys["speak"].split("_")[1])
    database.close()
    assert guarded.get("/jobs", headers=bearer(keys["speak"])).status_code == 401


def test_a_page_logs_in_to_a_cookie(guarded: TestClient, keys: dict[str, str]) -> None:
    assert guarded.get("/auth/session").json() == {
        "authenticated": False, "key_required": True, "scopes": [], "csrf_token": None, "expires_at": None,
    }  # fmt: skip
    assert guarded.post("/auth/login", json={"key": "loc_a_b"}).status_code == 401
    answer = guarded.post("/auth/login", json={"key": keys["voices"]})
    cookie = answer.headers["set-cookie"]
    assert "HttpOnly" in cookie and "SameSite=strict" in cookie and keys["voices"] not in cookie
    assert guarded.get("/voices").status_code == 200 and guarded.get("/jobs/events?timeout=0").status_code == 200
    token = answer.json()["csrf_token"]
    assert guarded.get("/auth/session").json()["csrf_token"] == token
    assert guarded.delete("/voices/nobody").status_code == 403
    assert guarded.delete("/voices/nobody", headers={"X-CSRF-Token": token[::-1]}).status_code == 403
    assert guarded.delete("/voices/nobody", headers={"X-CSRF-Token": token}).status_code == 404
    assert guarded.get("/admin/stats").status_code == 403
    guarded.post("/auth/logout", headers={"X-CSRF-Token": token})
    assert guarded.get("/voices").status_code == 401


def test_the_cookie_of_a_secure_page_stays_on_secure_pages(serve: Any, keys: dict[str, str]) -> None:
    with serve(host="0.0.0.0") as found:
        answer = found.client.post("https://127.0.0.1:8005/auth/login", json={"key": keys["speak"]})
        assert "Secure" in answer.headers["set-cookie"]


def test_without_need_of_a_key_any_is_taken(client: TestClient) -> None:
    assert client.get("/v1/models", headers=bearer("sk-dummy")).status_code == 200
    assert client.get("/auth/session").json()["authenticated"]
    assert client.post("/auth/login", json={"key": "anything"}).json()["key_required"] is False
