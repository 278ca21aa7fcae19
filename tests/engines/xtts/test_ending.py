"""What is done so that speech ends: the stop code made likelier, the gate on quiet, other attempts where asked for."""

from dataclasses import replace
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from locutor.engines.base import Utterance, synthesize
from locutor.engines.xtts.config import CODE_STRIDE, OUTPUT_SAMPLE_RATE, PROMPT_SAMPLE_RATE
from locutor.engines.xtts.ending import KEPT_S, RUN_ON_S, SHORTEST, QuietGate, attempt_seed, ended_well
from locutor.engines.xtts.engine import XttsEngine
from locutor.types import SpeechRequest, SynthesisOptions

SAMPLES_PER_CODE = CODE_STRIDE * OUTPUT_SAMPLE_RATE / PROMPT_SAMPLE_RATE


@pytest.fixture
def engine(kit: ModuleType, tmp_path: Path) -> XttsEngine:
    built: XttsEngine = kit.tiny_engine(tmp_path)
    return built


def prepared(engine: XttsEngine, kit: ModuleType, expected_codes: float, **options: float) -> Utterance:
    """An utterance that should take so many codes."""
    request = SpeechRequest(text="hello there", language="en", options=SynthesisOptions(seed=5, **options))  # type: ignore[arg-type]
    made = engine.prepare(request, engine.encode_voice(kit.reference(1.5)))
    parts = tuple(replace(part, expected_codes=expected_codes) for part in made.state.parts)
    return replace(made, state=replace(made.state, parts=parts))


def n_codes(engine: XttsEngine, utterance: Utterance) -> int:
    return round(spoken(engine, utterance).size / SAMPLES_PER_CODE)


def spoken(engine: XttsEngine, utterance: Utterance) -> np.ndarray:
    return synthesize(engine, [utterance], SynthesisOptions())[0].samples


def test_speech_that_should_have_ended_is_made_to_stop(engine: XttsEngine, kit: ModuleType) -> None:
    longest = n_codes(engine, prepared(engine, kit, 1e6))
    soon, later = (n_codes(engine, prepared(engine, kit, expected)) for expected in (5, 40))
    assert 5 < soon < later < longest
    assert n_codes(engine, prepared(engine, kit, 5, length_penalty=8)) == later, "8 times as far as expected"


def test_without_retries_the_first_attempt_is_heard(engine: XttsEngine, kit: ModuleType) -> None:
    bad = prepared(engine, kit, 1)
    assert n_codes(engine, bad) > 1.5, "it goes on for too long"
    assert len(spoken(engine, bad)) == len(spoken(engine, prepared(engine, kit, 1, retries=0)))


def test_what_does_not_end_well_is_spoken_again(engine: XttsEngine, kit: ModuleType) -> None:
    """Every attempt is bad, so the last is heard: that of its own seed, and nothing of those before."""
    bad = prepared(engine, kit, 1)
    for retries in (1, 2):
        again = replace(bad, state=replace(bad.state, options=replace(bad.state.options, retries=retries)))
        last = replace(bad, seed=attempt_seed(bad.seed, 0, retries))
        np.testing.assert_allclose(spoken(engine, again), spoken(engine, last), atol=1e-4)


def test_a_good_ending_is_kept_whatever_the_retries(engine: XttsEngine, kit: ModuleType) -> None:
    once = prepared(engine, kit, 100)
    assert SHORTEST * 100 <= n_codes(engine, once) <= 1.5 * 100
    np.testing.assert_allclose(spoken(engine, prepared(engine, kit, 100, retries=3)), spoken(engine, once), atol=1e-4)


@pytest.mark.parametrize(
    ("n", "stopped", "good"), [(50, True, True), (50, False, False), (2, True, False), (160, True, False)]
)
def test_how_speech_should_end(n: int, stopped: bool, good: bool) -> None:
    assert ended_well(n, 100, stopped) == good


def test_each_attempt_has_a_seed_of_its_own() -> None:
    seeds = [attempt_seed(7, part, attempt) for part in range(5) for attempt in range(5)]
    assert seeds[0] == 7 and len(set(seeds)) == 25 and all(0 <= seed < 2**63 for seed in seeds)


def sound(*seconds: tuple[float, float]) -> torch.Tensor:
    """Stretches of (duration in s, level)."""
    return torch.cat([torch.full((round(s * OUTPUT_SAMPLE_RATE),), level) for s, level in seconds])


@given(cuts=st.lists(st.integers(1, 20_000), max_size=5), quiet_s=st.floats(0, 2), late=st.booleans())
def test_the_gate_closes_on_quiet_that_comes_late(cuts: list[int], quiet_s: float, late: bool) -> None:
    """However the audio is cut into pieces: quiet counts from the last loud sample on."""
    samples, gate, closed = sound((0.5, 0.3), (quiet_s, 1e-4)), QuietGate(), False
    kept = 0
    for piece in torch.tensor_split(samples, sorted(cuts)):
        if not closed and len(piece):
            closed = gate.closes(piece, late)
            kept += gate.n_kept
    n_quiet = len(samples) - OUTPUT_SAMPLE_RATE // 2
    assert closed == (late and n_quiet >= RUN_ON_S * OUTPUT_SAMPLE_RATE)
    assert kept <= len(samples) and (closed or kept == len(samples))


def test_a_run_on_leaves_a_short_quiet() -> None:
    gate = QuietGate()
    assert gate.closes(sound((0.5, 0.3), (1.0, 1e-4)), late=True)
    assert gate.n_kept == round((0.5 + KEPT_S) * OUTPUT_SAMPLE_RATE)


def test_speech_that_stopped_by_itself_is_left_as_it_is() -> None:
    gate = QuietGate()
    gate.stopped = True
    assert not gate.closes(sound((0.5, 0.3), (1.0, 1e-4)), late=True)
    assert gate.n_kept == round(1.5 * OUTPUT_SAMPLE_RATE)
