"""`locutor say` on a quick engine: where audio goes, what is said of it, and every input it refuses."""

import io as bytes_io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from locutor.audio import io
from locutor.types import Waveform

RATE = 16_000


@pytest.fixture
def say(run: Any, tones: str, recording: Path) -> Any:
    def call(text: str, *args: Any, ref: Path | None = recording, **options: Any) -> Any:
        voice = ["--ref-audio", ref] if ref else []
        return run("say", text, "--model", tones, *voice, *args, **options)

    return call


def write_sine(path: Path, seconds: float = 2.0, level: float = 0.3) -> Path:
    time_s = np.arange(int(seconds * RATE), dtype=np.float32) / RATE
    io.write(path, Waveform(level * np.sin(2 * np.pi * 220 * time_s), RATE))
    return path


def test_writes_a_file_and_says_what_it_is(say: Any) -> None:
    result = say("I have 2 cats.", "--seed", 5)
    assert result.exit_code == 0 and result.stdout == ""
    info = soundfile.info("out.wav")
    assert info.samplerate == 8000 and info.duration == 100 * len("I have two cats.") / 8000
    assert "out.wav: 0.20 s, RTF " in result.stderr
    assert "voice ref.wav, model tones (CC0-1.0, commercial use allowed), seed 5" in result.stderr
    assert "note: " in result.stderr  # a two-second hum is a poor reference


def test_a_seed_repeats_the_file(say: Any) -> None:
    for name, seed in (("a.wav", 1), ("b.wav", 1), ("c.wav", 2)):
        say("Hello there.", "--seed", seed, "-o", name)
    a, b, c = (Path(name).read_bytes() for name in ("a.wav", "b.wav", "c.wav"))
    assert a == b != c


@pytest.mark.parametrize(
    ("name", "format", "container"),
    [("o.flac", None, "FLAC"), ("o.mp3", None, "MP3"), ("o.ogg", None, "OGG"), ("o.bin", "flac", "FLAC")],
)
def test_formats(say: Any, name: str, format: str | None, container: str) -> None:
    result = say("Hello there.", "-o", name, *(["--format", format] if format else []))
    assert result.exit_code == 0, result.stderr
    assert soundfile.info(name).format == container


def test_stdout_carries_audio_and_nothing_else(start: Any, tones: str, recording: Path) -> None:
    process = start("say", "-", "--model", tones, "--ref-audio", str(recording), "-o", "-")
    out, err = process.communicate("Olá, mundo.".encode(), timeout=60)
    assert process.returncode == 0, err
    samples, rate = soundfile.read(bytes_io.BytesIO(out))
    assert rate == 8000 and len(samples) == 100 * len("Olá, mundo.")
    assert b"stdout: 0.14 s" in err and not Path("out.wav").exists()


def test_text_from_stdin(say: Any) -> None:
    assert say("-", input="Hello there.").exit_code == 0
    assert Path("out.wav").exists()


def test_language_is_the_setting_and_english_by_default(say: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def duration(*args: str) -> float:
        assert say("2", *args).exit_code == 0
        return float(soundfile.info("out.wav").frames) / 100

    assert duration() == len("two")
    assert duration("--lang", "pt-BR") == duration("--lang", "pt") == len("dois")
    monkeypatch.setenv("LOCUTOR_LANG", "pt-BR")
    assert duration() == len("dois")
    assert duration("--lang", "en") == len("two")


def test_model_voice_and_device_are_settings(run: Any, tones: str, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = home / "data" / "voices" / "hum"
    folder.mkdir(parents=True)
    (folder / "voice.yaml").write_text("name: Hum\naudio: hum.wav\n")
    write_sine(folder / "hum.wav")
    monkeypatch.setenv("LOCUTOR_MODEL", tones)
    monkeypatch.setenv("LOCUTOR_VOICE", "hum")
    result = run("say", "Hello.")
    assert result.exit_code == 0 and "voice hum, model tones" in result.stderr
    monkeypatch.setenv("LOCUTOR_DEVICE", "cuda:77")
    assert run("say", "Hello.").exit_code == 2
    assert run("say", "Hello.", "--device", "cpu").exit_code == 0


def test_a_lexicon(say: Any) -> None:
    Path("words.txt").write_text("GIF = jif jif jif\n")
    assert say("GIF.", "--lexicon", "words.txt").exit_code == 0
    assert soundfile.info("out.wav").frames == 100 * len("jif jif jif.")


def test_a_lexicon_is_a_setting_too(say: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("words.txt").write_text("GIF = jif jif jif\n")
    monkeypatch.setenv("LOCUTOR_LEXICON", "words.txt")
    assert say("GIF.").exit_code == 0
    assert soundfile.info("out.wav").frames == 100 * len("jif jif jif.")


@pytest.mark.slow
def test_a_reader_that_stops_early_is_no_crash(start: Any, tones: str, recording: Path) -> None:
    with start("say", "Hello there.", "--model", tones, "--ref-audio", str(recording), "-o", "-") as process:
        process.stdout.close()
        err = process.stderr.read()
    assert process.returncode == 1 and b"Traceback" not in err


@pytest.mark.slow
def test_stdout_on_a_full_disk(start: Any, tones: str, recording: Path) -> None:
    args = ["say", "Hello there.", "--model", tones, "--ref-audio", str(recording), "-o", "-"]
    with open("/dev/full", "wb") as full:
        process = start(*args, stdout=full)
        _, err = process.communicate(timeout=60)
    assert process.returncode == 1
    assert b"error: cannot write to stdout: No space left on device" in err and b"Traceback" not in err


def test_options_reach_the_engine(say: Any) -> None:
    assert say("Hello there.", "--fix-duration", 3).exit_code == 0
    assert soundfile.info("out.wav").duration == 3
    assert say("Hello pause there.", "--remove-silence").exit_code == 0
    assert soundfile.info("out.wav").duration < 2


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["--speed", "9"], "speed must be between 0.5 and 2, not 9"),
        (["--nfe-step", "0"], "nfe_step must be between 1 and 128, not 0"),
        (["--cfg-strength", "-1"], "cfg_strength must be between 0 and 10, not -1"),
        (["--seed", "-1"], "seed must be between 0 and "),
        (["--lang", "klingon"], "unknown language 'klingon'"),
        (["--lang", "ko"], "model 'tones' does not speak ko"),
        (["--device", "gpu9"], "device 'gpu9' is not available; choose one of: auto, "),
        (["--format", "wma"], "audio format must be one of wav, "),
        (["-o", "out.xyz"], "the name of an audio file must end in one of "),
        (["--voice", "default"], "give either --voice or --ref-audio, not both"),
    ],
)
def test_wrong_options(say: Any, refused: Any, args: list[str], message: str) -> None:
    assert refused(say("Hello.", *args), 2).startswith(message)
    assert not Path("out.wav").exists()


@pytest.mark.parametrize("text", ["", "  \n ", "...", "😀😀"])
def test_nothing_to_say(say: Any, refused: Any, text: str) -> None:
    assert re_any(refused(say(text), 1), "the text is empty", "nothing to speak in")
    assert not Path("out.wav").exists()


def re_any(message: str, *starts: str) -> bool:
    return message.startswith(starts)


def test_stdin_that_is_not_text(say: Any, refused: Any) -> None:
    assert refused(say("-", input=b"\xff\xfe\x00"), 1).startswith("the text on stdin is not UTF-8: ")


def test_unknown_voice_and_model(run: Any, refused: Any, tones: str) -> None:
    assert refused(run("say", "Hi.", "--voice", "defalt"), 1).startswith(
        "no voice is called 'defalt'; near it: default"
    )
    message = refused(run("say", "Hi.", "--model", "bultin", "--voice", "default"), 1)
    assert message.startswith("no model is called 'bultin'; models are builtin, ")


def test_a_model_that_was_not_pulled(run: Any, refused: Any, recording: Path) -> None:
    message = refused(run("say", "Hi.", "--model", "f5tts-base", "--ref-audio", recording), 1)
    assert message.endswith("get it with: locutor models pull f5tts-base")


def test_a_transcript_without_a_recording(say: Any, refused: Any) -> None:
    assert refused(say("Hi.", "--ref-text", "words", ref=None), 2) == (
        "--ref-text is the transcript of --ref-audio; give both"
    )


@pytest.mark.parametrize(
    ("seconds", "level", "message"),
    [
        (0.5, 0.3, "at least 1 s of speech is needed"),
        (70, 0.3, "is longer than 60 s"),
        (2, 0.0, "the reference is silent"),
        (2, 60.0, "of the reference is clipped"),
    ],
)
def test_recordings_that_cannot_be_cloned(
    say: Any, refused: Any, home: Path, seconds: float, level: float, message: str
) -> None:
    assert message in refused(say("Hello.", ref=write_sine(home / "bad.wav", seconds, level)), 1)
    assert not Path("out.wav").exists()


@pytest.mark.parametrize(
    ("content", "message"), [(b"", "is empty (0 bytes)"), (b"a text\n" * 50, "is not an audio file that can be read")]
)
def test_files_that_are_no_recordings(say: Any, refused: Any, home: Path, content: bytes, message: str) -> None:
    (home / "bad.wav").write_bytes(content)
    assert message in refused(say("Hello.", ref=home / "bad.wav"), 1)


def test_a_recording_with_nan(say: Any, refused: Any, home: Path) -> None:
    samples = np.full(2 * RATE, 0.1, np.float32)
    samples[100] = np.nan
    soundfile.write(home / "nan.wav", samples, RATE, subtype="FLOAT")
    assert "audio holds 1 NaN or infinite samples" in refused(say("Hello.", ref=home / "nan.wav"), 1)


def test_a_missing_recording(say: Any, refused: Any, home: Path) -> None:
    assert refused(say("Hello.", ref=home / "gone.wav"), 1).endswith("gone.wav is not a file")


def test_a_missing_folder_is_told_before_anything_is_loaded(run: Any, refused: Any) -> None:
    message = refused(run("say", "Hi.", "-o", "no/such/out.wav", "--model", "unknown too"), 1)
    assert message == "there is no folder no/such to write out.wav to"
    Path("folder.wav").mkdir()
    assert refused(run("say", "Hi.", "-o", "folder.wav"), 1) == "cannot write folder.wav: it is a folder"


def test_a_full_disk(say: Any, refused: Any) -> None:
    message = refused_last_line(say("Hello.", "-o", "/dev/full", "--format", "wav"))
    assert message == "error: cannot write /dev/full: No space left on device"


def refused_last_line(result: Any) -> str:
    assert result.exit_code == 1 and "Traceback" not in result.stderr
    return str(result.stderr.splitlines()[-1])


def test_a_failure_keeps_the_file_that_was_there(say: Any) -> None:
    Path("out.wav").write_bytes(b"precious")
    assert say("FAIL", "--no-normalize").exit_code == 1
    assert Path("out.wav").read_bytes() == b"precious"
    assert not list(Path(".").glob(".out.wav*"))


def test_a_long_text_shows_one_sentence_per_chunk(say: Any) -> None:
    text = " ".join(["This is a sentence of some length, said again."] * 30)
    assert say(text).exit_code == 0
    assert soundfile.info("out.wav").duration > 10
