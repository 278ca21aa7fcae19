"""Second step: sources into clips, each measured and compared with the speaker's others."""

from dataclasses import asdict

import numpy as np

from locutor.analysis.quality import measure
from locutor.analysis.vad import SAMPLE_RATE, SpeechSpan, VoiceDetector
from locutor.audio.reference import frame_levels
from locutor.audio.resample import resample
from locutor.datasets.consistency import WindowEncoder, measure_speakers
from locutor.datasets.dataset import Dataset
from locutor.datasets.edges import widened
from locutor.datasets.manifest import Clip, Measures, Source
from locutor.datasets.memo import Memo, key_of
from locutor.datasets.pauses import (
    Quietest,
    SegmentOptions,
    Stretch,
    cue_atoms,
    speech_atoms,
    stretches,
    whole_atom,
)
from locutor.datasets.sound import source_sound
from locutor.datasets.watch import UNWATCHED, Watch
from locutor.errors import LocutorError, StorageError
from locutor.types import Waveform

_VERSION = 4
_FRAME_S = 0.02


def segment(
    dataset: Dataset,
    vad: VoiceDetector,
    encoder: WindowEncoder | None,
    options: SegmentOptions | None = None,
    *,
    watch: Watch = UNWATCHED,
) -> list[Clip]:
    """Cut every source at pauses and measure the clips. encoder: None leaves the comparison of voices out.

    A source with a text for all of it stays one clip, without the silence around it. A source in which nobody speaks
    gives one clip, which the filter will drop. Raises NotFoundError before the import, CancelledError.
    """
    options = options or SegmentOptions()
    sources = [source for source in dataset.sources() if not source.error]
    clips: list[Clip] = []
    with Memo(dataset.work("segment.memo.jsonl"), Clip) as memo:
        for source in watch.each("segment", sources):
            key = key_of("segment", _VERSION, source.id, source.text, _cues(source), asdict(options))
            found = memo.get(key)
            if found is None:
                found = _clips_or_error(dataset, source, vad, options)
                memo.put(key, found)
            clips += [clip.model_copy(update={"speaker": source.speaker}) for clip in found]
    if encoder:
        clips = _compared(dataset, clips, encoder, watch)
    dataset.write_clips("segment", clips)
    return clips


def _compared(dataset: Dataset, clips: list[Clip], encoder: WindowEncoder, watch: Watch) -> list[Clip]:
    """The clips with how alike their voices are."""
    voiced = [clip for clip in clips if clip.measures is not None and clip.measures.speech_s > 0]
    alike = measure_speakers(dataset, voiced, encoder, watch)
    found = []
    for clip in clips:
        if clip.id in alike and clip.measures is not None:
            figures = {"speaker_similarity": alike[clip.id][0], "worst_similarity": alike[clip.id][1]}
            clip = clip.model_copy(update={"measures": clip.measures.model_copy(update=figures)})
        found.append(clip)
    return found


def _cues(source: Source) -> list[object]:
    return [cue.model_dump() for cue in source.cues]


def _clips_or_error(dataset: Dataset, source: Source, vad: VoiceDetector, options: SegmentOptions) -> list[Clip]:
    try:
        return _clips(source, source_sound(dataset, source), vad, options)
    except StorageError:
        raise
    except LocutorError as error:
        whole = _clip(source, Stretch(0.0, source.duration_s, source.text, is_cut=False))
        return [whole.model_copy(update={"error": str(error)})]


def _clips(source: Source, waveform: Waveform, vad: VoiceDetector, options: SegmentOptions) -> list[Clip]:
    speech = widened(waveform, vad.speech(resample(waveform, SAMPLE_RATE)))
    if source.text is not None:
        atoms = whole_atom(speech, source.text)
    elif source.cues:
        atoms = cue_atoms(speech, source.cues)
    else:
        atoms = speech_atoms(speech, options, _quietest(waveform))
    found = stretches(atoms, waveform.duration_s, options)
    silent = [Stretch(0.0, waveform.duration_s, source.text, is_cut=False)]
    return [_measured(_clip(source, stretch), waveform, speech) for stretch in found or silent]


def _clip(source: Source, stretch: Stretch) -> Clip:
    start_s, end_s = round(stretch.start_s, 3), round(stretch.end_s, 3)
    return Clip(
        id=f"{source.id}-{round(start_s * 1000):07d}-{round(end_s * 1000):07d}",
        source=source.id,
        start_s=start_s,
        end_s=end_s,
        is_cut=stretch.is_cut,
        given=stretch.text,
    )


def _measured(clip: Clip, waveform: Waveform, speech: list[SpeechSpan]) -> Clip:
    rate = waveform.sample_rate
    part = Waveform(waveform.samples[round(clip.start_s * rate) : round(clip.end_s * rate)], rate)
    inside = [
        SpeechSpan(max(span.start_s, clip.start_s) - clip.start_s, min(span.end_s, clip.end_s) - clip.start_s)
        for span in speech
        if span.start_s < clip.end_s and span.end_s > clip.start_s
    ]
    return clip.model_copy(update={"measures": Measures(**asdict(measure(part, inside)))})


def _quietest(waveform: Waveform) -> Quietest:
    """Looks for the middle of the 60 ms with the least energy."""

    def at(low_s: float, high_s: float) -> float:
        rate = waveform.sample_rate
        part = Waveform(waveform.samples[round(low_s * rate) : round(high_s * rate)], rate)
        levels = frame_levels(part)
        if levels.size < 3:
            return low_s
        energy = np.convolve(10 ** (levels / 10), np.ones(3), mode="valid")
        return float(low_s + (int(energy.argmin()) + 1.5) * _FRAME_S)

    return at
