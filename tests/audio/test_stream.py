"""Streams decode to what went in, whatever the pieces; files of `encode` have a right header."""

import builtins
import io as _io
import wave
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from locutor.audio import io
from locutor.audio.stream import STREAM_FORMATS, encode, find_stream_format, open_encoder
from locutor.errors import MissingExtraError, OptionError
from locutor.types import Waveform

RATE = 24_000
LOSSLESS = ("wav", "flac", "pcm")


def tune(duration_s: float, rate: int = RATE) -> Waveform:
    time_s = np.arange(round(duration_s * rate)) / rate
    return Waveform((0.4 * np.sin(2 * np.pi * 330 * time_s)).astype(np.float32), rate)


def decoded(data: bytes, format: str) -> Waveform:
    if format == "pcm":
        return Waveform(np.frombuffer(data, "<i2").astype(np.float32) / 32768, RATE)
    return io.decode(data)


def streamed(waveform: Waveform, format: str, cuts: list[int]) -> list[bytes]:
    encoder = open_encoder(format, waveform.sample_rate)
    pieces = np.split(waveform.samples, sorted(c % (waveform.n_samples + 1) for c in cuts))
    return [*(encoder.encode(piece) for piece in pieces), encoder.finish()]


@pytest.mark.parametrize("format", STREAM_FORMATS)
def test_nothing_is_lost_at_the_end(format: str) -> None:
    heard = decoded(b"".join(streamed(tune(3.07), format, [100, 24_000, 50_000])), format)
    assert heard.duration_s == pytest.approx(3.07, abs=0 if format in LOSSLESS else 0.12)
    middle = heard.samples[heard.sample_rate : 2 * heard.sample_rate]
    assert np.sqrt(np.mean(middle**2)) == pytest.approx(0.4 / np.sqrt(2), rel=0.06)  # LAME lowers CBR by 5 %
    spectrum = np.abs(np.fft.rfft(middle))
    assert abs(int(spectrum.argmax()) - 330) <= 1


@pytest.mark.parametrize("format", STREAM_FORMATS)
def test_audio_leaves_before_the_end(format: str) -> None:
    parts = streamed(tune(8), format, [2 * RATE, 4 * RATE, 6 * RATE])
    assert sum(map(len, parts[:3])) > 0.4 * sum(map(len, parts))


@given(st.lists(st.integers(0, 20_000), max_size=6), st.sampled_from(LOSSLESS))
@settings(max_examples=30)
def test_pieces_do_not_change_the_samples(cuts: list[int], format: str) -> None:
    waveform = tune(0.5)
    heard = decoded(b"".join(streamed(waveform, format, cuts)), format)
    assert np.abs(heard.samples - waveform.samples).max() <= 1 / 32768


@pytest.mark.parametrize("format", ["pcm", "opus", "mp3", "aac"])
def test_other_rates_are_resampled(format: str) -> None:
    waveform = tune(2, 22_000)
    heard = decoded(b"".join(streamed(waveform, format, [500, 20_000])), format)
    assert heard.duration_s == pytest.approx(2, abs=0.12)


@pytest.mark.parametrize("format", STREAM_FORMATS)
def test_whole_files_say_how_long_they_are(format: str) -> None:
    data = encode(tune(2), format)
    assert decoded(data, format).duration_s == pytest.approx(2, abs=0.12)
    if format == "wav":
        with wave.open(_io.BytesIO(data)) as file:
            assert file.getnframes() == 2 * RATE


@pytest.mark.parametrize("rate", [8_000, 16_000, 22_050, 44_100, 48_000])
def test_mp3_of_every_rate_plays_to_its_end(rate: int) -> None:
    data = b"".join(streamed(tune(2, rate), "mp3", [rate]))
    assert data[0] == 0xFF and decoded(data, "mp3").duration_s == pytest.approx(2, abs=2 * 1152 / rate)


def test_silence_of_no_length_is_still_a_file() -> None:
    encoder = open_encoder("wav", RATE)
    assert encoder.finish().startswith(b"RIFF")


def test_loud_samples_are_clipped_not_wrapped() -> None:
    loud = np.full(4800, 1.5, np.float32)
    assert np.frombuffer(encode(Waveform(loud, RATE), "pcm"), "<i2").min() == 32767


def test_unknown_format_lists_the_known() -> None:
    with pytest.raises(OptionError, match="one of wav, mp3, ogg, flac, opus, pcm, aac, m4a, not 'wma'"):
        find_stream_format("wma")


def test_aac_names_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    real = builtins.__import__

    def without_av(name: str, *rest: Any, **more: Any) -> Any:
        if name == "av":
            raise ModuleNotFoundError(name)
        return real(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", without_av)
    with pytest.raises(MissingExtraError, match=r"writes aac, is not installed; .*locutor\[codecs\]"):
        find_stream_format("aac")
