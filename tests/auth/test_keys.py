"""API keys: shown once, hashed, revocable."""

import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from locutor.auth.keys import KeyStore
from locutor.auth.scopes import LOCAL, Scope
from locutor.auth.sessions import SessionStore, csrf_token_of, is_csrf_token
from locutor.errors import NotFoundError, OptionError
from locutor.storage.database import Database


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    found = Database(tmp_path / "locutor.db")
    yield found
    found.close()


@pytest.fixture
def keys(database: Database) -> KeyStore:
    return KeyStore(database)


def test_a_key_opens_what_its_scopes_say(keys: KeyStore) -> None:
    key, text = keys.create("  laptop ", ["speak", "voices"])
    caller = keys.caller(text)
    assert caller is not None and caller.id == key.id and key.name == "laptop"
    assert caller.may(Scope.SPEAK) and caller.may(Scope.VOICES) and not caller.may(Scope.ADMIN)
    _, admin = keys.create("boss", ["admin"])
    found = keys.caller(admin)
    assert found is not None and all(found.may(scope) for scope in Scope) and all(LOCAL.may(scope) for scope in Scope)


def test_the_database_holds_no_secret(keys: KeyStore, database: Database, tmp_path: Path) -> None:
    _, text = keys.create("laptop", ["speak"])
    session = SessionStore(database, keys, 60).open(text)
    assert session is not None
    database.close()
    dump = "\n".join(sqlite3.connect(tmp_path / "locutor.db").iterdump())
    assert text.split("_", 2)[2] not in dump and session.token not in dump and session.csrf_token not in dump


def test_wrong_revoked_and_expired_keys_open_nothing(keys: KeyStore) -> None:
    key, text = keys.create("laptop", ["speak"])
    other, _ = keys.create("phone", ["speak"])
    for wrong in (text[:-1], text + "x", text.replace(key.id, other.id), text.upper(), "loc__", "", "sk-123"):
        assert keys.caller(wrong) is None, wrong
    assert keys.revoke(key.id).revoked_at is not None
    assert keys.caller(text) is None and keys.has_live()
    _, brief = keys.create("brief", ["speak"], ttl_s=0.0)
    assert keys.caller(brief) is None
    with pytest.raises(NotFoundError, match="there is no key 'nope'"):
        keys.revoke("nope")


@given(st.text(max_size=60))
def test_no_text_is_taken_for_a_key_or_breaks_the_check(text: str) -> None:
    class Nothing(KeyStore):
        def __init__(self) -> None: ...
        def row(self, key_id: str) -> None:
            return None

    assert Nothing().caller(text) is None


@pytest.mark.parametrize("name", ["", "   ", "a\nb", "x" * 81, "a\x00"])
def test_names_are_plain(keys: KeyStore, name: str) -> None:
    with pytest.raises(OptionError, match="a key's name must have 1 to 80 printable characters"):
        keys.create(name, ["speak"])


def test_scopes_are_known(keys: KeyStore) -> None:
    with pytest.raises(OptionError, match="one of speak, voices, train, admin, not 'root'"):
        keys.create("a", ["root"])
    with pytest.raises(OptionError, match="at least one scope"):
        keys.create("a", [])


def test_use_is_remembered_without_a_write_each_time(keys: KeyStore) -> None:
    _, text = keys.create("laptop", ["speak"])
    assert keys.list()[0].last_used_at is None
    keys.caller(text)
    first = keys.list()[0].last_used_at
    keys.caller(text)
    assert first is not None and keys.list()[0].last_used_at == first


def test_a_session_lives_as_long_as_its_key_and_its_time(keys: KeyStore, database: Database) -> None:
    key, text = keys.create("laptop", ["speak"])
    sessions = SessionStore(database, keys, 60)
    assert sessions.open("loc_a_b") is None and sessions.find("nope") is None
    first, second = sessions.open(text), sessions.open(text)
    assert first is not None and second is not None and first.token != second.token
    sessions.close(first.token)
    assert sessions.find(first.token) is None
    found = sessions.find(second.token)
    assert found is not None and found.caller.id == key.id
    keys.revoke(key.id)
    assert sessions.find(second.token) is None
    _, other = keys.create("brief", ["speak"])
    brief = SessionStore(database, keys, 0.01).open(other)
    time.sleep(0.02)
    assert brief is not None and sessions.find(brief.token) is None


def test_the_csrf_token_belongs_to_one_session_and_does_not_show_it() -> None:
    assert is_csrf_token("a", csrf_token_of("a")) and not is_csrf_token("b", csrf_token_of("a"))
    assert not is_csrf_token("a", "") and not is_csrf_token("a", "ü") and "secret" not in csrf_token_of("secret")
