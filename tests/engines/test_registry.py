from typing import Any

import pytest

from locutor.engines.card import ModelCard
from locutor.engines.checkpoints import Checkpoint
from locutor.engines.registry import EngineRegistry, default_registry
from locutor.errors import CheckpointError, NotFoundError, OptionError


def checkpoint(engine: str) -> Checkpoint:
    card = ModelCard(id="x", engine=engine, title="X", languages=("en",), licence="MIT", commercial_use=True)
    return Checkpoint(card, {}, "0" * 64)


def test_loads_by_the_name_on_the_card() -> None:
    seen: list[Any] = []

    def load(model: Checkpoint, device: str) -> Any:
        seen.append((model.card.id, device))
        return "engine"

    registry = EngineRegistry()
    registry.add("mine", load)
    assert registry.load(checkpoint("mine"), "cpu") == "engine"
    assert seen == [("x", "cpu")]


def test_a_name_twice_is_refused() -> None:
    registry = default_registry()
    with pytest.raises(OptionError, match="two engines are called 'f5'"):
        registry.add("f5", lambda model, device: pytest.fail("never loaded"))


def test_a_miss_lists_the_choices() -> None:
    with pytest.raises(NotFoundError, match="needs engine 'xtts9'; engines are builtin, f5, xtts"):
        default_registry().load(checkpoint("xtts9"), "cpu")


def test_third_parties_come_in_by_entry_point(tone: Any) -> None:
    registry = default_registry()
    assert registry.names() == ["builtin", "f5", "tone", "xtts"]
    assert isinstance(registry.load(checkpoint("tone"), "cpu"), tone.ToneEngine)


def test_an_f5_model_without_its_files_is_refused() -> None:
    with pytest.raises(CheckpointError, match="card of model 'x' names no file for model, vocab, vocoder"):
        default_registry().load(checkpoint("f5"), "cpu")
