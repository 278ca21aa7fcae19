"""F5TTSInference: an F5-TTS checkpoint as one object with a method that speaks."""

import logging
import secrets
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from locutor.audio import io
from locutor.audio.edit import join
from locutor.engines.base import VoicePrompt
from locutor.engines.checkpoints import CheckpointStore
from locutor.engines.device import choose_device
from locutor.errors import EngineError, MissingExtraError, NotFoundError, OptionError, StorageError, TextError
from locutor.serving.longform import chunk_requests, speak_chunks
from locutor.settings import load_settings
from locutor.types import Samples, SpeechRequest, SynthesisOptions, Waveform, check_range

if TYPE_CHECKING:
    from locutor.engines.f5.config import ConfigChoice
    from locutor.engines.f5.engine import F5Voice
    from locutor.engines.vocoder import VocoderCache

log = logging.getLogger(__name__)

VOCODER = "vocos-mel-24khz"


class F5TTSInference:
    """An F5-TTS checkpoint in memory. Calls from several threads wait for each other.

    device: what it runs on, as torch names it; device_reason: why. sample_rate, hop_length: of what it makes.
    """

    def __init__(
        self,
        checkpoint_path: str | Path,
        vocab_file: str | Path,
        device: str = "auto",
        config: "ConfigChoice | None" = None,
        sample_rate: int = 24_000,
        hop_length: int = 256,
        target_rms: float = 0.1,
        *,
        vocoder_path: str | Path | None = None,
        vocoders: "VocoderCache | None" = None,
    ) -> None:
        """Load checkpoint, vocabulary and vocoder.

        config: the variant, when neither a sidecar file nor the folder's name tells it (see f5.config.find_config).
        sample_rate and hop_length are the checkpoint's and cannot be others. target_rms: level to which a quieter
        reference is raised. vocoder_path: a Vocos file or folder, by default the pulled model vocos-mel-24khz.
        vocoders: shares vocoders with other engines.
        Raises NotFoundError (FileNotFoundError), CheckpointError (RuntimeError), OptionError (ValueError).
        """
        from locutor.audio import mel
        from locutor.engines.f5.engine import F5Engine
        from locutor.engines.vocoder import VocoderCache

        if (sample_rate, hop_length) != (mel.SAMPLE_RATE, mel.HOP_LENGTH):
            raise OptionError(
                f"F5-TTS checkpoints work at {mel.SAMPLE_RATE} Hz with a hop of {mel.HOP_LENGTH}, "
                f"not at {sample_rate} Hz with a hop of {hop_length}"
            )
        check_range("target_rms", target_rms, 0.001, 1)
        self.checkpoint_path, self.vocab_file = Path(checkpoint_path), Path(vocab_file)
        self.sample_rate, self.hop_length, self.target_rms = sample_rate, hop_length, target_rms
        for path in (self.checkpoint_path, self.vocab_file):
            if not path.is_file():
                raise NotFoundError(f"there is no file {path}")
        chosen = choose_device(device)
        self.device, self.device_reason = chosen.name, chosen.reason
        log.info("device: %s", chosen.reason)
        cache = VocoderCache() if vocoders is None else vocoders
        vocoder = cache.get(_vocoder_file(vocoder_path), self.device)
        self._engine: F5Engine | None = F5Engine.load(
            self.checkpoint_path, self.vocab_file, vocoder, device=self.device, config=config
        )
        self._lock = threading.RLock()

    def generate(
        self,
        text: str,
        ref_audio: str | Path | Waveform,
        ref_text: str = "",
        nfe_step: int = 32,
        cfg_strength: float = 2.0,
        sway_sampling_coef: float = -1.0,
        speed: float = 1.0,
        fix_duration: float | None = None,
        remove_silence: bool = False,
        seed: int | None = None,
    ) -> Samples:
        """Say a text of any length in the voice of a reference; returns float32 samples at self.sample_rate.

        ref_audio: 1 to 60 s of one speaker, of which about 12 s are used. ref_text: what is said in it; empty: it is
        transcribed, which needs the [asr] extra. nfe_step: 1 to 128 network evaluations. cfg_strength: 1 to 5.
        speed: 0.5 to 2. fix_duration: seconds of reference and new speech together, as in f5-tts; None estimates.
        remove_silence: shorten pauses of more than a second. seed: the same one gives the same audio on a device.
        Raises ValueError (TextError, AudioError, OptionError), FileNotFoundError, RuntimeError (EngineError).
        """
        check_range("nfe_step", nfe_step, 1, 128)
        check_range("cfg_strength", cfg_strength, 1, 5)
        options = SynthesisOptions(
            nfe_step=nfe_step,
            cfg_strength=cfg_strength,
            sway_sampling_coef=sway_sampling_coef,
            speed=speed,
            remove_silence=remove_silence,
            seed=secrets.randbits(63) if seed is None else seed,
            target_rms=self.target_rms,
        )
        if not text.strip():
            raise TextError("text is empty; there is nothing to speak")
        with self._lock:
            start = time.perf_counter()
            waveform = self._speak(text, _reference(ref_audio), ref_text, fix_duration, options)
            took_s = time.perf_counter() - start
        log.info("%.2f s of audio in %.2f s (RTF %.2f)", waveform.duration_s, took_s, took_s / waveform.duration_s)
        return waveform.samples

    def save_audio(self, audio: Samples, path: str | Path, sample_rate: int | None = None) -> None:
        """Write samples to a file, in the format of its suffix; makes the folder if needed.

        Raises AudioError (ValueError) for samples that are no audio, OptionError (ValueError) for an unknown format,
        StorageError (RuntimeError) when the disk refuses.
        """
        save_audio(audio, path, self.sample_rate if sample_rate is None else sample_rate)

    def unload(self) -> None:
        """Give the memory back. Afterwards generate raises EngineError (RuntimeError)."""
        with self._lock:
            if self._engine is not None:
                self._engine.close()
                self._engine = None

    def __repr__(self) -> str:
        state = "unloaded" if self._engine is None else f"on {self.device}"
        return f"F5TTSInference({self.checkpoint_path.name}, {state})"

    def _speak(
        self, text: str, ref_audio: Waveform, ref_text: str, fix_duration: float | None, options: SynthesisOptions
    ) -> Waveform:
        if self._engine is None:
            raise EngineError("the model was unloaded; make a new F5TTSInference")
        if not ref_text.strip():
            ref_text = _transcribe(ref_audio)
        voice = self._engine.encode_voice(ref_audio, ref_text)
        requests = _chunk_requests(voice, text, fix_duration, options)
        return join(list(speak_chunks(self._engine, voice, requests, options)), options.cross_fade_s)


def save_audio(audio: Samples, path: str | Path, sample_rate: int) -> None:
    """Write mono samples to a file; see F5TTSInference.save_audio."""
    path = Path(path)
    waveform = Waveform(np.asarray(audio), sample_rate)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise StorageError(f"cannot make the folder {path.parent}: {error.strerror}") from error
    io.write(path, waveform)


def _vocoder_file(path: str | Path | None) -> Path:
    if path is not None:
        return Path(path)
    settings = load_settings()
    try:
        return CheckpointStore(settings.data_dir).locate(VOCODER).files["vocoder"]
    except NotFoundError as error:
        raise NotFoundError(f"{error}, or pass vocoder_path=, a Vocos file or folder") from error


def _reference(ref_audio: str | Path | Waveform) -> Waveform:
    return ref_audio if isinstance(ref_audio, Waveform) else io.read(ref_audio)


def _transcribe(ref_audio: Waveform) -> str:
    from locutor.analysis.asr import WhisperTranscriber
    from locutor.audio.reference import check_reference, prepare_reference

    check_reference(ref_audio)
    try:
        transcriber = WhisperTranscriber()
    except MissingExtraError as error:
        raise TextError(f"ref_text is empty, and to transcribe the reference {error}") from error
    text = transcriber.transcribe(prepare_reference(ref_audio)).text.strip()
    log.info("ref_text, as transcribed: %s", text)
    if not text:
        raise TextError("ref_text is empty, and no words were heard in the reference")
    return text


def _chunk_requests(
    voice: VoicePrompt, text: str, fix_duration: float | None, options: SynthesisOptions
) -> list[SpeechRequest]:
    """The text in pieces of what the reference's pace allows, each with its seed and its share of a fixed duration."""
    from locutor.engines.f5.chunking import max_chunk_bytes, split_text
    from locutor.engines.f5.duration import share_duration

    state: F5Voice = voice.state
    texts = split_text(text, max_chunk_bytes(state.ref_text.removesuffix(" "), state.duration_s, options.speed))
    whole = SpeechRequest(text=text, language="en", options=options, normalize=False)
    assert options.seed is not None
    requests = chunk_requests(texts, whole, options.seed)
    if fix_duration is None:
        return requests
    new_s = fix_duration - state.duration_s
    if new_s <= 0:
        raise OptionError(
            f"fix_duration counts the reference too, which lasts {state.duration_s:.2f} s: "
            f"it must be longer than that, not {fix_duration:g}"
        )
    shares = share_duration(new_s, texts, options.cross_fade_s)
    return [
        replace(request, options=replace(request.options, fix_duration_s=share))
        for request, share in zip(requests, shares, strict=True)
    ]
