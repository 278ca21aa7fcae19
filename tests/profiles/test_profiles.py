"""Quality profiles: built-in ones stay, own ones change, and all of them become synthesis options."""

from dataclasses import replace
from typing import Any

import pytest

from locutor.errors import ConflictError, NotFoundError, OptionError
from locutor.profiles.builtins import BUILTINS, DEFAULTS
from locutor.profiles.profile import check_parameters
from locutor.profiles.store import ProfileStore
from locutor.storage.database import Database
from locutor.types import SynthesisOptions


@pytest.fixture
def profiles(database: Database) -> ProfileStore:
    return ProfileStore(database)


@pytest.mark.parametrize("profile", BUILTINS.values(), ids=lambda p: p.id)
def test_built_in_ones_are_valid_and_cannot_be_changed(profiles: ProfileStore, profile: Any) -> None:
    assert check_parameters(profile.engine, profile.parameters) == profile.parameters
    options = profile.options()
    assert {name: getattr(options, name) for name in profile.parameters} == profile.parameters
    for change in (
        lambda: profiles.update(profile.id, name="x"),
        lambda: profiles.update(profile.id, parameters={}),
        lambda: profiles.delete(profile.id),
    ):
        with pytest.raises(OptionError, match="is built in and cannot be changed; duplicate it"):
            change()
    assert replace(profiles.get(profile.id), is_default=False) == profile


def test_each_engine_has_one_default(profiles: ProfileStore) -> None:
    for engine, profile_id in DEFAULTS.items():
        assert [p.id for p in profiles.list(engine) if p.is_default] == [profile_id]
        assert profiles.default(engine).id == profile_id
    plain = profiles.default("tone")
    assert plain.options() == SynthesisOptions()


def test_the_life_of_an_own_one(profiles: ProfileStore) -> None:
    made = profiles.create("builtin", "Night", {"nfe_step": 32, "speed": 0.9}, description="slow", is_default=True)
    assert profiles.get(made.id) == made and made.is_default and not made.is_builtin
    assert profiles.default("builtin").options() == SynthesisOptions(nfe_step=32, speed=0.9)
    changed = profiles.update(made.id, name="Day", parameters={"cfg_strength": 2})
    assert (changed.name, changed.description, changed.parameters) == ("Day", "slow", {"cfg_strength": 2})
    copy = profiles.duplicate(made.id)
    assert (copy.name, copy.parameters, copy.is_default) == ("Day (copy)", changed.parameters, False)
    assert (
        profiles.duplicate(made.id).name == "Day (copy 2)" and profiles.duplicate("f5tts_fast", "Mine").engine == "f5"
    )
    profiles.set_default(copy.id)
    assert profiles.default("builtin").id == copy.id
    profiles.delete(copy.id)
    assert profiles.default("builtin").id == "builtin_balanced"
    with pytest.raises(NotFoundError, match="there is no quality profile"):
        profiles.get(copy.id)


@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        ({"temperature_of_the_room": 1}, "cannot set 'temperature_of_the_room'; it sets nfe_step"),
        ({"seed": 1}, "cannot set 'seed'"),
        ({"nfe_step": 0}, "nfe_step must be between 1 and 128"),
        ({"nfe_step": 8.5}, "nfe_step must be int or null, not 8.5"),
        ({"nfe_step": "8"}, "nfe_step must be int or null, not '8'"),
        ({"nfe_step": True}, "nfe_step must be int or null, not True"),
        ({"remove_silence": 1}, "remove_silence must be bool, not 1"),
        ({"speed": None}, "speed must be float, not None"),
        ({"loudness_lufs": 3}, "loudness_lufs must be between"),
    ],
)
def test_wrong_parameters(profiles: ProfileStore, parameters: dict[str, Any], said: str) -> None:
    with pytest.raises(OptionError, match=said):
        profiles.create("builtin", "x", parameters)


def test_names(profiles: ProfileStore) -> None:
    for name in ("", " ", "x" * 81, "a\nb"):
        with pytest.raises(OptionError, match="a profile's name must have"):
            profiles.create("f5", name, {})
    with pytest.raises(ConflictError, match="is called 'Balanced' already"):
        profiles.create("f5", "Balanced", {})
    assert profiles.create("other", "Balanced", {"nfe_step": 3}).name == "Balanced"


def test_what_a_request_says_wins(profiles: ProfileStore) -> None:
    fast = profiles.get("f5tts_fast")
    assert fast.options({"nfe_step": 7, "cfg_strength": None, "seed": 3}) == SynthesisOptions(
        nfe_step=7, cfg_strength=1.5, loudness_lufs=-14, seed=3
    )
    for own, said in (({"x": 1}, "there is no option 'x'"), ({"speed": "fast"}, "speed must be float")):
        with pytest.raises(OptionError, match=said):
            fast.options(own)
