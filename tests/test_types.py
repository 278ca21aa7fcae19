import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from locutor.errors import AudioError, OptionError
from locutor.types import SpeechRequest, SynthesisOptions, Waveform, check_range


def test_a_waveform_is_float32_in_one_piece() -> None:
    waveform = Waveform(np.linspace(-1, 1, 48_000)[::2], 24_000)  # type: ignore[arg-type]
    assert waveform.samples.dtype == np.float32 and waveform.samples.flags["C_CONTIGUOUS"]
    assert (waveform.n_samples, waveform.duration_s) == (24_000, 1.0)
    assert Waveform(np.zeros(0, np.float32), 8_000).duration_s == 0.0


@pytest.mark.parametrize(
    ("samples", "rate", "message"),
    [
        (np.zeros((2, 5)), 24_000, r"must be mono of shape \(n_samples,\), not \(2, 5\)"),
        (np.array([0, np.nan, np.inf, 1]), 24_000, "holds 2 NaN or infinite samples out of 4"),
        (np.array([1e300]), 24_000, "holds 1 NaN or infinite"),
        (np.zeros(3), 0, "sample rate must be positive, not 0"),
        (np.zeros(3), -8, "not -8"),
    ],
)
@pytest.mark.filterwarnings("ignore:overflow encountered in cast")
def test_what_is_no_audio(samples: np.ndarray, rate: int, message: str) -> None:
    with pytest.raises(AudioError, match=message):
        Waveform(samples, rate)


@given(samples=npst.arrays(np.float32, st.integers(0, 50), elements=st.floats(width=32)))
def test_any_samples_are_finite_or_refused(samples: np.ndarray) -> None:
    if np.isfinite(samples).all():
        assert np.array_equal(Waveform(samples, 1).samples, samples)
    else:
        with pytest.raises(AudioError):
            Waveform(samples, 1)


def test_values_are_frozen() -> None:
    for value, name in ((Waveform(np.zeros(1), 1), "sample_rate"), (SynthesisOptions(), "speed")):
        with pytest.raises(dataclasses.FrozenInstanceError):
            setattr(value, name, 2)


RANGES = {
    "nfe_step": (1, 128),
    "cfg_strength": (0, 10),
    "sway_sampling_coef": (-1, 1),
    "temperature": (0, 2),
    "top_k": (0, 1000),
    "top_p": (0.01, 1),
    "repetition_penalty": (1, 20),
    "length_penalty": (0.1, 10),
    "retries": (0, 10),
    "speed": (0.5, 2),
    "fix_duration_s": (0.1, 3600),
    "seed": (0, 2**63 - 1),
    "cross_fade_s": (0, 1),
    "target_rms": (0.001, 1),
    "loudness_lufs": (-40, -5),
}


@pytest.mark.parametrize("name", RANGES)
def test_options_within_their_ranges(name: str) -> None:
    low, high = RANGES[name]
    for value in (low, high):
        assert getattr(SynthesisOptions(**{name: value}), name) == value
    step = 1 if name in ("nfe_step", "top_k", "retries", "seed") else 1e-3
    for value in (low - step, high + (4096 if name == "seed" else step), float("nan")):
        with pytest.raises(OptionError, match=f"{name} must be between {low:g} and "):
            SynthesisOptions(**{name: value})


def test_every_option_with_a_number_has_a_range() -> None:
    numbers = {f.name for f in dataclasses.fields(SynthesisOptions) if f.name != "remove_silence"}
    assert numbers == RANGES.keys()


def test_none_leaves_the_choice_to_the_engine() -> None:
    options = SynthesisOptions()
    assert (options.nfe_step, options.cfg_strength, options.sway_sampling_coef, options.seed) == (None,) * 4
    assert SpeechRequest(text="a", language="en").options == options


def test_check_range() -> None:
    check_range("x", 1, 1, 1)
    with pytest.raises(OptionError, match="x must be between 0 and 1, not 1.5"):
        check_range("x", 1.5, 0, 1)
