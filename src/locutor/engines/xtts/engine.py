"""The XTTS-v2 engine: a reference in, speech in that voice out, in 17 languages."""

import logging
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from locutor.audio.reference import check_reference
from locutor.engines.base import EngineInfo, Utterance, VoicePrompt
from locutor.engines.device import choose_precision
from locutor.engines.lora import Adapter
from locutor.engines.options import refuse_options
from locutor.engines.xtts.checkpoint import build_network, read_checkpoint, with_adapter
from locutor.engines.xtts.config import OUTPUT_SAMPLE_RATE, read_config
from locutor.engines.xtts.decoder import Decoder
from locutor.engines.xtts.int8 import can_quantise, quantised
from locutor.engines.xtts.length import CHAR_LIMITS, expected_codes, spoken_s
from locutor.engines.xtts.network import Xtts
from locutor.engines.xtts.sampling import SamplingOptions
from locutor.engines.xtts.session import Part, Prepared, XttsSession
from locutor.engines.xtts.speakers import read_speakers
from locutor.engines.xtts.tokens import XttsTokenizer, tidy
from locutor.engines.xtts.vocode import Vocoder, fastest
from locutor.engines.xtts.voice import XttsVoice, encode
from locutor.errors import AudioError, CheckpointError, EngineError, NotFoundError, OptionError, TextError
from locutor.text.languages import LANGUAGES
from locutor.text.normalize import normalize
from locutor.text.split import split_long
from locutor.types import SpeechRequest, SynthesisOptions, Waveform

log = logging.getLogger(__name__)

ENGINE = "xtts"
FRAME_RATE = 93.75  # mel frames per second, in which lengths are told
UNUSED_OPTIONS = ("nfe_step", "cfg_strength", "sway_sampling_coef", "fix_duration_s", "target_rms")
LICENCE = "CPML"

UNKNOWN_ORIGIN = EngineInfo(
    name=ENGINE,
    sample_rate=OUTPUT_SAMPLE_RATE,
    languages=tuple(CHAR_LIMITS),
    needs_ref_text=False,
    streams=True,
    max_batch=4,
    max_chars=min(CHAR_LIMITS["en"], CHAR_LIMITS["pt-BR"]),
    licence=LICENCE,
    commercial_use=False,
    max_chars_of=CHAR_LIMITS,
    cleans_text=True,
)


@dataclass(frozen=True, kw_only=True)
class Plan:
    """How the network is held. dtype: of the language model's blocks. int8: their weights in 8 bits, on the CPU.
    vocoder_dtype: of the vocoder.

    max_batch: utterances at a time, each with its own keys and values (125 MB in bfloat16 at full size).
    steps: codes made between two looks at the batch.
    """

    device: str
    dtype: torch.dtype
    int8: bool
    max_batch: int
    steps: int
    vocoder_dtype: torch.dtype = torch.float32

    @classmethod
    def of(cls, device: str) -> "Plan":
        """On CUDA from Ampere on bfloat16, with the vocoder in float16; on a CPU 8-bit weights where PyTorch has the
        kernels; else float32."""
        if device.startswith("cuda") and choose_precision(device).name == "float32":
            return cls(device=device, dtype=torch.float32, int8=False, max_batch=8, steps=8)
        if device.startswith("cuda"):
            types = dict(dtype=torch.bfloat16, vocoder_dtype=torch.float16)
            return cls(device=device, int8=False, max_batch=16, steps=8, **types)
        return cls(device=device, dtype=torch.float32, int8=device == "cpu" and can_quantise(), max_batch=4, steps=2)


class XttsEngine:
    """An XTTS-v2 checkpoint with its vocabulary, ready on a device."""

    def __init__(
        self,
        network: Xtts,
        tokenizer: XttsTokenizer,
        plan: Plan,
        info: EngineInfo = UNKNOWN_ORIGIN,
        speakers: Mapping[str, XttsVoice] | None = None,
    ) -> None:
        """network: in float32 on the CPU; it is put where the plan says. speakers: voices that came with it.

        Raises CheckpointError when vocabulary and network differ in size.
        """
        if tokenizer.n_tokens != network.config.number_text_tokens:
            raise CheckpointError(
                f"the vocabulary has {tokenizer.n_tokens} tokens, but the network was trained with "
                f"{network.config.number_text_tokens}"
            )
        self.info = replace(info, max_batch=plan.max_batch)
        self.speakers = dict(speakers or {})
        self._tokenizer, self._plan = tokenizer, plan
        network.config = network.gpt.config = network.config.model_copy(
            update={"start_text_token": tokenizer.start, "stop_text_token": tokenizer.stop}
        )
        network.gpt.gpt.h.to(plan.dtype)
        network.hifigan_decoder.waveform_decoder.to(plan.vocoder_dtype)
        if plan.int8:
            quantised(network.gpt.gpt.h)
        self._network: Xtts | None = network.to(plan.device)
        self._idle: Decoder | None = None
        self._vocoder: Vocoder | None = None

    @classmethod
    def load(
        cls,
        checkpoint: Path,
        config_file: Path,
        vocab_file: Path,
        *,
        plan: Plan,
        info: EngineInfo = UNKNOWN_ORIGIN,
        speakers_file: Path | None = None,
        adapter: Adapter | None = None,
    ) -> "XttsEngine":
        """Read files onto a device; an adapter is merged. Raises NotFoundError, CheckpointError."""
        config, tokenizer = read_config(config_file), XttsTokenizer.read(vocab_file)
        speakers = read_speakers(speakers_file) if speakers_file else {}
        read = read_checkpoint(checkpoint)
        network = build_network(with_adapter(read, adapter) if adapter else read, config)
        return cls(network, tokenizer, plan, info, speakers)

    def encode_voice(self, ref_audio: Waveform, ref_text: str | None = None) -> VoicePrompt:
        """Listen to a reference; XTTS has no use for its transcript. Raises AudioError."""
        return self.encode_clips([ref_audio])

    def encode_clips(self, clips: Sequence[Waveform]) -> VoicePrompt:
        """One voice from several recordings: the latents hear the first 30 s of all, the speaker vector is their mean.

        Raises AudioError when a clip is silent, clipped, under 1 s or over 60 s.
        """
        if not clips:
            raise AudioError("a voice needs at least one recording")
        for clip in clips:
            check_reference(clip)
        voice = encode(self._open(), clips)
        return VoicePrompt(engine=ENGINE, ref_audio=clips[0], ref_text=None, state=voice)

    def studio_voice(self, name: str) -> VoicePrompt:
        """One of `speakers`; there is no recording of it. NotFoundError lists the names."""
        if name not in self.speakers:
            raise NotFoundError(
                f"this model has no speaker {name!r}; it has {', '.join(self.speakers) or 'none at all'}"
            )
        silence = Waveform(torch.zeros(OUTPUT_SAMPLE_RATE).numpy(), OUTPUT_SAMPLE_RATE)
        return VoicePrompt(engine=ENGINE, ref_audio=silence, ref_text=None, state=self.speakers[name])

    def prepare(self, request: SpeechRequest, voice: VoicePrompt) -> Utterance:
        """Tokens, in as many parts as the model needs. A missing seed is drawn here.

        Raises TextError when nothing can be spoken, OptionError for options and languages that XTTS does not have.
        """
        if voice.engine != ENGINE:
            raise EngineError(f"a voice prompt of engine {voice.engine!r} cannot be used with {ENGINE!r}")
        options, language = request.options, request.language
        refuse_options(options, UNUSED_OPTIONS)
        if language not in self.info.languages:
            raise OptionError(f"XTTS-v2 does not speak {language!r}; it speaks {', '.join(self.info.languages)}")
        wanted = request.normalize and LANGUAGES[language].has_normalizer
        text = tidy(normalize(request.text, language) if wanted else request.text)
        if not any(char.isalnum() for char in text):
            raise TextError(f"nothing to speak in {request.text[:40]!r}: give a text with letters or numbers")
        prepared = Prepared(
            parts=tuple(self._parts(text, language)),
            voice=voice.state,
            options=SamplingOptions.of(options),
            speed=options.speed,
        )
        seed = options.seed if options.seed is not None else secrets.randbits(63)
        n_frames = round(spoken_s(text, language) / options.speed * FRAME_RATE) + 1
        return Utterance(text=text, n_frames=n_frames, seed=seed, state=prepared)

    def _parts(self, text: str, language: str) -> list[Part]:
        """The text whole if its tokens fit, else in halves, which are cut again if need be."""
        tokens = self._tokenizer.encode(text, language)
        if len(tokens) < self._open().config.max_text_tokens:
            return [Part(tokens=tuple(tokens), expected_codes=expected_codes(text, language))]
        halves = [half for half in split_long(text, -(-len(text) // 2)) if any(char.isalnum() for char in half)]
        return [part for half in halves for part in self._parts(half, language)]

    def open_session(self, options: SynthesisOptions) -> XttsSession:
        """A batch of at most info.max_batch utterances at a time, each with the options that it was prepared with.

        A session takes the place of the one before, which must not be used again.
        """
        network = self._open()
        refuse_options(options, UNUSED_OPTIONS)
        if self._idle is None or self._vocoder is None:
            self._idle = Decoder(network.gpt, self._plan.max_batch, self._plan.steps)
            self._vocoder = fastest(network.hifigan_decoder.waveform_decoder)
        self._idle.clear()
        return XttsSession(network, self._idle, self._vocoder)

    def close(self) -> None:
        """Let go of the weights."""
        on_gpu = self._network is not None and self._network.device.type == "cuda"
        self._network = self._idle = self._vocoder = None
        if on_gpu:
            torch.cuda.empty_cache()

    def _open(self) -> Xtts:
        if self._network is None:
            raise EngineError("the XTTS engine is closed; load it again")
        return self._network
