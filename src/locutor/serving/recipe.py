"""What speech comes with: the recipe to make it again, and what it cost."""

from dataclasses import dataclass
from typing import Any

from locutor.types import Waveform


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """What it takes to hear the same again, and what it cost.

    voice: its id; of a script all of them, parted by commas. spoken: the text as the engine was given it. options:
    those of the request, with the seed that was used. early: the first piece of a long text was made short.
    rtf: elapsed_s / duration_s, loading of the model left out.
    """

    model: str
    engine: str
    checkpoint_sha256: str
    device: str
    licence: str
    commercial_use: bool
    voice: str
    language: str
    text: str
    spoken: str
    n_chunks: int
    options: dict[str, Any]
    duration_s: float
    elapsed_s: float
    rtf: float
    early: bool = False


@dataclass(frozen=True)
class Speech:
    """warnings: full sentences on the reference, for the user."""

    waveform: Waveform
    recipe: Recipe
    warnings: tuple[str, ...]
