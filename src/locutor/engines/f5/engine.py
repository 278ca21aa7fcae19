"""The F5-TTS engine: a reference and its transcript in, speech in that voice out."""

import logging
import secrets
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor

from locutor.audio.level import rms
from locutor.audio.mel import HOP_LENGTH, SAMPLE_RATE, MelConfig, mel_spectrogram
from locutor.audio.reference import check_reference, prepare_reference
from locutor.audio.resample import resample
from locutor.engines.base import EngineInfo, Utterance, VoicePrompt
from locutor.engines.device import choose_precision
from locutor.engines.f5 import duration
from locutor.engines.f5.checkpoint import build_network, read_checkpoint
from locutor.engines.f5.config import ConfigChoice
from locutor.engines.f5.decoder import Decoder, GraphDecoder
from locutor.engines.f5.dit import DiT
from locutor.engines.f5.graph import GraphPool
from locutor.engines.f5.runtime import Runtime
from locutor.engines.f5.sampling import CODE_OPTIONS, SolveOptions
from locutor.engines.f5.session import Prepared, Solve
from locutor.engines.f5.tokens import Vocabulary, check_speakable, read_vocabulary, tokenize
from locutor.engines.flow_session import FlowSession
from locutor.engines.lora import Adapter, adapted
from locutor.engines.options import refuse_options
from locutor.engines.vocos import Vocos
from locutor.errors import CheckpointError, EngineError, TextError
from locutor.text.normalize import normalize
from locutor.types import SpeechRequest, SynthesisOptions, Waveform

log = logging.getLogger(__name__)

ENGINE = "f5"
REFERENCE_S = 12.0
TARGET_RMS = 0.1  # level to which a quieter reference is raised, as upstream does
MAX_BATCH = 16  # an H200 speaks 406 times real time with it, 368 with half of it (docs/performance.md)
MAX_CHARS = 135

# For a checkpoint without a card nothing is known about rights, so the strictest is assumed.
UNKNOWN_ORIGIN = EngineInfo(
    name=ENGINE,
    sample_rate=SAMPLE_RATE,
    languages=("en", "zh"),
    needs_ref_text=True,
    streams=False,
    max_batch=MAX_BATCH,
    max_chars=MAX_CHARS,
    licence="unknown: the checkpoint has no model card",
    commercial_use=False,
)


@dataclass(frozen=True, kw_only=True)
class F5Voice:
    """A reference as F5 hears it: 24 kHz samples (1, n_samples) before levelling, their level, and the transcript.

    ref_text ends with the spaces that upstream puts between transcript and new text.
    """

    samples: Tensor
    rms: float
    ref_text: str

    @property
    def n_frames(self) -> int:
        """Whole hops of the reference; its centred mel has one frame more."""
        return self.samples.shape[-1] // HOP_LENGTH

    @property
    def duration_s(self) -> float:
        return self.n_frames * HOP_LENGTH / SAMPLE_RATE


class F5Engine:
    """An F5-TTS checkpoint with its vocabulary and vocoder, ready on a device."""

    def __init__(
        self,
        network: DiT,
        vocabulary: Vocabulary,
        vocoder: Vocos,
        info: EngineInfo = UNKNOWN_ORIGIN,
        precision: str = "auto",
    ) -> None:
        """The solve runs where the vocoder is; the network may stay on the CPU, which then keeps the weights that a
        schedule needs. precision: see choose_precision. Raises CheckpointError when their mels differ."""
        if network.config.mel_kind != "vocos":
            raise CheckpointError(
                f"the checkpoint {network.config.name} makes {network.config.mel_kind} mels; "
                "only checkpoints for the vocos vocoder are supported"
            )
        if vocoder.config.n_mels != network.config.n_mels:
            raise CheckpointError(
                f"the vocoder takes {vocoder.config.n_mels} mel bands but the network makes {network.config.n_mels}"
            )
        self.vocabulary = vocabulary
        device = next(vocoder.parameters()).device
        self.info = info if device.type != "cpu" else replace(info, max_batch=1)  # two take a CPU twice as long as one
        self.precision = choose_precision(str(device), precision)
        self._network: DiT | None = network
        self._vocoder: Vocos | None = vocoder
        self._runtime: Runtime | None = Runtime(network, device, getattr(torch, self.precision.name))
        self._graphs = GraphPool(self._runtime) if self._runtime.ops.capturable else None
        self._decoder: Decoder | None = vocoder if self._graphs is None else GraphDecoder(vocoder)

    @classmethod
    def load(
        cls,
        checkpoint: Path,
        vocab_file: Path,
        vocoder: Vocos,
        *,
        device: str = "cpu",
        config: ConfigChoice | None = None,
        info: EngineInfo = UNKNOWN_ORIGIN,
        precision: str = "auto",
    ) -> "F5Engine":
        """Read files onto a device. Raises NotFoundError, CheckpointError, OptionError; config: see find_config,
        precision: see choose_precision."""
        vocabulary = read_vocabulary(vocab_file)
        network = build_network(read_checkpoint(checkpoint, config), vocabulary)
        return cls(network, vocabulary, vocoder.to(device), info, precision)

    def with_adapter(self, adapter: Adapter, info: EngineInfo) -> "F5Engine":
        """An engine that shares this one's weights and speaks with an adapter on top. Raises CheckpointError when the
        adapter does not fit, EngineError when this engine is closed."""
        if self._network is None or self._vocoder is None:
            raise EngineError("the F5 engine is closed; load it again")
        return F5Engine(adapted(self._network, adapter), self.vocabulary, self._vocoder, info)

    def encode_voice(self, ref_audio: Waveform, ref_text: str | None = None) -> VoicePrompt:
        """Cut the reference to 12 s of speech. Raises AudioError, and TextError without a transcript."""
        check_reference(ref_audio)
        transcript = self._fitted(ref_text or "").strip()
        if not transcript:
            raise TextError("F5-TTS needs ref_text, the words that are said in the reference; it is empty")
        check_speakable(transcript)
        prepared = prepare_reference(ref_audio, REFERENCE_S)
        samples = torch.from_numpy(resample(prepared, SAMPLE_RATE).samples)[None]
        voice = F5Voice(samples=samples, rms=rms(prepared), ref_text=close_transcript(transcript))
        return VoicePrompt(engine=ENGINE, ref_audio=prepared, ref_text=transcript, state=voice)

    def prepare(self, request: SpeechRequest, voice: VoicePrompt) -> Utterance:
        """Tokens, mel and length; n_frames counts reference and new speech. A missing seed is drawn here.

        Raises TextError when nothing can be spoken or the text is too long for one go, OptionError.
        """
        if voice.engine != ENGINE:
            raise EngineError(f"a voice prompt of engine {voice.engine!r} cannot be used with {ENGINE!r}")
        state: F5Voice = voice.state
        options = request.options
        refuse_options(options, CODE_OPTIONS)
        text = normalize(request.text, request.language) if request.normalize else request.text
        text = self._fitted(text).strip()
        check_speakable(text)
        tokens = tokenize(state.ref_text + text)
        if options.fix_duration_s is None:
            new = duration.new_frames(state.n_frames, state.ref_text, text, options.speed)
        else:
            new = duration.fixed_frames(state.n_frames, options.fix_duration_s)
        gain = max(1.0, (TARGET_RMS if options.target_rms is None else options.target_rms) / state.rms)
        prepared = Prepared(
            ids=tuple(self.vocabulary.ids(tokens)), mel=reference_mel(state.samples * gain), gain=1 / gain
        )
        seed = options.seed if options.seed is not None else secrets.randbits(63)
        n_frames = duration.total_frames(state.n_frames, new, len(tokens))
        return Utterance(text=text, n_frames=n_frames, seed=seed, state=prepared)

    def open_session(self, options: SynthesisOptions) -> FlowSession:
        """A batch; on a CPU it takes more than the one utterance that pays. Raises EngineError once it is closed."""
        runtime, decoder, graphs = self._runtime, self._decoder, self._graphs
        if runtime is None or decoder is None:
            raise EngineError("the F5 engine is closed; load it again")
        chosen = SolveOptions.of(options)
        most = max(self.info.max_batch, MAX_BATCH)
        return FlowSession(lambda batch: Solve(runtime, decoder, batch, chosen, graphs), most, runtime.device)

    def close(self) -> None:
        """Let go of the weights."""
        on_gpu = self._runtime is not None and self._runtime.device.type == "cuda"
        self._network = self._runtime = self._vocoder = self._decoder = self._graphs = None
        if on_gpu:
            torch.cuda.empty_cache()

    def _fitted(self, text: str) -> str:
        fitted = self.vocabulary.fit(text)
        if fitted.dropped:
            log.warning("the voice model cannot pronounce %s; left out", " ".join(map(repr, fitted.dropped)))
        return fitted.text


def reference_mel(samples: Tensor) -> Tensor:
    """(1, n_samples) at 24 kHz -> log-mel (n, m)."""
    return mel_spectrogram(samples, MelConfig("vocos"))[0].T.contiguous()  # (m, n) -> (n, m)


def close_transcript(ref_text: str) -> str:
    """End a transcript as upstream does: with a full stop, and spaces that keep its end out of the new speech."""
    if not ref_text.endswith("。"):
        ref_text += " " if ref_text.endswith(".") else ". "
    return ref_text + " " if ref_text[-1].isascii() else ref_text
