import io as stdlib_io
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from locutor.audio import codecs, io
from locutor.audio.formats import FORMATS, find_format
from locutor.audio.level import level_dbfs
from locutor.errors import AudioError, MissingExtraError, NotFoundError, OptionError, StorageError
from locutor.types import Waveform


def tone(seconds: float = 1.0, rate: int = 24_000, amplitude: float = 0.5) -> Waveform:
    return Waveform(amplitude * np.sin(2 * np.pi * 440 * np.arange(round(seconds * rate)) / rate), rate)


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("rate", [16_000, 24_000, 44_100])
def test_every_format_keeps_length_and_level(name: str, rate: int, tmp_path: Path) -> None:
    waveform = tone(3, rate)
    path = tmp_path / f"tone{FORMATS[name].suffix}"
    io.write(path, waveform, name)
    back = io.read(path)
    assert back.duration_s == pytest.approx(3, abs=1e-4)
    assert level_dbfs(back) == pytest.approx(level_dbfs(waveform), abs=0.5)
    info = io.probe(path)
    assert (info.duration_s, info.sample_rate) == (pytest.approx(3, abs=1e-4), back.sample_rate)
    assert back.sample_rate == FORMATS[name].nearest_rate(rate)
    np.testing.assert_array_equal(io.decode(path.read_bytes()).samples, back.samples)


@pytest.mark.parametrize("name", ["wav", "flac"])
def test_16_bit_audio_survives_bit_by_bit(name: str) -> None:
    samples = np.arange(-32768, 32768) / 32768
    np.testing.assert_array_equal(io.decode(io.encode(Waveform(samples, 24_000), name)).samples, samples)


@pytest.mark.parametrize("name", FORMATS)
def test_too_loud_audio_never_wraps(name: str) -> None:
    waveform = tone(1, amplitude=3.0)
    back = io.decode(io.encode(waveform, name)).samples
    loud = np.abs(waveform.samples) > 1.5
    loud[:2400] = loud[-2400:] = False  # where the lossy codecs settle
    assert (np.sign(back[loud]) == np.sign(waveform.samples[loud])).all()
    assert (np.abs(back[loud]) > 0.6).all()


def test_float_wav_keeps_what_is_beyond_full_scale() -> None:
    waveform = tone(0.1, amplitude=3.0)
    np.testing.assert_array_equal(io.decode(io.encode(waveform, "wav-float")).samples, waveform.samples)


@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize("n_samples", [1, 7, 480])
def test_very_short_audio(name: str, n_samples: int) -> None:
    back = io.decode(io.encode(Waveform(np.full(n_samples, 0.1), 24_000), name))
    assert back.n_samples >= 1


def test_channels_are_averaged(tmp_path: Path) -> None:
    stereo = np.stack([np.full(100, 0.5), np.full(100, -0.25)], axis=1)
    soundfile.write(tmp_path / "stereo.wav", stereo, 8000, subtype="FLOAT")
    np.testing.assert_allclose(io.read(tmp_path / "stereo.wav").samples, 0.125)
    assert io.probe(tmp_path / "stereo.wav").n_channels == 2


def test_the_content_counts_and_not_the_suffix(tmp_path: Path) -> None:
    for suffix in (".raw", ".mp3", ""):
        path = tmp_path / f"speech{suffix}"
        path.write_bytes(io.encode(tone(), "wav"))
        assert io.read(path).n_samples == 24_000


def test_long_mp3_equals_one_read(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    io.write(tmp_path / "noise.mp3", Waveform(rng.standard_normal(400_000) * 0.1, 24_000))
    whole, _ = soundfile.read(tmp_path / "noise.mp3", dtype="float32")
    np.testing.assert_allclose(io.read(tmp_path / "noise.mp3").samples, whole, atol=1e-6)


def test_missing_file(tmp_path: Path) -> None:
    for call in (io.read, io.probe):
        with pytest.raises(NotFoundError, match="no audio file .*nothing.wav"):
            call(tmp_path / "nothing.wav")


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"", "is empty"), (b"hello, this is not audio", "not an audio file"), (b"RIFF\x00\x00\x00\x00WAVE", "not an")],
)
def test_file_that_is_no_audio(content: bytes, message: str, tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(content)
    for call in (io.read, io.probe, lambda p: io.decode(p.read_bytes())):
        with pytest.raises(AudioError, match=message):
            call(path)


def test_folder(tmp_path: Path) -> None:
    with pytest.raises(AudioError, match="is a folder"):
        io.read(tmp_path)
    with pytest.raises(StorageError, match="is a folder"):
        io.write(tmp_path, tone(), "wav")


def test_no_samples(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "none.wav", np.zeros(0), 8000)
    with pytest.raises(AudioError, match="holds no audio"):
        io.read(tmp_path / "none.wav")


def test_nan(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "nan.wav", np.array([0.0, np.nan, np.inf, 0.1]), 8000, subtype="FLOAT")
    with pytest.raises(AudioError, match=r"nan.wav: audio holds 2 NaN or infinite samples out of 4"):
        io.read(tmp_path / "nan.wav")


def test_too_long(tmp_path: Path) -> None:
    io.write(tmp_path / "a.wav", tone(3))
    assert io.read(tmp_path / "a.wav", max_s=3).n_samples == 72_000
    with pytest.raises(AudioError, match="longer than 2.9 s"):
        io.read(tmp_path / "a.wav", max_s=2.9)


def test_header_that_lies_about_the_length() -> None:
    data = bytearray(io.encode(tone(0.1), "wav"))
    data[40:44] = (0xFFFFFFF0).to_bytes(4, "little")  # size of the data chunk
    assert io.decode(bytes(data)).n_samples <= 2400


@given(st.binary(min_size=1, max_size=300), st.sampled_from(["", "wav", "flac", "mp3", "ogg"]))
@settings(max_examples=150)
def test_damaged_files_raise_one_kind_of_error(junk: bytes, name: str) -> None:
    data = io.encode(tone(0.05), name)[:200] + junk if name else junk
    try:
        assert io.decode(data).n_samples > 0
    except (AudioError, MissingExtraError) as error:
        assert str(error)


@pytest.mark.parametrize("suffix", [".m4a", ".xyz", ""])
def test_unknown_format_is_named(suffix: str, tmp_path: Path) -> None:
    with pytest.raises(OptionError, match=r"\.flac, \.mp3, \.ogg, \.opus, \.wav"):
        io.write(tmp_path / f"a{suffix}", tone())
    with pytest.raises(OptionError, match="wav, wav-float, flac, mp3, ogg, opus, not 'aiff'"):
        find_format("aiff")


def test_opus_takes_the_next_higher_rate() -> None:
    opus = find_format("opus")
    assert [opus.nearest_rate(r) for r in (7_999, 22_050, 24_000, 44_100, 96_000)] == [
        8_000,
        24_000,
        24_000,
        48_000,
        48_000,
    ]


def encode_by_pyav(waveform: Waveform, container: str, codec: str, rate: int) -> bytes:
    import av

    file = stdlib_io.BytesIO()
    with av.open(file, "w", format=container) as output:
        stream = output.add_stream(codec, rate=rate, layout="mono")
        frame = av.AudioFrame.from_ndarray(waveform.samples[None], format="fltp", layout="mono")
        frame.sample_rate = waveform.sample_rate
        fit = av.AudioResampler(format=stream.codec_context.format, rate=rate, layout="mono")
        for part in [*fit.resample(frame), *fit.resample(None)]:
            output.mux(stream.encode(part))
        output.mux(stream.encode(None))
    return file.getvalue()


@pytest.mark.parametrize(
    ("container", "codec", "rate"), [("mp4", "aac", 24_000), ("adts", "aac", 24_000), ("webm", "libopus", 48_000)]
)
def test_formats_of_phones_and_browsers(container: str, codec: str, rate: int, tmp_path: Path) -> None:
    pytest.importorskip("av")
    path = tmp_path / "recording"
    path.write_bytes(encode_by_pyav(tone(2), container, codec, rate))
    waveform = io.read(path)
    assert (waveform.sample_rate, waveform.duration_s) == (rate, pytest.approx(2, abs=0.1))
    assert level_dbfs(waveform) == pytest.approx(level_dbfs(tone(2)), abs=0.5)
    assert io.probe(path).duration_s == pytest.approx(2, abs=0.1)
    with pytest.raises(AudioError, match="longer than 1 s"):
        io.read(path, max_s=1)
    path.write_bytes(path.read_bytes()[:40])
    with pytest.raises(AudioError, match="damaged or not audio"):
        io.read(path)


def test_missing_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "av", None)
    with pytest.raises(MissingExtraError, match=r"locutor\[codecs\]"):
        io.decode(b"\x00\x00\x00\x1cftypM4A isom mp42")


def test_mp3_is_not_taken_for_aac() -> None:
    assert not codecs.needs_codecs(b"\xff\xfb\x90\x64\x00\x00\x00\x00")
    assert codecs.needs_codecs(b"\xff\xf1\x60\x40\x3f\xfc\xde\x02")
