"""The state of one call while a device speaks it: which chunks are prepared, spoken, handed on."""

from dataclasses import dataclass, field

from locutor.audio.edit import shorten_silence
from locutor.serving.backend import Spoken
from locutor.serving.executor import ChunkReady, Planned, Sink, Work
from locutor.serving.models import LoadedModel
from locutor.serving.plan import plan_speech
from locutor.types import SpeechRequest, Waveform
from locutor.voices.store import Voice

PIECES_AHEAD = 2  # batches of one call that may wait at a time, so that a long text does not fill the queue


@dataclass(frozen=True)
class Chunk:
    """One utterance to be. part: its place in the call; shorten: cut its long pauses afterwards."""

    part: int
    request: SpeechRequest
    voice: Voice
    shorten: bool


@dataclass
class RunningCall:
    """next: the chunk to prepare next; waiting_items: chunk -> scheduler's id of those that
    are scheduled or on the device; spoken: those that are done
    and wait for an earlier one; n_sent: handed to the sink; n_fetched: taken by whoever listens; held_since: when
    everything that may be spoken ahead of the listener was, None while there is something to do."""

    id: int
    model: LoadedModel
    work: Work
    chunks: list[Chunk]
    deadline: float
    sink: Sink
    next: int = 0
    waiting_items: dict[int, int] = field(default_factory=dict)
    spoken: dict[int, Waveform] = field(default_factory=dict)
    n_sent: int = 0
    n_fetched: int = 0
    held_since: float | None = None
    warnings: dict[str, None] = field(default_factory=dict)

    @property
    def is_done(self) -> bool:
        return self.n_sent == len(self.chunks)

    def may_prepare(self) -> bool:
        """The first chunk of an urgent call goes alone; of any other, a few batches; never too far ahead of who
        listens."""
        if self.next == len(self.chunks):
            return False
        if self.work.early and self.n_sent == 0:
            return self.next == 0
        if self._is_ahead:
            return False
        return len(self.waiting_items) + len(self.spoken) < PIECES_AHEAD * self.model.engine.info.max_batch

    @property
    def _is_ahead(self) -> bool:
        return self.work.max_ahead is not None and self.next - self.n_fetched >= self.work.max_ahead

    def is_late(self, at: float) -> bool:
        """Whether its time is over. Time that it waits for its own listener does not count, unless the listener takes
        nothing for as long as the whole call may last."""
        if self.held_since is not None:
            return at > self.held_since + self.work.timeout_s
        return at > self.deadline

    def fetch(self, at: float) -> None:
        """The listener has taken one more chunk."""
        self.n_fetched += 1
        if self.held_since is not None:
            self.deadline += at - self.held_since
            self._note_hold(at)

    def _note_hold(self, at: float) -> None:
        is_held = self._is_ahead and not self.waiting_items and self.next < len(self.chunks)
        self.held_since = at if is_held else None

    def speak(self, index: int, waveform: Waveform, at: float) -> None:
        """Take the audio of a chunk, and hand on what is next in the text's order."""
        self.waiting_items.pop(index, None)
        self.spoken[index] = shorten_silence(waveform) if self.chunks[index].shorten else waveform
        while self.n_sent in self.spoken:
            self.sink(ChunkReady(self.chunks[self.n_sent].part, self.spoken.pop(self.n_sent)))
            self.n_sent += 1
        self._note_hold(at)


def plan_call(work: Work, model: LoadedModel) -> tuple[Planned, list[Chunk]]:
    """Text as words and chunks, for every part. Raises TextError, OptionError."""
    chunks: list[Chunk] = []
    spoken: list[str] = []
    info, card = model.engine.info, model.checkpoint.card
    early = work.early
    for index, part in enumerate(work.parts):
        if isinstance(part, Spoken):
            plan = plan_speech(part.request, info, card.id, model.lexicon, early=early)
            shorten = part.request.options.remove_silence
            chunks += [Chunk(index, request, part.voice, shorten) for request in plan.chunks]
            spoken.append(plan.spoken)
            early = False
    recipe = {
        "model": card.id,
        "engine": info.name,
        "checkpoint_sha256": model.checkpoint.sha256,
        "device": model.device,
        "licence": card.licence,
        "commercial_use": card.commercial_use,
        "spoken": "\n".join(spoken),
        "n_chunks": len(chunks),
    }
    return Planned(n_chunks=len(chunks), sample_rate=info.sample_rate, recipe=recipe), chunks
