"""Models as clients see them, beside the form that OpenAI's clients read."""

from pydantic import BaseModel, ConfigDict, Field

from locutor.engines.card import ModelCard
from locutor.serving.backend import ModelState


class ModelOut(BaseModel):
    """A model. size_bytes: of its files, as far as its card knows. loaded, device, users, memory_bytes: while it is in
    memory."""

    id: str
    title: str
    engine: str
    languages: list[str]
    licence: str
    licence_url: str | None
    commercial_use: bool
    bundled: bool
    size_bytes: int
    installed: bool
    loaded: bool
    device: str | None = None
    users: int = 0
    memory_bytes: int = 0

    @classmethod
    def of(cls, card: ModelCard, installed: bool, state: ModelState | None) -> "ModelOut":
        return cls(
            id=card.id,
            title=card.title,
            engine=card.engine,
            languages=list(card.languages),
            licence=card.licence,
            licence_url=card.licence_url,
            commercial_use=card.commercial_use,
            bundled=card.bundled,
            size_bytes=card.size,
            installed=installed,
            loaded=state is not None,
            device=state.device if state else None,
            users=state.users if state else 0,
            memory_bytes=state.n_bytes if state else 0,
        )


class ModelsOut(BaseModel):
    """What GET /models answers."""

    models: list[ModelOut]


class PullIn(BaseModel):
    """Whether the model's licence, as GET /models shows it, is accepted."""

    model_config = ConfigDict(extra="forbid")

    accept_licence: bool = Field(examples=[True])
