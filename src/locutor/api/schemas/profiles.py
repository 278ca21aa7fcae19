"""Quality profiles as clients see them."""

from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from locutor.api.schemas.common import iso
from locutor.profiles.profile import QualityProfile

ProfileName = Annotated[str, Field(min_length=1, max_length=80, examples=["Slow and careful"])]
ProfileText = Annotated[str, Field(max_length=2000)]


class ProfileParameters(BaseModel):
    """What a profile may set; what is left out keeps the model's default."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"nfe_step": 16, "speed": 0.9}]})

    nfe_step: Annotated[int, Field(ge=1, le=128, description="Steps of the solver.")] | None = None
    cfg_strength: Annotated[float, Field(ge=0, le=10, description="How closely to follow text and voice.")] | None = (
        None
    )
    sway_sampling_coef: Annotated[float, Field(ge=-1, le=1, description="Bend of the time grid.")] | None = None
    temperature: Annotated[float, Field(ge=0, le=2, description="This and the next five: engine xtts.")] | None = None
    top_k: Annotated[int, Field(ge=0, le=1000)] | None = None
    top_p: Annotated[float, Field(ge=0.01, le=1)] | None = None
    repetition_penalty: Annotated[float, Field(ge=1, le=20)] | None = None
    length_penalty: Annotated[float, Field(ge=0.1, le=10)] | None = None
    retries: Annotated[int, Field(ge=0, le=10, description="Of a chunk that did not end well.")] | None = None
    speed: Annotated[float, Field(ge=0.5, le=2)] | None = None
    remove_silence: bool | None = None
    cross_fade_s: Annotated[float, Field(ge=0, le=1)] | None = None
    loudness_lufs: Annotated[float, Field(ge=-40, le=-5, description="Loudness of the result.")] | None = None
    target_rms: Annotated[float, Field(ge=0.001, le=1, description="Not of every engine.")] | None = None

    def given(self) -> dict[str, Any]:
        return self.model_dump(exclude_none=True)


class ProfileIn(BaseModel):
    """A new profile of the engine in the path."""

    model_config = ConfigDict(extra="forbid")

    name: ProfileName
    description: ProfileText = ""
    is_default: bool = False
    parameters: ProfileParameters


class EngineProfileIn(ProfileIn):
    """A new profile."""

    engine: Annotated[str, Field(max_length=40, examples=["builtin"])]


class ProfilePatch(BaseModel):
    """What to change; parameters replace the old ones."""

    model_config = ConfigDict(extra="forbid")

    name: ProfileName | None = None
    description: ProfileText | None = None
    parameters: ProfileParameters | None = None


class ProfileOut(BaseModel):
    """A profile. Built-in ones cannot be changed; duplicate them."""

    id: str
    engine: str
    name: str
    description: str
    parameters: dict[str, Any]
    is_builtin: bool
    is_default: bool
    created_at: datetime | None
    updated_at: datetime | None

    @classmethod
    def of(cls, profile: QualityProfile) -> "ProfileOut":
        return cls(
            id=profile.id,
            engine=profile.engine,
            name=profile.name,
            description=profile.description,
            parameters=dict(profile.parameters),
            is_builtin=profile.is_builtin,
            is_default=profile.is_default,
            created_at=iso(profile.created_at or None),
            updated_at=iso(profile.updated_at or None),
        )


class AllProfiles(BaseModel):
    """Every profile, and by engine under the names that older clients read."""

    profiles: list[ProfileOut]
    builtin_profiles: list[ProfileOut]
    f5tts_profiles: list[ProfileOut]
    xtts_profiles: list[ProfileOut]
    total_count: int


class EngineProfiles(BaseModel):
    """The profiles of one engine."""

    engine: str
    profiles: list[ProfileOut]
    count: int
