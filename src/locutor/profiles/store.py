"""Quality profiles in the database, beside the built-in ones."""

import secrets
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from sqlalchemy import JSON, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from locutor.errors import ConflictError, NotFoundError, OptionError
from locutor.profiles.builtins import BUILTINS, DEFAULTS, default_of
from locutor.profiles.profile import QualityProfile, check_parameters
from locutor.storage.database import Base, Database, now
from locutor.storage.memo import Memo

MAX_NAME = 80


class ProfileRow(Base):
    """A profile somebody made."""

    __tablename__ = "quality_profiles"

    id: Mapped[str] = mapped_column(primary_key=True)
    engine: Mapped[str] = mapped_column(index=True)
    name: Mapped[str]
    description: Mapped[str]
    parameters: Mapped[dict[str, Any]] = mapped_column(JSON)
    created_at: Mapped[float]
    updated_at: Mapped[float]


class DefaultProfileRow(Base):
    """The profile that is used when none is asked for, by engine."""

    __tablename__ = "default_profiles"

    engine: Mapped[str] = mapped_column(primary_key=True)
    profile_id: Mapped[str]


class ProfileStore:
    """Built-in profiles and own ones."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._default_of: Memo[str, QualityProfile] = Memo(database, self._default)

    def list(self, engine: str | None = None) -> list[QualityProfile]:
        """Built-in ones first; of one engine or of all."""
        with self._database.read() as session:
            own = [_of(row) for row in session.scalars(select(ProfileRow).order_by(ProfileRow.created_at))]
            defaults = _defaults(session)
        found = [*BUILTINS.values(), *own]
        return [_marked(p, defaults) for p in found if engine is None or p.engine == engine]

    def get(self, profile_id: str) -> QualityProfile:
        """NotFoundError lists the ids there are."""
        found = {profile.id: profile for profile in self.list()}
        if profile_id not in found:
            raise NotFoundError(f"there is no quality profile {profile_id!r}; there are {', '.join(found)}")
        return found[profile_id]

    def default(self, engine: str) -> QualityProfile:
        """The profile of requests that name none. An engine without profiles has an empty one of its own defaults."""
        return self._default_of.get(engine)

    def _default(self, engine: str) -> QualityProfile:
        with self._database.read() as session:
            row = session.get(DefaultProfileRow, engine)
            profile_id = DEFAULTS.get(engine, "") if row is None else row.profile_id
            own = None if row is None or profile_id in BUILTINS else session.get(ProfileRow, profile_id)
        found = BUILTINS.get(profile_id) if own is None else _of(own)
        return default_of(engine) if found is None else replace(found, is_default=True)

    def create(
        self,
        engine: str,
        name: str,
        parameters: Mapping[str, Any],
        *,
        description: str = "",
        is_default: bool = False,
    ) -> QualityProfile:
        """Raises OptionError for an unknown parameter, a wrong value or name, ConflictError for a name in use."""
        at = now()
        with self._database.write() as session:
            row = ProfileRow(
                id=f"{engine}_{secrets.token_hex(6)}", engine=engine, name=_checked_name(session, engine, name),
                description=description, parameters=check_parameters(engine, parameters), created_at=at, updated_at=at,
            )  # fmt: skip
            session.add(row)
            if is_default:
                session.merge(DefaultProfileRow(engine=engine, profile_id=row.id))
        return self.get(row.id)

    def update(
        self,
        profile_id: str,
        *,
        name: str | None = None,
        description: str | None = None,
        parameters: Mapping[str, Any] | None = None,
    ) -> QualityProfile:
        """Change what is given; parameters replace the old ones. Raises as create, OptionError for a built-in one."""
        with self._database.write() as session:
            row = self._own(session, profile_id)
            if name is not None and name.strip() != row.name:
                row.name = _checked_name(session, row.engine, name)
            if description is not None:
                row.description = description
            if parameters is not None:
                row.parameters = check_parameters(row.engine, parameters)
            row.updated_at = now()
        return self.get(profile_id)

    def duplicate(self, profile_id: str, new_name: str | None = None) -> QualityProfile:
        """An own copy, which can be changed."""
        source = self.get(profile_id)
        name = new_name or self._free_name(source)
        return self.create(source.engine, name, source.parameters, description=source.description)

    def set_default(self, profile_id: str) -> QualityProfile:
        """Use it for requests to its engine that name no profile."""
        profile = self.get(profile_id)
        with self._database.write() as session:
            session.merge(DefaultProfileRow(engine=profile.engine, profile_id=profile_id))
        return self.get(profile_id)

    def delete(self, profile_id: str) -> None:
        """An own profile; its engine's default is then the built-in one again. OptionError for a built-in one."""
        with self._database.write() as session:
            row = self._own(session, profile_id)
            default = session.get(DefaultProfileRow, row.engine)
            if default is not None and default.profile_id == profile_id:
                session.delete(default)
            session.delete(row)

    def _own(self, session: Session, profile_id: str) -> ProfileRow:
        if profile_id in BUILTINS:
            raise OptionError(f"{profile_id} is built in and cannot be changed; duplicate it and change the copy")
        row = session.get(ProfileRow, profile_id)
        if row is None:
            raise NotFoundError(f"there is no quality profile {profile_id!r}")
        return row

    def _free_name(self, source: QualityProfile) -> str:
        taken = {profile.name for profile in self.list(source.engine)}
        candidates = (f"{source.name} (copy{'' if n == 1 else f' {n}'})" for n in range(1, len(taken) + 2))
        return next(name for name in candidates if name not in taken)


def _of(row: ProfileRow) -> QualityProfile:
    return QualityProfile(
        id=row.id, engine=row.engine, name=row.name, description=row.description, parameters=row.parameters,
        created_at=row.created_at, updated_at=row.updated_at,
    )  # fmt: skip


def _defaults(session: Session) -> dict[str, str]:
    return DEFAULTS | {row.engine: row.profile_id for row in session.scalars(select(DefaultProfileRow))}


def _marked(profile: QualityProfile, defaults: Mapping[str, str]) -> QualityProfile:
    return replace(profile, is_default=defaults.get(profile.engine) == profile.id)


def _checked_name(session: Session, engine: str, name: str) -> str:
    name = name.strip()
    if not 1 <= len(name) <= MAX_NAME or not name.isprintable():
        raise OptionError(f"a profile's name must have 1 to {MAX_NAME} printable characters, not {name[:100]!r}")
    own = session.scalars(select(ProfileRow.name).where(ProfileRow.engine == engine))
    if name in {*own, *(p.name for p in BUILTINS.values() if p.engine == engine)}:
        raise ConflictError(f"a profile of engine {engine!r} is called {name!r} already")
    return name
