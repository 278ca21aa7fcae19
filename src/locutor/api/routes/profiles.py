"""Quality profiles: named sets of synthesis parameters, by engine."""

from typing import Annotated

from fastapi import APIRouter, Depends, Query

from locutor.api.choices import known_engine
from locutor.api.deps import Context, Served, allow
from locutor.api.schemas.common import Id, leads_to, refusals
from locutor.api.schemas.profiles import (
    AllProfiles,
    EngineProfileIn,
    EngineProfiles,
    ProfileIn,
    ProfileOut,
    ProfilePatch,
)
from locutor.auth.scopes import Scope
from locutor.errors import NotFoundError
from locutor.profiles.profile import PARAMETERS, QualityProfile

read = APIRouter(prefix="/quality-profiles", tags=["Quality"], dependencies=[Depends(allow(Scope.SPEAK))])
write = APIRouter(prefix="/quality-profiles", tags=["Quality"], dependencies=[Depends(allow(Scope.VOICES))])


_ON_A_PROFILE = ("one", "change", "set_default", "duplicate", "delete")
_LINKS = leads_to({"engine": "engine", "profile_id": "id"}, *(f"quality_{name}" for name in _ON_A_PROFILE))


@read.get("", response_model=AllProfiles, responses=refusals(), summary="All quality profiles")
def every(served: Served) -> AllProfiles:
    found = [ProfileOut.of(profile) for profile in served.stores.profiles.list()]
    by = {name: [p for p in found if p.engine == name] for name in ("builtin", "f5", "xtts")}
    return AllProfiles(
        profiles=found,
        builtin_profiles=by["builtin"],
        f5tts_profiles=by["f5"],
        xtts_profiles=by["xtts"],
        total_count=len(found),
        parameters={engine: list(names) for engine, names in PARAMETERS.items()},
    )


@write.post(
    "",
    status_code=201,
    response_model=ProfileOut,
    responses={201: _LINKS, **refusals(409, 507)},
    summary="A new profile",
)
def create(body: EngineProfileIn, served: Served) -> ProfileOut:
    return _create(served, body.engine, body)


@write.post(
    "/{engine}",
    status_code=201,
    response_model=ProfileOut,
    responses={201: _LINKS, **refusals(409, 507)},
    summary="A new profile",
)
def create_for(engine: Id, body: ProfileIn, served: Served) -> ProfileOut:
    return _create(served, engine, body)


def _create(served: Context, engine: str, body: ProfileIn) -> ProfileOut:
    made = served.stores.profiles.create(
        known_engine(served, engine),
        body.name,
        body.parameters.given(),
        description=body.description,
        is_default=body.is_default,
    )
    return ProfileOut.of(made)


@read.get("/{engine}", response_model=EngineProfiles, responses=refusals(), summary="An engine's profiles")
def of_engine(engine: Id, served: Served) -> EngineProfiles:
    name = known_engine(served, engine)
    found = [ProfileOut.of(profile) for profile in served.stores.profiles.list(name)]
    return EngineProfiles(engine=name, profiles=found, count=len(found))


@read.get("/{engine}/{profile_id}", response_model=ProfileOut, responses=refusals(404), summary="A profile")
def one(engine: Id, profile_id: Id, served: Served) -> ProfileOut:
    return ProfileOut.of(_get(served, engine, profile_id))


def _get(served: Context, engine: str, profile_id: str) -> QualityProfile:
    name, found = known_engine(served, engine), served.stores.profiles.get(profile_id)
    if found.engine != name:
        raise NotFoundError(f"engine {name!r} has no quality profile {profile_id!r}; it is of {found.engine!r}")
    return found


@write.patch(
    "/{engine}/{profile_id}", response_model=ProfileOut, responses=refusals(404, 409, 507), summary="Change a profile"
)
def change(engine: Id, profile_id: Id, body: ProfilePatch, served: Served) -> ProfileOut:
    """A built-in profile cannot be changed: 400."""
    _get(served, engine, profile_id)
    parameters = None if body.parameters is None else body.parameters.given()
    changed = served.stores.profiles.update(
        profile_id, name=body.name, description=body.description, parameters=parameters
    )
    return ProfileOut.of(changed)


@write.delete("/{engine}/{profile_id}", status_code=204, responses=refusals(404, 507), summary="Delete a profile")
def delete(engine: Id, profile_id: Id, served: Served) -> None:
    """A built-in profile cannot be deleted: 400."""
    _get(served, engine, profile_id)
    served.stores.profiles.delete(profile_id)


@write.post(
    "/{engine}/{profile_id}/set-default",
    response_model=ProfileOut,
    responses=refusals(404, 507),
    summary="Use it when a request names none",
)
def set_default(engine: Id, profile_id: Id, served: Served) -> ProfileOut:
    _get(served, engine, profile_id)
    return ProfileOut.of(served.stores.profiles.set_default(profile_id))


@write.post(
    "/{engine}/{profile_id}/duplicate",
    status_code=201,
    response_model=ProfileOut,
    responses=refusals(404, 409, 507),
    summary="Copy a profile",
)
def duplicate(
    engine: Id, profile_id: Id, served: Served, new_name: Annotated[str | None, Query(max_length=80)] = None
) -> ProfileOut:
    _get(served, engine, profile_id)
    return ProfileOut.of(served.stores.profiles.duplicate(profile_id, new_name))
