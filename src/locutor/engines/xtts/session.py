"""One batch of XTTS utterances on the device: joined and left at any step, each streamed as it is spoken."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import torch
from torch import Tensor

from locutor.engines.base import AudioChunk, Done, Event, Failed, Utterance, UtteranceId
from locutor.engines.device import current_device
from locutor.engines.xtts.config import OUTPUT_SAMPLE_RATE
from locutor.engines.xtts.decoder import Decoder, Start
from locutor.engines.xtts.ending import QuietGate, attempt_seed, ended_well
from locutor.engines.xtts.hifigan import receptive_frames
from locutor.engines.xtts.network import Xtts
from locutor.engines.xtts.sampling import SamplingOptions
from locutor.engines.xtts.vocode import FrameStream, Vocoder, Window, vocode
from locutor.engines.xtts.voice import XttsVoice
from locutor.errors import EngineError, LocutorError
from locutor.types import Waveform

FIRST_CODES = 8  # heard after a third of a second of speech is made
LATER_CODES = 48


@dataclass(frozen=True, kw_only=True)
class Part:
    """A stretch of text that fits the model. expected_codes: beyond these it should long have ended."""

    tokens: tuple[int, ...]
    expected_codes: float


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """An utterance's own state. More than one part only where a text has more tokens than the model takes."""

    parts: tuple[Part, ...]
    voice: XttsVoice
    options: SamplingOptions
    speed: float


@dataclass
class _Speaking:
    """An utterance on its way: which part, which attempt, what is not yet vocoded."""

    id: UtteranceId
    prepared: Prepared
    seed: int
    stream: FrameStream
    gate: QuietGate
    part: int = 0
    attempt: int = 0
    n_codes: int = 0
    n_due: int = FIRST_CODES
    error: LocutorError | None = None
    states: list[Tensor] = field(default_factory=list)  # (n, d) each, not yet vocoded
    trial: list[Tensor] = field(default_factory=list)  # audio of an attempt that may be thrown away
    is_heard: bool = False  # of this part or one before

    @property
    def now(self) -> Part:
        return self.prepared.parts[self.part]

    @property
    def n_waiting(self) -> int:
        return sum(len(states) for states in self.states)

    def take(self) -> Tensor:
        states = torch.cat(self.states)
        self.states.clear()
        return states


class XttsSession:
    """Takes up to the decoder's rows at a time; admit whenever there is room. One thread drives it."""

    def __init__(self, network: Xtts, decoder: Decoder, vocoder: Vocoder) -> None:
        """The decoder must have no rows in use."""
        self._network, self._decoder, self._vocoder = network, decoder, vocoder
        self._reach, self._device = receptive_frames(network.config), network.gpt.mel_head.weight.device
        self._waiting: list[_Speaking] = []
        self._rows: list[_Speaking] = []  # by row of the decoder
        self._n_admitted = 0

    def admit(self, utterance: Utterance) -> UtteranceId:
        if len(self._rows) + len(self._waiting) == self._decoder.max_rows:
            raise EngineError(f"this batch is full: it takes {self._decoder.max_rows} utterances at a time")
        self._n_admitted += 1
        self._waiting.append(self._begin(self._n_admitted, utterance.state, utterance.seed))
        return self._n_admitted

    def _begin(self, i: UtteranceId, prepared: Prepared, seed: int) -> _Speaking:
        return _Speaking(i, prepared, seed, FrameStream(prepared.speed, self._reach), QuietGate())

    def _again(self, speaking: _Speaking, part: int, attempt: int) -> _Speaking:
        begun = self._begin(speaking.id, speaking.prepared, speaking.seed)
        begun.part, begun.attempt, begun.is_heard = part, attempt, speaking.is_heard
        return begun

    def cancel(self, utterance: UtteranceId) -> None:
        self._waiting = [s for s in self._waiting if s.id != utterance]
        for row, speaking in enumerate(self._rows):
            if speaking.id == utterance:
                self._leave(row)
                return

    @torch.inference_mode()
    def step(self) -> list[Event]:
        """A few codes of each utterance, and the audio that they complete."""
        if not self._rows and not self._waiting:
            return []
        try:
            with current_device(self._device):
                return list(self._advance())
        except torch.OutOfMemoryError:
            return self._all_failed()

    def _all_failed(self) -> list[Event]:
        speaking = [*self._rows, *self._waiting]
        error = EngineError(f"out of memory with {len(speaking)} utterances; use smaller batches")
        while self._rows:
            self._leave(len(self._rows) - 1)
        self._waiting.clear()
        return [Failed(s.id, error) for s in speaking]

    def _advance(self) -> Iterator[Event]:
        if self._waiting:
            self._decoder.admit([self._start(s) for s in self._waiting])
            self._rows += self._waiting
            self._waiting = []
        made = self._decoder.run()
        rows = zip(self._rows, made.codes.tolist(), made.states, strict=True)
        ended = {row for row, (s, codes, states) in enumerate(rows) if self._collect(s, codes, states)}
        due = [r for r, s in enumerate(self._rows) if r in ended or s.n_waiting >= s.n_due]
        for row, samples in self._vocode(due, ended):
            if self._is_over(self._rows[row], samples):
                ended.add(row)
            yield from self._heard(self._rows[row], samples)
        yield from self._end(ended)

    def _end(self, ended: set[int]) -> Iterator[Event]:
        again = []
        for row in sorted(ended, reverse=True):
            speaking = self._rows[row]
            self._leave(row)
            events, following = self._follow(speaking)
            yield from events
            again += [following] if following else []
        self._waiting += reversed(again)

    def _start(self, speaking: _Speaking) -> Start:
        part, voice = speaking.now, speaking.prepared.voice
        tokens = torch.tensor(part.tokens, device=self._network.device)
        prompt = self._network.gpt.prompt(voice.latents.to(self._network.device), tokens)
        seed = attempt_seed(speaking.seed, speaking.part, speaking.attempt)
        options = speaking.prepared.options
        return Start(prompt=prompt, seed=seed, options=options, expected_codes=part.expected_codes)

    def _collect(self, speaking: _Speaking, codes: list[int], states: Tensor) -> bool:
        """Keep the states up to the stop code, whose own is spoken too; whether the part has ended."""
        config = self._network.config
        n = min(len(codes), config.max_codes - speaking.n_codes)
        stops = config.stop_audio_token in codes[:n]
        if stops:
            n = codes.index(config.stop_audio_token) + 1
        speaking.states.append(states[:n])
        speaking.n_codes += n
        speaking.gate.stopped = stops
        return stops or speaking.n_codes == config.max_codes

    def _vocode(self, rows: list[int], ended: set[int]) -> Iterator[tuple[int, Tensor]]:
        windows: dict[int, Window] = {}
        for row in rows:
            speaking = self._rows[row]
            window = speaking.stream.push(speaking.take(), row in ended)
            speaking.n_due = LATER_CODES
            if window is not None:
                windows[row] = window
        speakers = [self._rows[row].prepared.voice.speaker.to(self._network.device) for row in windows]
        if not windows:
            return
        pieces = vocode(self._vocoder, list(windows.values()), speakers)
        samples = torch.split(torch.cat(pieces).float().cpu(), [len(piece) for piece in pieces])  # one copy
        yield from zip(windows, samples, strict=True)

    def _is_over(self, speaking: _Speaking, samples: Tensor) -> bool:
        """Whether there is nothing more to hear though no stop code came: a run-on into silence, or a failure."""
        if not torch.isfinite(samples).all():
            speaking.error = EngineError("the network gave NaN or infinite values; try another seed")
            return True
        late = speaking.prepared.options.stop_bias > 0 and speaking.n_codes > speaking.now.expected_codes
        return speaking.gate.closes(samples, late)

    def _heard(self, speaking: _Speaking, samples: Tensor) -> Iterator[Event]:
        if speaking.error:
            return
        samples = samples[: speaking.gate.n_kept]
        speaking.is_heard |= len(samples) > 0
        if speaking.prepared.options.retries:
            speaking.trial.append(samples)
        else:
            yield _chunk(speaking.id, samples)

    def _leave(self, row: int) -> None:
        if self._decoder.release(row) is not None:
            self._rows[row] = self._rows[-1]
        self._rows.pop()

    def _follow(self, speaking: _Speaking) -> tuple[list[Event], _Speaking | None]:
        """What comes after a part: another attempt at it, the next one, or the end."""
        prepared, part, attempt = speaking.prepared, speaking.part, speaking.attempt
        if speaking.error:
            return [Failed(speaking.id, speaking.error)], None
        good = ended_well(speaking.n_codes, speaking.now.expected_codes, speaking.gate.stopped)
        if not good and attempt < prepared.options.retries:
            return [], self._again(speaking, part, attempt + 1)
        events: list[Event] = [_chunk(speaking.id, torch.cat(speaking.trial))] if speaking.trial else []
        if part + 1 < len(prepared.parts):
            return events, self._again(speaking, part + 1, 0)
        if not speaking.is_heard:
            return [Failed(speaking.id, EngineError("the model spoke nothing; try another seed"))], None
        return [*events, Done(speaking.id)], None


def _chunk(i: UtteranceId, samples: Tensor) -> AudioChunk:
    return AudioChunk(i, Waveform(samples.float().cpu().numpy(), OUTPUT_SAMPLE_RATE))
