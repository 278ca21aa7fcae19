"""`locutor evaluate`: let a model speak the test texts, listen, and report."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from locutor.cli.console import console, progress
from locutor.cli.console import say as remark
from locutor.cli.synthesis import Profile, check_options, options_of, takes_options, voice_of
from locutor.errors import MissingExtraError, NotFoundError, OptionError

if TYPE_CHECKING:
    from locutor.evaluation.evaluate import Listeners, Speak
    from locutor.settings import Settings
    from locutor.types import SynthesisOptions, Waveform
    from locutor.voices.store import Voice


@takes_options
def evaluate(  # typer reads the options off the signature, so they cannot be gathered in a dataclass
    lang: Annotated[str | None, typer.Option(help="Language of the test texts: en or pt-BR.")] = None,
    model: Annotated[str | None, typer.Option(help="A model of `locutor models list`.")] = None,
    voice: Annotated[str | None, typer.Option(help="A voice of `locutor voices list`.")] = None,
    device: Annotated[str | None, typer.Option(help="auto, cpu, cuda, cuda:N or mps.")] = None,
    references: Annotated[
        Path | None, typer.Option(help="Folder of recordings: every text is spoken in the next one's voice.")
    ] = None,
    profile: Profile = None,
    limit: Annotated[int | None, typer.Option(min=1, help="Only the first N texts.")] = None,
    seed: Annotated[int, typer.Option(help="Seed of every text.")] = 0,
    audio: Annotated[Path | None, typer.Option(help="Judge NAME.wav files of this folder instead of a model.")] = None,
    save: Annotated[Path | None, typer.Option(help="Keep the speech in this folder.")] = None,
    json: Annotated[Path | None, typer.Option(help="Write all figures to this file.")] = None,
    **options: Any,
) -> None:
    """Measure a model on the fixed test texts: word and character errors, similarity, naturalness, speed."""
    from locutor.audio.files import replacing
    from locutor.bootstrap import find_voice, voice_store
    from locutor.evaluation.evaluate import evaluate as measure
    from locutor.evaluation.evaluate import items_of, speak_files
    from locutor.settings import load_settings
    from locutor.text.languages import parse_language

    given = check_options(options | {"seed": seed})
    if audio:
        _refuse_unused(options | {"profile": profile, "model": model, "device": device})
    settings = load_settings(lang=lang, model=model, voice=voice, device=device)
    for folder in filter(None, (audio, save, references, json.parent if json else None)):
        if not folder.is_dir():
            raise NotFoundError(f"there is no folder {folder}")
    if references:
        voices, others = recordings(references), []
    else:  # what speaks must be able to speak in the voice
        voices = [find_voice(settings, settings.voice) if audio else voice_of(settings)]
        others = voice_store(settings).list()
    items = items_of(parse_language(settings.lang), [voice.id for voice in voices])[:limit]
    how = options_of(settings, profile, given)
    listeners = load_listeners()
    if listeners.transcriber is None:
        raise MissingExtraError("faster-whisper", "asr")
    speak = speak_files(audio) if audio else _speaker(settings, voices, how)
    with progress("evaluating") as show:
        done = iter(range(1, len(items) + 1))
        report = measure(
            speak,
            items,
            listeners,
            references=_references(voices, others) if listeners.encoder else {},
            save_dir=save,
            on_result=lambda result: show(result.item.name, next(done), len(items)),
        )
    console().print(report.table())
    if json:
        with replacing(json) as file:
            file.write(report.to_json().encode())


def _refuse_unused(options: dict[str, Any]) -> None:
    unused = [f"--{name.replace('_', '-')}" for name, value in options.items() if value is not None]
    if unused:
        raise OptionError(f"--audio judges recordings, which nothing speaks anew: leave out {', '.join(unused)}")


def load_listeners() -> "Listeners":
    """Those that are not installed are left out, and said so."""
    from locutor.evaluation.listeners import load

    return load(lambda error: remark(f"note: left out of the report: {error}"))


def recordings(folder: Path) -> "list[Voice]":
    """Every audio file of a folder as a voice, in the order of their names."""
    from locutor.audio.formats import FORMATS
    from locutor.voices.store import Voice

    suffixes = sorted({f.suffix for f in FORMATS.values()})
    files = sorted(p for p in folder.iterdir() if p.suffix.lower() in suffixes)
    if not files:
        raise NotFoundError(f"there are no recordings ({', '.join(suffixes)}) in {folder}")
    return [Voice.from_file(path) for path in files]


def _speaker(settings: "Settings", voices: "list[Voice]", options: "SynthesisOptions") -> "Speak":
    from locutor.bootstrap import local_speech
    from locutor.types import SpeechRequest

    speech = local_speech(settings)
    by_id = {voice.id: voice for voice in voices}
    return lambda item: (
        speech.speak(SpeechRequest(text=item.text, language=item.language, options=options), by_id[item.voice]).waveform
    )


def _references(voices: "list[Voice]", others: "list[Voice]") -> "dict[str, Waveform]":
    """Recordings of the voices and of others, by id; none where a voice has no recording of its own, which is said."""
    from locutor.audio import io

    unrecorded = [voice.id for voice in voices if voice.ref_audio is None or voice.blend]
    if unrecorded:
        remark(f"note: left out of the report: similarity, for {', '.join(unrecorded)} has no recording of its own")
        return {}
    return {voice.id: io.read(voice.recording) for voice in (*others, *voices)}
