"""Sessions of a browser: players, EventSource and downloads send no header, so the page logs in to a cookie."""

import hashlib
import hmac
import secrets
from dataclasses import dataclass

from sqlalchemy import ForeignKey, delete
from sqlalchemy.orm import Mapped, mapped_column

from locutor.auth.keys import KeyStore, digest
from locutor.auth.scopes import Caller, Scope
from locutor.storage.database import Base, Database, now


class SessionRow(Base):
    """One logged-in browser."""

    __tablename__ = "auth_sessions"

    token_sha256: Mapped[str] = mapped_column(primary_key=True)
    key_id: Mapped[str] = mapped_column(ForeignKey("api_keys.id", ondelete="CASCADE"), index=True)
    created_at: Mapped[float]
    expires_at: Mapped[float]


@dataclass(frozen=True)
class BrowserSession:
    """token: the cookie's value, secret. csrf_token: what changing requests must repeat in a header."""

    token: str
    caller: Caller
    expires_at: float

    @property
    def csrf_token(self) -> str:
        return csrf_token_of(self.token)


class SessionStore:
    """ttl_s: how long a login lasts."""

    def __init__(self, database: Database, keys: KeyStore, ttl_s: float) -> None:
        self._database, self._keys, self._ttl_s = database, keys, ttl_s

    def open(self, key: str) -> BrowserSession | None:
        """Log in with an API key; None when it is refused."""
        caller = self._keys.caller(key)
        if caller is None:
            return None
        session = BrowserSession(secrets.token_urlsafe(32), caller, now() + self._ttl_s)
        row = SessionRow(
            token_sha256=digest(session.token),
            key_id=caller.id,
            created_at=now(),
            expires_at=session.expires_at,
        )
        with self._database.write() as transaction:
            transaction.execute(delete(SessionRow).where(SessionRow.expires_at < now()))
            transaction.add(row)
        return session

    def find(self, token: str) -> BrowserSession | None:
        """The session of a cookie; None when it is unknown or over, or its key was revoked."""
        with self._database.read() as transaction:
            row = transaction.get(SessionRow, digest(token))
        if row is None or row.expires_at < now():
            return None
        key = self._keys.row(row.key_id)
        if key is None:
            return None
        return BrowserSession(token, Caller(key.id, frozenset(map(Scope, key.scopes))), row.expires_at)

    def close(self, token: str) -> None:
        """Log out."""
        with self._database.write() as transaction:
            transaction.execute(delete(SessionRow).where(SessionRow.token_sha256 == digest(token)))


def csrf_token_of(token: str) -> str:
    """Derived, so that nothing more is stored, and one way, so that a page that shows it does not show the cookie."""
    return hmac.new(token.encode(), b"csrf", hashlib.sha256).hexdigest()


def is_csrf_token(token: str, given: str) -> bool:
    return hmac.compare_digest(csrf_token_of(token).encode(), given.encode())
