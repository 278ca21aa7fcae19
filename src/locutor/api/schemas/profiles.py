"""Quality profiles as clients see them."""

from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

from locutor.api.schemas.common import iso, option
from locutor.profiles.profile import QualityProfile

ProfileName = Annotated[str, Field(min_length=1, max_length=80, examples=["Slow and careful"])]
ProfileText = Annotated[str, Field(max_length=2000)]


class ProfileParameters(BaseModel):
    """What a profile may set; what is left out keeps the model's default."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"nfe_step": 16, "speed": 0.9}]})

    nfe_step: int | None = option("nfe_step")
    cfg_strength: float | None = option("cfg_strength")
    sway_sampling_coef: float | None = option("sway_sampling_coef")
    temperature: float | None = option("temperature")
    top_k: int | None = option("top_k")
    top_p: float | None = option("top_p")
    repetition_penalty: float | None = option("repetition_penalty")
    length_penalty: float | None = option("length_penalty")
    retries: int | None = option("retries")
    speed: float | None = option("speed")
    remove_silence: bool | None = option("remove_silence")
    cross_fade_s: float | None = option("cross_fade_s")
    loudness_lufs: float | None = option("loudness_lufs")
    target_rms: float | None = option("target_rms")

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
    """Every profile, and by engine under the names that older clients read. parameters: what the profiles of an engine
    may set, for the engines that tell."""

    profiles: list[ProfileOut]
    builtin_profiles: list[ProfileOut]
    f5tts_profiles: list[ProfileOut]
    xtts_profiles: list[ProfileOut]
    total_count: int
    parameters: dict[str, list[str]]


class EngineProfiles(BaseModel):
    """The profiles of one engine."""

    engine: str
    profiles: list[ProfileOut]
    count: int
