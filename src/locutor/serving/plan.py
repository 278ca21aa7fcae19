"""From a request to what an engine is asked for: language checked, text as words, chunks with their seeds."""

import secrets
from dataclasses import dataclass, replace

from locutor.engines.base import EngineInfo
from locutor.errors import OptionError, TextError
from locutor.serving.longform import chunk_requests
from locutor.text.languages import LANGUAGES, parse_language
from locutor.text.lexicon import Lexicon
from locutor.text.normalize import normalize
from locutor.text.split import chunk
from locutor.types import SpeechRequest

EARLY_CHARS = 32  # length of the first piece of a long text whose first sound is waited for


@dataclass(frozen=True)
class Plan:
    """A request made ready: its chunks, with the seed drawn."""

    request: SpeechRequest
    spoken: str
    chunks: list[SpeechRequest]


def plan_speech(
    request: SpeechRequest, info: EngineInfo, model: str, lexicon: Lexicon | None = None, *, early: bool = False
) -> Plan:
    """early: of a text of several chunks the first is parted, so that its sound is there soon.

    Raises TextError when nothing can be spoken, OptionError for a language that the model does not speak.
    """
    language = _language(request.language, info, model)
    spoken = _spoken(request, language, info, lexicon)
    if not can_be_said(spoken):
        raise TextError(f"nothing to speak in {shown(request.text)}: give a text with letters or numbers")
    drawn = request.options.seed if request.options.seed is not None else secrets.randbelow(2**32)
    seeded = replace(request, language=language, options=replace(request.options, seed=drawn))
    limit = info.char_limit(language)
    texts = chunk(spoken, language, limit)
    if early and len(texts) > 1:
        texts = _early(texts, language, limit)
    # A line of dashes between two paragraphs is a chunk of its own, and no engine can say it.
    texts = [text for text in texts if can_be_said(text)]
    return Plan(seeded, spoken, chunk_requests(texts, seeded, drawn))


def _early(texts: list[str], language: str, max_chars: int) -> list[str]:
    """The first chunk parted: its first piece has at most EARLY_CHARS, and each further one at most twice as many as
    the one before, so that it is spoken while that one is heard by a model that needs half the time."""
    pieces: list[str] = []
    rest, most = texts[0], EARLY_CHARS
    while rest:
        piece = chunk(rest, language, min(most, max_chars))[0]
        if not rest.startswith(piece):  # sentences that were parted by something other than one space
            return texts
        pieces.append(piece)
        rest, most = rest.removeprefix(piece).strip(), 2 * most
    return [*pieces, *texts[1:]]


def _language(tag: str, info: EngineInfo, model: str) -> str:
    language = parse_language(tag)
    if language not in info.languages:
        raise OptionError(f"model {model!r} does not speak {language}; it speaks {', '.join(info.languages)}")
    return language


def _spoken(request: SpeechRequest, language: str, info: EngineInfo, lexicon: Lexicon | None) -> str:
    spoken = _as_words(request, language, info, lexicon)
    if lexicon and info.reads_phonemes:
        return lexicon.write_phonemes(spoken, language)
    return spoken


def _as_words(request: SpeechRequest, language: str, info: EngineInfo, lexicon: Lexicon | None) -> str:
    has_normalizer = LANGUAGES[language].has_normalizer
    if not request.normalize or (info.cleans_text and not has_normalizer):
        return lexicon.apply(request.text, language) if lexicon else request.text
    if not has_normalizer:
        raise OptionError(
            f"numbers and abbreviations cannot be read out in {language} yet; write them as words and ask for "
            "the text as it is (--no-normalize)"
        )
    return normalize(request.text, language, lexicon)


def can_be_said(text: str) -> bool:
    return any(char.isalnum() for char in text)


def shown(text: str) -> str:
    """The text, cut short, for a message."""
    return repr(text if len(text) <= 40 else f"{text[:40]}...")
