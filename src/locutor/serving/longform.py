"""A text of any length as utterances of one engine: split, seeded, timed and spoken."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import replace

from locutor.audio.edit import shorten_silence
from locutor.engines.base import Engine, VoicePrompt, synthesize
from locutor.types import SpeechRequest, SynthesisOptions, Waveform


def chunk_seed(seed: int, index: int) -> int:
    """Seed of one chunk: a hash, so that chunks differ from each other and do not depend on how they are batched."""
    digest = hashlib.sha256(f"{seed}:{index}".encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1


def chunk_requests(texts: Sequence[str], request: SpeechRequest, seed: int) -> list[SpeechRequest]:
    """One request per chunk, with its own seed and its share of a fixed duration.

    The shares follow the number of characters and make up for the overlaps, so that the joined audio has the
    duration that was asked for. Silence is shortened after the engine, by `speak_chunks`.
    """
    options = request.options
    durations = _share(options, [len(text) for text in texts])
    return [
        replace(
            request,
            text=text,
            normalize=False,
            options=replace(
                options, seed=chunk_seed(seed, index), fix_duration_s=durations[index], remove_silence=False
            ),
        )
        for index, text in enumerate(texts)
    ]


def _share(options: SynthesisOptions, lengths: Sequence[int]) -> list[float | None]:
    if options.fix_duration_s is None:
        return [None] * len(lengths)
    total_s = options.fix_duration_s + options.cross_fade_s * (len(lengths) - 1)
    return [total_s * length / sum(lengths) for length in lengths]


def speak_chunks(
    engine: Engine, voice: VoicePrompt, requests: Sequence[SpeechRequest], options: SynthesisOptions
) -> Iterator[Waveform]:
    """Audio of each chunk, in order. At most info.max_batch chunks are prepared and on the device at a time."""
    size = engine.info.max_batch
    for start in range(0, len(requests), size):
        utterances = [engine.prepare(request, voice) for request in requests[start : start + size]]
        for waveform in synthesize(engine, utterances, options):
            yield shorten_silence(waveform) if options.remove_silence else waveform
