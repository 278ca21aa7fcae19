"""The built-in engine: clones a voice from its recording alone, with no transcript, in English and Portuguese."""

import json
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import safe_open
from torch import Tensor, nn

from locutor.audio.edit import trim_silence
from locutor.audio.level import set_rms
from locutor.audio.mel import FRAME_RATE, SAMPLE_RATE, mel_spectrogram
from locutor.audio.reference import check_reference
from locutor.audio.resample import resample
from locutor.engines.base import EngineInfo, Utterance, VoicePrompt
from locutor.engines.builtin import weights
from locutor.engines.builtin.bandwidth import fill_upper_bands
from locutor.engines.builtin.blend import blended_reference
from locutor.engines.builtin.config import DurationConfig, G2PConfig, NetworkConfig
from locutor.engines.builtin.duration import DurationPredictor
from locutor.engines.builtin.g2p import G2P
from locutor.engines.builtin.network import AlignedDiT, Prefix
from locutor.engines.builtin.pace import phoneme_ends, stretched
from locutor.engines.builtin.phonemes import BOUNDARY, LANGUAGES, phoneme_tokens
from locutor.engines.builtin.pronounce import pronounce
from locutor.engines.builtin.solve import Prepared, Solve, SolveOptions, lay_frames
from locutor.engines.device import multiplies_bf16
from locutor.engines.f5.sampling import CODE_OPTIONS
from locutor.engines.flow_session import FlowSession
from locutor.engines.lora import Adapter, adapted
from locutor.engines.options import refuse_options
from locutor.engines.vocos import Vocos, VocosConfig
from locutor.errors import AudioError, CheckpointError, EngineError, OptionError, TextError
from locutor.text.normalize import normalize
from locutor.types import SpeechRequest, SynthesisOptions, Waveform, check_range

ENGINE = "builtin"
WEIGHTS = Path(__file__).parent / "weights.safetensors"
TRAINED_RMS = 0.1  # level of the speech the networks were trained on
REFERENCE_S = 10.0  # seconds of a reference that are listened to
MIN_HEARD_S = 0.5  # of it that must be left once the silence at its edges is cut off
MAX_S = 60.0  # longest speech of one utterance
UNUSED_OPTIONS = (*CODE_OPTIONS, "target_rms")

INFO = EngineInfo(
    name=ENGINE,
    sample_rate=SAMPLE_RATE,
    languages=LANGUAGES,
    needs_ref_text=False,
    streams=False,
    max_batch=4,
    max_chars=180,
    licence="Apache-2.0",
    commercial_use=True,
    reads_phonemes=True,
)


@dataclass
class Networks:
    """The four parts of the model."""

    acoustic: AlignedDiT
    duration: DurationPredictor
    g2p: G2P
    vocoder: Vocos

    def parts(self) -> dict[str, nn.Module]:
        return dict(vars(self))


CONFIGS: dict[str, tuple[type[Any], type[nn.Module]]] = {
    "acoustic": (NetworkConfig, AlignedDiT),
    "duration": (DurationConfig, DurationPredictor),
    "g2p": (G2PConfig, G2P),
    "vocoder": (VocosConfig, Vocos),
}


def read_networks(path: Path = WEIGHTS) -> Networks:
    """Load the one file that holds all parts, their sizes in its metadata. Raises CheckpointError."""
    tensors = weights.read(path)
    sizes = _read_sizes(path)
    if strangers := sorted(k for k in tensors if k.split(".")[0] not in CONFIGS):
        raise CheckpointError(f"{path.name} holds tensors of no network: {', '.join(strangers[:5])}")
    parts: dict[str, Any] = {}
    for name, (config, network) in CONFIGS.items():
        own = {k.removeprefix(f"{name}."): v for k, v in tensors.items() if k.startswith(f"{name}.")}
        try:
            with torch.random.fork_rng(devices=[]):  # first weights are drawn; the caller's random state is not ours
                part = network(config(**sizes[name]))
            part.load_state_dict(own)
        except (RuntimeError, TypeError) as error:  # tensors that do not fit; sizes of another network
            raise CheckpointError(f"{path.name} does not fit the {name} network: {error}") from error
        parts[name] = part.eval().requires_grad_(False)
    return Networks(**parts)


def _read_sizes(path: Path) -> dict[str, dict[str, Any]]:
    """Sizes of each network, from the file's metadata."""
    with safe_open(path, "pt") as file:
        written = (file.metadata() or {}).get("config", "{}")
    try:
        sizes: dict[str, dict[str, Any]] = json.loads(written)
    except ValueError as error:
        raise CheckpointError(f"{path.name} holds no sizes that can be read: {error}") from error
    if not isinstance(sizes, dict) or sizes.keys() != CONFIGS.keys():
        raise CheckpointError(f"{path.name} holds sizes of {sorted(sizes)}, not of {sorted(CONFIGS)}")
    return sizes


@dataclass(frozen=True)
class BuiltinVoice:
    """A reference as the networks hear it. mel: (1, f, c) log-mel, for the pace; the prefixes for the sound."""

    mel: Tensor
    voice: Prefix
    no_voice: Prefix


class BuiltinEngine:
    """Engine of the model that ships with the package."""

    def __init__(self, networks: Networks, device: str = "cpu") -> None:
        self._device = torch.device(device)
        # Two at a time take a CPU twice as long as one, and the first of them would wait for the second.
        self.info = replace(INFO, max_batch=1) if self._device.type == "cpu" else INFO
        self._networks: Networks | None = networks
        for part in networks.parts().values():
            part.to(self._device)

    @classmethod
    def load(cls, device: str = "cpu", path: Path = WEIGHTS) -> "BuiltinEngine":
        """The packaged weights, or a fine-tune of them. Raises CheckpointError when they are damaged."""
        networks = read_networks(path)
        if multiplies_bf16(device):
            networks.acoustic.multiply_in(torch.bfloat16)
        return cls(networks, device)

    def with_adapter(self, adapter: Adapter) -> "BuiltinEngine":
        """An engine that shares this one's weights and speaks with an adapter of the acoustic network on top. Raises
        CheckpointError when the adapter does not fit, EngineError when this engine is closed."""
        networks = self._open()
        return BuiltinEngine(replace(networks, acoustic=adapted(networks.acoustic, adapter)), str(self._device))

    def _open(self) -> Networks:
        if self._networks is None:
            raise EngineError("the built-in engine is closed; load it again")
        return self._networks

    @torch.inference_mode()
    def encode_voice(self, ref_audio: Waveform, ref_text: str | None = None) -> VoicePrompt:
        """Listen to at most 10 s of the reference; ref_text is not needed and not used. Raises AudioError."""
        networks = self._open()
        check_reference(ref_audio)
        heard = loudest_stretch(trim_silence(resample(ref_audio, SAMPLE_RATE)), REFERENCE_S)
        if heard.duration_s < MIN_HEARD_S:
            raise AudioError(
                f"the reference has {heard.duration_s:.2f} s of sound between its silent edges; at least "
                f"{MIN_HEARD_S:g} s are needed, so speak longer or record it louder"
            )
        levelled = torch.from_numpy(set_rms(heard, TRAINED_RMS).samples).to(self._device)
        mel = mel_spectrogram(levelled[None]).transpose(1, 2)  # (1, c, f) -> (1, f, c)
        mel = fill_upper_bands(mel, networks.acoustic.mel_mean)
        mel = mel[:, : mel.shape[1] // networks.acoustic.config.patch * networks.acoustic.config.patch]
        normalized = networks.acoustic.normalize(mel)
        nothing = torch.ones(1, dtype=torch.bool, device=self._device)
        state = BuiltinVoice(
            mel=mel,
            voice=networks.acoustic.encode_reference(normalized),
            no_voice=networks.acoustic.encode_reference(normalized, dropped=nothing),
        )
        return VoicePrompt(engine=ENGINE, ref_audio=heard, ref_text=ref_text, state=state)

    def blend(self, prompts: Sequence[VoicePrompt], weights: Sequence[float]) -> VoicePrompt:
        """A voice between others; see `blended_reference`."""
        return self.encode_voice(blended_reference([prompt.ref_audio for prompt in prompts], weights))

    def prepare(self, request: SpeechRequest, voice: VoicePrompt) -> Utterance:
        """Phonemes and their lengths. A missing seed is drawn here. Raises TextError, OptionError, EngineError."""
        networks = self._open()
        if voice.engine != ENGINE:
            raise EngineError(f"a voice prompt of engine {voice.engine!r} cannot be used with {ENGINE!r}")
        if request.language not in LANGUAGES:
            raise OptionError(f"the built-in voice speaks {', '.join(LANGUAGES)}, not {request.language!r}")
        refuse_options(request.options, UNUSED_OPTIONS)
        state: BuiltinVoice = voice.state
        options, language = request.options, LANGUAGES.index(request.language)
        text = normalize(request.text, request.language) if request.normalize else request.text
        tokens = phoneme_tokens(BOUNDARY + pronounce(networks.g2p, text, request.language) + BOUNDARY)
        ends = phoneme_ends(networks.duration, tokens, language, state.mel, options.speed)
        if options.fix_duration_s is not None:
            check_range("fix_duration_s", options.fix_duration_s, 0.1, MAX_S)
            ends = stretched(ends, options.fix_duration_s)
        n_frames = ends[-1]
        if n_frames > MAX_S * FRAME_RATE:
            raise TextError(
                f"a text of {len(text)} characters would take {n_frames / FRAME_RATE:.0f} s; at most {MAX_S:g} s are "
                "spoken at once, so split it"
            )
        laid = lay_frames(tokens, ends, n_frames).to(self._device)
        prepared = Prepared(
            tokens=laid, language=torch.full_like(laid, language), voice=state.voice, no_voice=state.no_voice
        )
        seed = options.seed if options.seed is not None else secrets.randbits(63)
        return Utterance(text=text, n_frames=n_frames, seed=seed, state=prepared)

    def open_session(self, options: SynthesisOptions) -> FlowSession:
        """A batch; on a CPU it takes more than the one utterance that pays."""
        networks, chosen = self._open(), SolveOptions.of(options)
        most = max(self.info.max_batch, INFO.max_batch)
        return FlowSession(lambda batch: Solve(networks.acoustic, networks.vocoder, batch, chosen), most, self._device)

    def close(self) -> None:
        """Let go of the weights."""
        self._networks = None
        if self._device.type == "cuda":
            torch.cuda.empty_cache()


def loudest_stretch(waveform: Waveform, max_s: float) -> Waveform:
    """The waveform itself, or of a longer one the max_s seconds with the most energy, found in steps of 0.1 s."""
    n, hop = int(max_s * waveform.sample_rate), waveform.sample_rate // 10
    if waveform.n_samples <= n:
        return waveform
    energy = np.concatenate([[0.0], np.cumsum(waveform.samples.astype(np.float64) ** 2)])
    starts = np.arange(0, waveform.n_samples - n + 1, hop)
    best = int(starts[np.argmax(energy[starts + n] - energy[starts])])
    return Waveform(waveform.samples[best : best + n], waveform.sample_rate)
