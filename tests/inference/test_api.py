"""F5TTSInference on a tiny checkpoint."""

import gc
import inspect
import logging
import weakref
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from locutor.audio import io
from locutor.engines.f5.dit import DiT
from locutor.engines.vocoder import VocoderCache
from locutor.inference import F5TTSInference
from locutor.types import Waveform

REF_TEXT = "hello there my friend. what a day"  # a usual pace for 2 s, so that audio is not longer than it must be
FAST: dict[str, Any] = dict(nfe_step=2, seed=1)


@pytest.fixture(scope="module")
def make(files: dict[str, Path]) -> Callable[..., F5TTSInference]:
    def build(**changes: Any) -> F5TTSInference:
        arguments: dict[str, Any] = dict(
            checkpoint_path=files["model.safetensors"],
            vocab_file=files["vocab.txt"],
            device="cpu",
            vocoder_path=files["vocoder.safetensors"],
        )
        return F5TTSInference(**{**arguments, **changes})

    return build


@pytest.fixture(scope="module")
def model(make: Callable[..., F5TTSInference]) -> F5TTSInference:
    return make()


def test_signatures_are_the_promised_ones() -> None:
    init = inspect.signature(F5TTSInference).parameters
    assert list(init)[:7] == [
        "checkpoint_path", "vocab_file", "device", "config", "sample_rate", "hop_length", "target_rms",
    ]  # fmt: skip
    assert [init[n].default for n in list(init)[2:7]] == ["auto", None, 24_000, 256, 0.1]
    generate = inspect.signature(F5TTSInference.generate).parameters
    assert {n: p.default for n, p in generate.items() if p.default is not inspect.Parameter.empty} == dict(
        ref_text="", nfe_step=32, cfg_strength=2.0, sway_sampling_coef=-1.0, speed=1.0, fix_duration=None,
        remove_silence=False, seed=None,
    )  # fmt: skip
    assert list(generate)[:3] == ["self", "text", "ref_audio"]


def test_generate(model: F5TTSInference, ref_audio: Path, sound: Waveform) -> None:
    audio = model.generate("what a day it was", str(ref_audio), REF_TEXT, **FAST)
    assert isinstance(audio, np.ndarray) and audio.dtype == np.float32 and audio.ndim == 1
    assert np.abs(audio).max() > 0
    assert np.array_equal(audio, model.generate("what a day it was", ref_audio, REF_TEXT, **FAST))
    assert not np.array_equal(audio, model.generate("what a day it was", ref_audio, REF_TEXT, nfe_step=2, seed=2))
    assert not np.array_equal(audio, model.generate("what a day it was", ref_audio, REF_TEXT, nfe_step=3, seed=1))


def test_every_option_changes_the_audio(model: F5TTSInference, ref_audio: Path) -> None:
    usual = model.generate("what a day it was", ref_audio, REF_TEXT, **FAST)
    for change in (dict(cfg_strength=3.0), dict(sway_sampling_coef=0.0)):
        other = model.generate("what a day it was", ref_audio, REF_TEXT, **FAST, **change)
        assert other.shape == usual.shape and not np.allclose(other, usual), change


def test_speed_and_fixed_duration(model: F5TTSInference, ref_audio: Path) -> None:
    def seconds(**options: Any) -> float:
        return model.generate("what a day it was", ref_audio, REF_TEXT, **FAST, **options).size / 24_000

    assert seconds(speed=0.5) == pytest.approx(2 * seconds(), abs=0.05)
    assert seconds(speed=2.0) == pytest.approx(seconds() / 2, abs=0.05)
    reference_s = 2.05  # as prepared: trimmed, then 50 ms of silence
    assert seconds(fix_duration=5.0) == pytest.approx(5.0 - reference_s, abs=0.05)
    with pytest.raises(ValueError, match=r"fix_duration counts the reference too.* not 1"):
        seconds(fix_duration=1.0)


@pytest.mark.slow
def test_long_texts_are_spoken_in_chunks(model: F5TTSInference, ref_audio: Path) -> None:
    sentence = "so it goes on and on, and then some more. "
    one = model.generate(sentence, ref_audio, REF_TEXT, **FAST).size
    assert model.generate(sentence * 4, ref_audio, REF_TEXT, **FAST).size == pytest.approx(4 * one, rel=0.1)
    fixed = model.generate(sentence * 8, ref_audio, REF_TEXT, fix_duration=22.05, **FAST)
    assert fixed.size / 24_000 == pytest.approx(20, abs=0.2)


@pytest.mark.slow
def test_ten_thousand_characters(model: F5TTSInference, ref_audio: Path) -> None:
    text = "so it goes on and on, and then some more. " * 240
    assert len(text) > 10_000
    assert model.generate(text, ref_audio, REF_TEXT, nfe_step=1, seed=1).size / 24_000 > 500


def test_remove_silence_is_a_whole_call(model: F5TTSInference, ref_audio: Path) -> None:
    assert model.generate("what a day", ref_audio, REF_TEXT, remove_silence=True, **FAST).size > 0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (dict(nfe_step=0), "nfe_step must be between 1 and 128, not 0"),
        (dict(nfe_step=129), "between 1 and 128"),
        (dict(cfg_strength=0.5), "cfg_strength must be between 1 and 5, not 0.5"),
        (dict(cfg_strength=5.1), "between 1 and 5"),
        (dict(cfg_strength=float("nan")), "not nan"),
        (dict(speed=0.4), "speed must be between 0.5 and 2"),
        (dict(speed=2.1), "between 0.5 and 2"),
        (dict(sway_sampling_coef=-2.0), "sway_sampling_coef must be between -1 and 1"),
        (dict(seed=-1), "seed"),
        (dict(text="  "), "text is empty"),
        (dict(text="?!"), "nothing to speak"),
    ],
)
def test_bad_arguments_are_value_errors(
    model: F5TTSInference, ref_audio: Path, change: dict[str, Any], message: str
) -> None:
    arguments = {**dict(text="a day", ref_audio=ref_audio, ref_text=REF_TEXT, nfe_step=1), **change}
    with pytest.raises(ValueError, match=message):
        model.generate(**arguments)


def test_bad_references(model: F5TTSInference, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"none\.wav"):
        model.generate("a day", tmp_path / "none.wav", REF_TEXT, **FAST)
    (tmp_path / "text.wav").write_bytes(b"this is no audio" * 10)
    with pytest.raises(ValueError, match=r"text\.wav"):
        model.generate("a day", tmp_path / "text.wav", REF_TEXT, **FAST)
    with pytest.raises(ValueError, match="silent"):
        model.generate("a day", Waveform(np.zeros(48_000, np.float32), 24_000), REF_TEXT, **FAST)


def test_transcribing_needs_the_extra(model: F5TTSInference, ref_audio: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import importlib.util

    find_spec = importlib.util.find_spec
    absent = lambda name, *rest: None if name == "faster_whisper" else find_spec(name, *rest)  # noqa: E731
    monkeypatch.setattr("locutor.analysis.asr.find_spec", absent)
    with pytest.raises(ValueError, match=r"ref_text is empty.*locutor\[asr\]"):
        model.generate("a day", ref_audio, **FAST)


def test_save_audio(model: F5TTSInference, tmp_path: Path) -> None:
    audio = np.sin(np.arange(2400) / 10).astype(np.float32) / 2
    for name, rate in (("new/folder/a.wav", None), ("b.flac", 16_000)):
        model.save_audio(audio, tmp_path / name, rate)
        back = io.read(tmp_path / name)
        assert back.sample_rate == (rate or 24_000)
        np.testing.assert_allclose(back.samples, audio, atol=1e-4)
    with pytest.raises(ValueError, match="mono"):
        model.save_audio(np.zeros((2, 2), np.float32), tmp_path / "c.wav")
    with pytest.raises(ValueError):
        model.save_audio(audio, tmp_path / "c.xyz")
    assert not (tmp_path / "c.wav").exists()
    with pytest.raises(RuntimeError, match="cannot make the folder"):
        model.save_audio(audio, tmp_path / "b.flac" / "d.wav")


def test_unload_gives_the_memory_back(make: Callable[..., F5TTSInference], ref_audio: Path) -> None:
    model = make()
    assert model._engine is not None
    network = weakref.ref(model._engine._network)
    assert isinstance(network(), DiT)
    model.unload()
    model.unload()
    gc.collect()
    assert network() is None
    assert "unloaded" in repr(model)
    with pytest.raises(RuntimeError, match="was unloaded"):
        model.generate("a day", ref_audio, REF_TEXT, **FAST)


def test_auto_says_what_it_chose(make: Callable[..., F5TTSInference], caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "locutor"):
        model = make(device="auto")
    assert model.device in model.device_reason and "auto chose" in model.device_reason
    assert model.device_reason in caplog.text
    with pytest.raises(ValueError, match="'tpu' is not available"):
        make(device="tpu")


def test_missing_files(make: Callable[..., F5TTSInference], tmp_path: Path) -> None:
    for argument in ("checkpoint_path", "vocab_file", "vocoder_path"):
        with pytest.raises(FileNotFoundError, match="none"):
            make(**{argument: tmp_path / "none"})


def test_missing_vocoder_says_how_to_get_it(
    make: Callable[..., F5TTSInference], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOCUTOR_DATA_DIR", str(tmp_path))
    with pytest.raises(FileNotFoundError, match=r"locutor models pull vocos-mel-24khz.*vocoder_path"):
        make(vocoder_path=None)


def test_other_rates_are_refused(make: Callable[..., F5TTSInference]) -> None:
    with pytest.raises(ValueError, match="at 24000 Hz with a hop of 256, not at 22050 Hz"):
        make(sample_rate=22_050)


def test_damaged_checkpoint(make: Callable[..., F5TTSInference], kit: ModuleType, tmp_path: Path) -> None:
    path = tmp_path / "m.safetensors"
    path.write_bytes(b"x" * 100)
    with pytest.raises(RuntimeError, match="not a readable safetensors"):
        make(checkpoint_path=path, config=kit.tiny_config("v1"))


def test_config_as_a_mapping(make: Callable[..., F5TTSInference], kit: ModuleType) -> None:
    config = kit.tiny_config("v0").model_dump()
    assert make(config=config)._engine._network.config == kit.tiny_config("v0")
    with pytest.raises(RuntimeError, match="dimension: Extra inputs"):
        make(config={**config, "dimension": 3})


def test_vocoders_are_shared(make: Callable[..., F5TTSInference]) -> None:
    cache = VocoderCache()
    models = [make(vocoders=cache) for _ in range(2)]
    assert models[0]._engine._vocoder is models[1]._engine._vocoder
    assert len(cache) == 1


def test_importing_the_package_does_not_import_torch() -> None:
    import subprocess
    import sys

    code = "import sys, locutor.inference; assert 'torch' not in sys.modules, 'torch was imported'"
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)
