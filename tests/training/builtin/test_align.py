"""The warp is the cheapest path, ends are whole frames, and boundaries are found where they are known."""

import itertools
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from locutor.audio import io
from locutor.audio.mel import mel_spectrogram
from locutor.engines.base import Utterance, synthesize
from locutor.engines.builtin.engine import BuiltinEngine, read_networks
from locutor.engines.builtin.pace import phoneme_ends, stretched
from locutor.engines.builtin.phonemes import BOUNDARY, phoneme_tokens
from locutor.engines.builtin.pronounce import pronounce
from locutor.engines.builtin.solve import Prepared, lay_frames
from locutor.training.builtin.align import align, features, warp, whole_ends
from locutor.types import SynthesisOptions
from locutor.voices.store import VoiceStore


def cheapest(costs: np.ndarray) -> float:
    """By trying every path."""
    n, m = costs.shape
    best = np.inf
    for moves in itertools.product(((1, 1), (1, 0), (0, 1)), repeat=n + m - 2):
        i = j = 0
        total = costs[0, 0]
        for a, b in moves:
            if (i, j) == (n - 1, m - 1):
                break
            i, j = i + a, j + b
            if i >= n or j >= m:
                total = np.inf
                break
            total += costs[i, j]
        if (i, j) == (n - 1, m - 1):
            best = min(best, total)
    return float(best)


@settings(max_examples=20)
@given(st.integers(1, 4), st.integers(1, 4), st.integers(0, 2**31))
def test_the_path_is_monotonic_and_the_cheapest(n: int, m: int, seed: int) -> None:
    costs = np.random.default_rng(seed).random((n, m))
    last, mean = warp(costs)
    assert len(last) == n and last[-1] == m - 1 and (np.diff(last) >= 0).all()
    n_cells = cheapest(costs) / mean
    assert n_cells == pytest.approx(round(n_cells)) and max(n, m) <= round(n_cells) <= n + m - 1


@settings(max_examples=60)
@given(st.lists(st.integers(-5, 60), min_size=1, max_size=12), st.integers(0, 40))
def test_every_token_gets_a_frame(ends: list[int], spare: int) -> None:
    n_frames = len(ends) + spare
    found = whole_ends(sorted(ends), n_frames)
    assert found[-1] == n_frames and all(b > a for a, b in itertools.pairwise([0, *found]))


def test_features_do_not_hear_the_channel() -> None:
    mel = torch.randn(40, 12, generator=torch.Generator().manual_seed(0))
    assert torch.allclose(features(mel), features(mel + torch.linspace(-2, 3, 12)), atol=1e-5)


@pytest.mark.slow
def test_known_boundaries_are_found(tmp_path: Path) -> None:
    """The model speaks with lengths that it would not have chosen; they are found to about a frame."""
    networks = read_networks()
    engine = BuiltinEngine(networks)
    voice = engine.encode_voice(io.read(VoiceStore(tmp_path).get("default").ref_audio))
    errors, guessed = [], []
    for k, text in enumerate(("Where did you put the blue notebook?", "The next train leaves in five minutes.")):
        tokens = phoneme_tokens(BOUNDARY + pronounce(networks.g2p, text, "en") + BOUNDARY)
        ends = phoneme_ends(networks.duration, tokens, 0, voice.state.mel, 1.0)
        rng = np.random.default_rng(k)
        lengths = np.diff([0, *ends]) * np.exp(0.35 * rng.standard_normal(len(ends))) * (0.8 + 0.5 * rng.random())
        truth = np.cumsum(np.maximum(1, np.round(lengths)).astype(int)).tolist()
        laid = lay_frames(tokens, truth, truth[-1])
        state = Prepared(
            tokens=laid, language=torch.zeros_like(laid), voice=voice.state.voice, no_voice=voice.state.no_voice
        )
        utterance = Utterance(text=text, n_frames=truth[-1], seed=k, state=state)
        spoken = synthesize(engine, [utterance], SynthesisOptions())[0]
        mel = mel_spectrogram(torch.from_numpy(spoken.samples)[None])[0].T[: truth[-1]]
        found = align(networks, voice.state, mel, tokens, 0)
        assert len(found.ends) == len(tokens) and found.ends[-1] == len(mel) and 0 < found.distance < 2
        errors += [abs(a - b) for a, b in zip(found.ends[:-1], truth[:-1], strict=True)]
        scaled = stretched(ends, len(mel) / 93.75)
        guessed += [abs(a - b) for a, b in zip(scaled[:-1], truth[:-1], strict=True)]
    assert np.mean(errors) < 2.5 < np.mean(guessed)
