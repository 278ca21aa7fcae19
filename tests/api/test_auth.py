"""A service that others can reach: keys, scopes, logins."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from locutor.auth.keys import KeyStore
from locutor.errors import OptionError
from locutor.storage.database import DATABASE_NAME, Database

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
