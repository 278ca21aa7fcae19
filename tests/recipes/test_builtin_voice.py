"""The parts of the recipe that need neither the synthesizer nor a GPU."""

import json
import random
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch
from safetensors.torch import load, save_file

Recipe = Callable[[str], ModuleType]
FOLDER = Path(__file__).parents[2] / "recipes" / "builtin_voice"


NAMES = ("af_heart", "bm_lewis", "ef_dora", "jf_alpha", "jf_nezumi", "jm_kumo", "pf_dora", "pm_alex")


@pytest.fixture
def voices(recipe: Recipe, tmp_path: Path) -> object:
    """A file of style vectors with noise for styles, the deeper half of the voices at 100 Hz."""
    styles = np.random.default_rng(0).normal(size=(len(NAMES), 6, 256)).astype(np.float16)
    pitches = np.where([name[1] == "m" for name in NAMES], 100.0, 200.0)
    np.savez(tmp_path / "voices.npz", names=np.array(NAMES), styles=styles, pitch_hz=pitches)
    return recipe("voices").Voices.read(tmp_path / "voices.npz")


@pytest.mark.parametrize("draw", ["draw_speaker", "draw_near", "draw_wide"])
def test_a_seed_is_a_speaker(recipe: Recipe, voices: object, draw: str) -> None:
    one, again, other = (getattr(recipe("voices"), draw)(seed, voices) for seed in (7, 7, 8))
    assert one.pitch_hz == again.pitch_hz != other.pitch_hz
    for language in ("en", "pt-BR"):
        assert torch.equal(one.styles[language], again.styles[language])
        assert one.styles[language].shape == (6, 256) and not torch.equal(one.styles[language], other.styles[language])


def test_speakers_spread_over_what_people_speak_like(recipe: Recipe, voices: object) -> None:
    drawn = [recipe("voices").draw_speaker(seed, voices) for seed in range(400)]
    pitches = np.array([speaker.pitch_hz for speaker in drawn])
    assert pitches.min() < 100 and pitches.max() > 290 and 120 < np.median(pitches) < 190
    assert all(0.86 <= s.warp <= 1.28 and 0.84 <= s.speed <= 1.28 for s in drawn)


def test_a_language_has_its_own_speakers_prosody_and_one_timbre(recipe: Recipe, voices: object) -> None:
    for seed in range(20):
        speaker = recipe("voices").draw_near(seed, voices)
        english, portuguese = (speaker.styles[language].numpy() for language in ("en", "pt-BR"))
        assert np.array_equal(english[:, :128], portuguese[:, :128])
        span = voices.styles[[0, 1], :, 128:].reshape(2, -1)  # type: ignore[attr-defined]
        weights, rest, *_ = np.linalg.lstsq(span.T, english[:, 128:].ravel(), rcond=None)
        assert rest < 1e-6 and weights.sum() == pytest.approx(1, abs=1e-4) and weights.min() > -1e-4
        assert not np.allclose(english[:, 128:], portuguese[:, 128:])


def test_weights_of_a_mix_sum_to_one(recipe: Recipe) -> None:
    rng = np.random.default_rng(0)
    mixes = [recipe("voices").mix_weights(rng, 5) for _ in range(200)]
    assert np.allclose([mix.sum() for mix in mixes], 1)
    assert min(mix.min() for mix in mixes) < 0  # some lie outside of all voices


@pytest.mark.parametrize("warp", [0.8, 1.0, 1.25])
def test_warping_scales_frequency_and_length(recipe: Recipe, warp: float) -> None:
    tone = torch.sin(2 * torch.pi * 440 * torch.arange(24_000) / 24_000)
    warped = recipe("voices").resample(tone, warp)
    assert len(warped) == round(24_000 / warp)
    assert float(warped.abs().max()) == pytest.approx(1, abs=0.05)
    loudest = int(torch.fft.rfft(warped).abs().argmax()) * 24_000 / len(warped)
    assert loudest == pytest.approx(440 * warp, abs=2)


def test_sentences_are_taken_out_of_pages(recipe: Recipe) -> None:
    sentences = recipe("sentences")
    page = (
        "<html><head><title>No</title></head><body><h1>Help</h1><p>You can move&nbsp;the window with the mouse. "
        "Press <b>Enter</b> to close it again!</p><script>var x = 'This is no sentence at all';</script>"
        "<p>Too short.</p></body></html>"
    )
    found = list(sentences.sentences(page, is_html=True))
    assert found == ["You can move the window with the mouse.", "Press Enter to close it again!"]


@pytest.mark.parametrize(
    ("sentence", "language", "speech"),
    [
        ("The window can be moved with the mouse.", "en", True),
        ("A janela pode ser movida com o botão.", "pt-BR", True),
        ("A janela pode ser movida com o botão.", "en", False),
        ("Use the option number 12 of the menu.", "en", False),
        ("Please do not use the DELETE key here.", "en", False),
        ("Three short words", "en", False),
        ("Some words of supercalifragilisticexpialidocious length.", "en", False),
    ],
)
def test_what_reads_like_a_sentence(recipe: Recipe, sentence: str, language: str, speech: bool) -> None:
    assert recipe("sentences").is_speech(sentence, language) is speech


@pytest.fixture
def phonemise(recipe: Recipe, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """Without the synthesizer's tokenizer, which only labels texts."""
    for name in ("kokoro_onnx", "kokoro_onnx.tokenizer"):
        monkeypatch.setitem(sys.modules, name, ModuleType(name))
    sys.modules["kokoro_onnx.tokenizer"].Tokenizer = object  # type: ignore[attr-defined]
    return recipe("phonemise")


def test_phrases_and_word_runs(phonemise: ModuleType, tmp_path: Path) -> None:
    assert phonemise.finished("it is so,") == "It is so." and phonemise.finished("is it?") == "Is it?"
    rng = random.Random(0)
    for _ in range(50):
        text = phonemise.phrase("The quick, brown fox jumps over the lazy dog.", rng)
        assert 1 <= len(text.split()) <= 4 and text[0].isupper() and "," not in text
    (tmp_path / "words").write_text("zebra\nNASA\nx\nsemi-final\nabc123\n" + "word\n" * 20)
    words = " ".join(phonemise.word_runs(tmp_path / "words", rng)).replace(",", "").split()
    assert set(words) == {"zebra", "Nasa", "semi-final", "word"} and len(words) == 23


def test_the_newest_averages_are_collected_in_pieces(
    recipe: Recipe, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    collect = recipe("collect")
    work, out = tmp_path / "work", tmp_path / "out"
    out.mkdir()
    for step in (10, 20):
        folder = work / "run_duration" / f"step_{step:08d}"
        folder.mkdir(parents=True)
        save_file({"w": torch.full((3000,), step / 4)}, folder / "ema.safetensors")
        (folder / "state.json").touch()
    (work / "run_duration" / "log.jsonl").write_text("{}\n")
    script = (FOLDER / "collect.py").read_text().replace("15_000_000", "5_000")
    (tmp_path / "collect.py").write_text(script)
    subprocess.run([sys.executable, tmp_path / "collect.py", work, out], check=True, capture_output=True)
    pieces = sorted(out.glob("duration.safetensors.*"))
    assert [p.name[-2:] for p in pieces] == ["00", "01"] and (out / "duration.log.jsonl").exists()
    weights = load(b"".join(p.read_bytes() for p in pieces))
    assert weights["w"].dtype == torch.float16 and bool((weights["w"] == 5.0).all())
    assert collect.newest(work / "run_g2p") is None


def test_two_versions_are_averaged(tmp_path: Path) -> None:
    for name, value in (("old", 1.0), ("new", 2.0)):
        save_file({"w": torch.full((4,), value)}, tmp_path / f"{name}.safetensors")
    files = [tmp_path / f"{name}.safetensors" for name in ("old", "new", "out")]
    subprocess.run([sys.executable, FOLDER / "blend.py", *files[:2], "0.25", files[2]], check=True)
    assert bool((load(files[2].read_bytes())["w"] == 1.25).all())


SHARD_SECONDS = 24


def write_streams(folder: Path, n: int) -> None:
    """Streams of one long clip each, hums of twelve tokens."""
    folder.mkdir()
    for i in range(n):
        ends = np.linspace(2_000, SHARD_SECONDS * 24_000, 60).astype(np.int32)
        time_s = np.arange(ends[-1]) / 24_000
        samples = (6000 * np.sin(2 * np.pi * (120 + 20 * i) * time_s)).astype(np.int16)
        np.savez(
            folder / f"s{i}.npz",
            samples=samples,
            n_samples=np.array([samples.size]),
            stream=np.array([0]),
            speaker=np.array([i]),
            language=np.array([i % 2], np.uint8),
            tokens=np.arange(60, dtype=np.uint8) % 12 + 1,
            ends=ends,
            n_tokens=np.array([60]),
        )


@pytest.mark.slow
def test_training_and_packing_from_end_to_end(recipe: Recipe, tmp_path: Path) -> None:
    """One step of each network in its full size, packed into a file that the engine loads."""
    import gzip

    from locutor.engines.builtin.engine import BuiltinEngine, read_networks

    shards, texts, parts = tmp_path / "shards", tmp_path / "texts", tmp_path / "parts"
    write_streams(shards, 3)
    texts.mkdir()
    parts.mkdir()
    rows = [["en", "hello there", "hˈɛloʊ ðˈɛɹ"], ["pt-BR", "bom dia", "bˈoŋ dʒˈiæ"]] * 300
    for name in ("corpus", "words"):
        with gzip.open(texts / f"{name}.jsonl.gz", "wt", encoding="utf8") as file:
            file.writelines(json.dumps(row) + "\n" for row in rows)
    environment = {
        "STEPS": "1",
        "SCALE": "0.005",
        "LOG_EVERY": "1",
        "CAPACITY": "9000",
        "OMP_NUM_THREADS": "1",
        "CUDA_VISIBLE_DEVICES": "",
    }
    for part in ("acoustic", "duration", "g2p", "vocoder"):
        data = texts if part == "g2p" else shards
        command = [sys.executable, FOLDER / "train.py", part, data, tmp_path / part, "600"]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300)
        assert done.returncode == 0, done.stderr
        newest = recipe("collect").newest(tmp_path / part)
        (parts / f"{part}.safetensors").write_bytes(newest.read_bytes())
        if part == "acoustic":  # what the vocoder hears besides real mels
            command = [
                sys.executable,
                FOLDER / "predict_mels.py",
                shards,
                tmp_path / part,
                tmp_path / "predictions",
                "5",
            ]
            done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300)
            assert done.returncode == 0, done.stderr
            clips = np.load(tmp_path / "predictions" / "0000.npz")
            assert clips["mel"].shape[1:] == (100, 65) and clips["samples"].shape == (len(clips["mel"]), 16_384)
    target = tmp_path / "weights.safetensors"
    subprocess.run(
        [sys.executable, FOLDER / "pack.py", parts, target], check=True, env=environment, capture_output=True
    )
    assert target.stat().st_size < 32_000_000
    engine = BuiltinEngine(read_networks(target))
    assert engine.info.name == "builtin"
