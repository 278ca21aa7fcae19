"""Which clips are good enough, and what is wrong with the others. Pure functions of a clip's figures."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

from locutor.datasets.manifest import Clip, Measures, Problem
from locutor.types import check_range

HOPELESS = 10.0  # severity of what no limit can mend


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What a clip must keep to. The figures are explained in locutor.analysis.quality and manifest.Measures.

    max_cer: character error rate between the given text and what was heard. min_word_probability: mean, of clips
    without a given text. min_chars_per_s, max_chars_per_s: of speech. Similarities are cosines.
    """

    min_duration_s: float = 1.0
    max_duration_s: float = 20.0
    min_level_dbfs: float = -45.0
    min_snr_db: float = 10.0
    max_clipped_ratio: float = 0.002
    min_bandwidth_hz: float = 3500.0
    max_pause_s: float = 2.0
    min_speech_share: float = 0.35
    max_edge_db: float = -20.0
    max_burst_s: float = 0.03
    min_speaker_similarity: float = 0.75
    min_worst_similarity: float = 0.66
    max_cer: float = 0.15
    min_word_probability: float = 0.5
    min_chars_per_s: float = 4.0
    max_chars_per_s: float = 30.0

    def __post_init__(self) -> None:
        check_range("min_duration_s", self.min_duration_s, 0, 60)
        check_range("max_duration_s", self.max_duration_s, self.min_duration_s, 600)
        check_range("min_level_dbfs", self.min_level_dbfs, -100, 0)
        check_range("min_snr_db", self.min_snr_db, -20, 100)
        check_range("max_clipped_ratio", self.max_clipped_ratio, 0, 1)
        check_range("min_bandwidth_hz", self.min_bandwidth_hz, 0, 24_000)
        check_range("max_pause_s", self.max_pause_s, 0, 60)
        check_range("min_speech_share", self.min_speech_share, 0, 1)
        check_range("max_edge_db", self.max_edge_db, -100, 100)
        check_range("max_burst_s", self.max_burst_s, 0, 60)
        check_range("min_speaker_similarity", self.min_speaker_similarity, -1, 1)
        check_range("min_worst_similarity", self.min_worst_similarity, -1, 1)
        check_range("max_cer", self.max_cer, 0, 10)
        check_range("min_word_probability", self.min_word_probability, 0, 1)
        check_range("min_chars_per_s", self.min_chars_per_s, 0, 100)
        check_range("max_chars_per_s", self.max_chars_per_s, self.min_chars_per_s, 1000)


def sound_problems(clip: Clip, limits: Limits) -> list[Problem]:
    """What is wrong with a clip whatever it says: length, level, noise, clipping, band, pauses, cut edges."""
    found = list(_length_problems(clip, limits))
    if clip.measures is not None:
        found += _measured_problems(clip.measures, clip, limits)
    return found


def speaker_problems(clip: Clip, limits: Limits) -> list[Problem]:
    """Whether another voice than the speaker's is in it."""
    figures = clip.measures
    if figures is None or figures.speaker_similarity is None or figures.worst_similarity is None:
        return []
    found = []
    if figures.speaker_similarity < limits.min_speaker_similarity:
        found.append(_below("speaker", figures.speaker_similarity, limits.min_speaker_similarity, 0.2,
                            "the voice is not that of the others (similarity {:.2f}, limit {:.2f})"))  # fmt: skip
    if figures.worst_similarity < limits.min_worst_similarity:
        found.append(_below("speaker", figures.worst_similarity, limits.min_worst_similarity, 0.2,
                            "a part is in another voice (similarity {:.2f}, limit {:.2f})"))  # fmt: skip
    return found


def text_problems(clip: Clip, limits: Limits) -> list[Problem]:
    """Whether the text is what is said. A text written by hand is believed."""
    if clip.edited:
        return []
    heard = clip.heard
    if heard is None:
        return [_not_transcribed(clip)]
    if not _has_words(heard.text):
        return [Problem(check="words", severity=HOPELESS, sentence="no words were heard")]
    found = []
    if heard.is_loop:
        found.append(Problem(check="loop", severity=HOPELESS, sentence="the recogniser repeated itself"))
    if heard.cer is not None and heard.cer > limits.max_cer:
        found.append(_above("text", heard.cer, limits.max_cer, limits.max_cer,
                            "the text is not what was heard (character errors {:.0%}, at most {:.0%})"))  # fmt: skip
    probability = sum(w.probability for w in heard.words) / len(heard.words) if heard.words else 1.0
    if clip.given is None and probability < limits.min_word_probability:
        found.append(_below("words", probability, limits.min_word_probability, 0.2,
                            "the recogniser is unsure of the words (probability {:.2f}, limit {:.2f})"))  # fmt: skip
    return found


def missing_text(clip: Clip) -> list[Problem]:
    """Whether there is no word to learn in it, so that even a clip kept by hand stays out; clip.text must be final."""
    if _has_words(clip.text):
        return []
    sentence = "it has no text; write one" if clip.heard else "it has no text; transcribe again, or write one"
    return [Problem(check="words", severity=HOPELESS, sentence=sentence)]


def pace_problems(clip: Clip, limits: Limits) -> list[Problem]:
    """Whether the text can be said in the time; clip.text must be final. A text written by hand is believed.

    Of a clip that was not transcribed text_problems tells, and that its text is short for it says no more.
    """
    if clip.edited or clip.heard is None or clip.measures is None or clip.measures.speech_s == 0:
        return []
    pace = len(clip.text) / clip.measures.speech_s
    if pace > limits.max_chars_per_s:
        return [_above("pace", pace, limits.max_chars_per_s, limits.max_chars_per_s,
                       "too much text for the speech ({:.1f} characters a second, at most {:g})")]  # fmt: skip
    if pace < limits.min_chars_per_s:
        return [_below("pace", pace, limits.min_chars_per_s, limits.min_chars_per_s,
                       "too little text for the speech ({:.1f} characters a second, at least {:g})")]  # fmt: skip
    return []


def _not_transcribed(clip: Clip) -> Problem:
    """Transcribing skips what is beyond its limits, and those were not always the ones of now."""
    sentence = "it was not transcribed"
    if clip.error is None:
        sentence = "it was not transcribed; transcribe again with the limits of this filter"
    return Problem(check="transcript", severity=HOPELESS, sentence=sentence)


def _has_words(text: str) -> bool:
    return any(char.isalnum() for char in text)


def _length_problems(clip: Clip, limits: Limits) -> Iterator[Problem]:
    if clip.duration_s < limits.min_duration_s:
        yield _below("length", clip.duration_s, limits.min_duration_s, limits.min_duration_s,
                     "it lasts {:.2f} s, at least {:g} s is needed")  # fmt: skip
    if clip.duration_s > limits.max_duration_s:
        yield _above("length", clip.duration_s, limits.max_duration_s, limits.max_duration_s,
                     "it lasts {:.1f} s, at most {:g} s is allowed")  # fmt: skip


def _measured_problems(figures: Measures, clip: Clip, limits: Limits) -> Iterator[Problem]:
    if figures.speech_s == 0:
        yield Problem(check="silence", severity=HOPELESS, sentence="nobody speaks in it")
        return
    share = figures.speech_s / clip.duration_s
    if share < limits.min_speech_share:
        yield _below("silence", share, limits.min_speech_share, limits.min_speech_share,
                     "somebody speaks in {:.0%} of it, at least {:.0%} is needed")  # fmt: skip
    if figures.longest_pause_s > limits.max_pause_s:
        yield _above("silence", figures.longest_pause_s, limits.max_pause_s, limits.max_pause_s,
                     "nobody speaks for {:.1f} s, at most {:g} s is allowed")  # fmt: skip
    if figures.level_dbfs < limits.min_level_dbfs:
        yield _below("level", figures.level_dbfs, limits.min_level_dbfs, 10,
                     "speech is at {:.0f} dBFS, at least {:g} dBFS is needed")  # fmt: skip
    if figures.snr_db < limits.min_snr_db:
        yield _below("noise", figures.snr_db, limits.min_snr_db, 10,
                     "speech is {:.1f} dB above the noise, at least {:g} dB is needed")  # fmt: skip
    if figures.clipped_ratio > limits.max_clipped_ratio:
        octaves = math.log2(figures.clipped_ratio / max(limits.max_clipped_ratio, 1e-6))
        sentence = f"{figures.clipped_ratio:.2%} of it is clipped, at most {limits.max_clipped_ratio:.2%} is allowed"
        yield Problem(check="clipping", severity=octaves, sentence=sentence)
    if figures.burst_s > limits.max_burst_s:
        yield _above("damage", figures.burst_s, limits.max_burst_s, limits.max_burst_s,
                     "for {:.2f} s it is as loud as can be, and noise; at most {:g} s is allowed")  # fmt: skip
    if figures.bandwidth_hz < limits.min_bandwidth_hz:
        yield _below("band", figures.bandwidth_hz, limits.min_bandwidth_hz, limits.min_bandwidth_hz,
                     "there is no sound above {:.0f} Hz, at least {:g} Hz is needed")  # fmt: skip
    if figures.edge_db > limits.max_edge_db:
        yield _above("cut", figures.edge_db, limits.max_edge_db, 20,
                     "it begins or ends inside a word (edge at {:.0f} dB of the speech, at most {:g} dB)")  # fmt: skip
    elif clip.is_cut:
        yield Problem(check="cut", severity=0.5, sentence="it was cut inside speech: there was no pause")


def _below(check: str, value: float, limit: float, scale: float, sentence: str) -> Problem:
    return Problem(check=check, severity=(limit - value) / max(scale, 1e-6), sentence=sentence.format(value, limit))


def _above(check: str, value: float, limit: float, scale: float, sentence: str) -> Problem:
    return Problem(check=check, severity=(value - limit) / max(scale, 1e-6), sentence=sentence.format(value, limit))
