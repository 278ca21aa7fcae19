"""API keys: shown once, kept as a hash, revocable.

A key is `loc_<id>_<secret>`; the secret is 256 random bits, so one round of SHA-256 keeps it as safe as a slow hash
would (there is nothing to guess), and checking it costs nothing per request.
"""

import hashlib
import hmac
import secrets
from collections.abc import Iterable
from dataclasses import dataclass

from sqlalchemy import JSON, select
from sqlalchemy.orm import Mapped, mapped_column

from locutor.auth.scopes import Caller, Scope, parse_scopes
from locutor.errors import NotFoundError, OptionError
from locutor.storage.database import Base, Database, now

PREFIX = "loc"
MAX_NAME = 80
_SEEN_EVERY_S = 60.0  # last_used_at is no finer, so that a request is not a write


class ApiKeyRow(Base):
    """One key."""

    __tablename__ = "api_keys"

    id: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    secret_sha256: Mapped[str]
    scopes: Mapped[list[str]] = mapped_column(JSON)
    created_at: Mapped[float]
    expires_at: Mapped[float | None]
    last_used_at: Mapped[float | None]
    revoked_at: Mapped[float | None]


@dataclass(frozen=True, kw_only=True)
class ApiKey:
    """What may be shown of a key. Times are Unix times in seconds."""

    id: str
    name: str
    scopes: frozenset[Scope]
    created_at: float
    expires_at: float | None
    last_used_at: float | None
    revoked_at: float | None

    @classmethod
    def of(cls, row: ApiKeyRow) -> "ApiKey":
        values = {name: getattr(row, name) for name in cls.__dataclass_fields__}
        return cls(**values | {"scopes": frozenset(map(Scope, row.scopes))})

    @property
    def is_live(self) -> bool:
        return self.revoked_at is None and (self.expires_at is None or self.expires_at > now())


class KeyStore:
    """The keys of this installation."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def create(self, name: str, scopes: Iterable[str], ttl_s: float | None = None) -> tuple[ApiKey, str]:
        """A new key and its text, which cannot be had again. Raises OptionError for a bad name or unknown scope."""
        if not name.strip() or len(name) > MAX_NAME or not name.isprintable():
            raise OptionError(f"a key's name must have 1 to {MAX_NAME} printable characters, not {name!r}")
        key_id, secret = secrets.token_hex(6), secrets.token_urlsafe(32)
        row = ApiKeyRow(
            id=key_id,
            name=name.strip(),
            secret_sha256=digest(secret),
            scopes=sorted(parse_scopes(scopes)),
            created_at=now(),
            expires_at=None if ttl_s is None else now() + ttl_s,
        )
        with self._database.write() as session:
            session.add(row)
        return ApiKey.of(row), f"{PREFIX}_{key_id}_{secret}"

    def list(self) -> list[ApiKey]:
        """All keys, revoked ones too, oldest first."""
        with self._database.read() as session:
            return [ApiKey.of(row) for row in session.scalars(select(ApiKeyRow).order_by(ApiKeyRow.created_at))]

    def has_live(self) -> bool:
        return any(key.is_live for key in self.list())

    def revoke(self, key_id: str) -> ApiKey:
        """From now on the key and its sessions are refused; NotFoundError when there is none of that id."""
        with self._database.write() as session:
            row = session.get(ApiKeyRow, key_id)
            if row is None:
                raise NotFoundError(f"there is no key {key_id!r}; see: locutor keys list")
            row.revoked_at = row.revoked_at or now()
            return ApiKey.of(row)

    def caller(self, text: str) -> Caller | None:
        """Whose key this is; None when it is malformed, unknown, wrong, revoked or expired."""
        prefix, _, rest = text.partition("_")
        key_id, _, secret = rest.partition("_")
        if prefix != PREFIX or not secret:
            return None
        row = self.row(key_id)
        if row is None or not hmac.compare_digest(row.secret_sha256, digest(secret)):
            return None
        return self._seen(row)

    def row(self, key_id: str) -> ApiKeyRow | None:
        """The live key of that id."""
        with self._database.read() as session:
            row = session.get(ApiKeyRow, key_id)
        return row if row is not None and ApiKey.of(row).is_live else None

    def _seen(self, row: ApiKeyRow) -> Caller:
        if now() - (row.last_used_at or 0.0) > _SEEN_EVERY_S:
            with self._database.write() as session:
                if fresh := session.get(ApiKeyRow, row.id):
                    fresh.last_used_at = now()
        return Caller(row.id, frozenset(map(Scope, row.scopes)))


def digest(secret: str) -> str:
    """The hash under which a secret is kept."""
    return hashlib.sha256(secret.encode()).hexdigest()
