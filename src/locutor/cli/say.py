"""`locutor say`: a text, a voice, an audio file."""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from locutor.cli.console import progress
from locutor.cli.console import say as remark
from locutor.cli.edge import told
from locutor.cli.output import STDOUT, Output
from locutor.cli.service import local_client, refuse
from locutor.cli.synthesis import Profile, check_options, options_of, takes_options, voice_of
from locutor.cli.text import read_text
from locutor.errors import OptionError

if TYPE_CHECKING:
    from locutor.client import Spoken
    from locutor.serving.recipe import Speech
    from locutor.settings import Settings
    from locutor.types import SpeechRequest
    from locutor.voices.store import Voice


@takes_options
def say(  # typer reads the options off the signature, so they cannot be gathered in a dataclass
    text: Annotated[str, typer.Argument(help="What to say; - reads it from stdin.")],
    voice: Annotated[str | None, typer.Option(help="A voice of `locutor voices list`.")] = None,
    ref_audio: Annotated[Path | None, typer.Option(help="A recording of the voice to clone, 1 to 60 s.")] = None,
    ref_text: Annotated[str | None, typer.Option(help="What is said in the recording, word for word.")] = None,
    lang: Annotated[str | None, typer.Option(help="Language of the text: en, pt-BR, ...")] = None,
    output: Annotated[str, typer.Option("-o", "--output", help="File to write; - for stdout.")] = "out.wav",
    format: Annotated[str | None, typer.Option(help="wav, flac, mp3, ogg, opus; else by the file's name.")] = None,
    profile: Profile = None,
    normalize: Annotated[bool, typer.Option(help="Read numbers, dates and abbreviations as words.")] = True,
    lexicon: Annotated[Path | None, typer.Option(help="A file of pronunciations.")] = None,
    model: Annotated[str | None, typer.Option(help="A model of `locutor models list`.")] = None,
    device: Annotated[str | None, typer.Option(help="auto, cpu, cuda, cuda:N or mps.")] = None,
    use_service: Annotated[
        bool, typer.Option("--use-service", help="Let the local service speak; it is started if none runs.")
    ] = False,
    **options: Any,
) -> None:
    """Say a text in a voice and write it to a file."""
    from locutor.settings import load_settings
    from locutor.text.languages import parse_language
    from locutor.types import SpeechRequest

    given = check_options(options)
    settings = load_settings(voice=voice, lang=lang, lexicon=lexicon, model=model, device=device)
    place = Output.check(output, format)
    said, language = read_text(text), parse_language(settings.lang)
    name = "stdout" if output == STDOUT else output
    if use_service:
        refuse({"--device": device, "--lexicon": lexicon})
        _check_reference(voice, ref_audio, ref_text)
        wanted = given | {"language": language, "normalize": normalize, "quality_profile": profile}
        spoken = _ask(settings, said, ref_audio, ref_text, place.format, wanted)
        place.write_bytes(spoken.audio)
        _report(spoken.recipe, spoken.recipe["warnings"], name)
        return
    chosen = _choose_voice(settings, voice, ref_audio, ref_text)
    request = SpeechRequest(
        text=said, language=language, options=options_of(settings, profile, given), normalize=normalize
    )
    speech = _speak(settings, request, chosen)
    place.write(speech.waveform)
    _report(asdict(speech.recipe), speech.warnings, name)


def _choose_voice(settings: "Settings", voice: str | None, ref_audio: Path | None, ref_text: str | None) -> "Voice":
    from locutor.voices.store import Voice

    _check_reference(voice, ref_audio, ref_text)
    return voice_of(settings) if ref_audio is None else Voice.from_file(ref_audio, ref_text)


def _check_reference(voice: str | None, ref_audio: Path | None, ref_text: str | None) -> None:
    if ref_audio is None and ref_text is not None:
        raise OptionError("--ref-text is the transcript of --ref-audio; give both")
    if ref_audio is not None and voice is not None:
        raise OptionError("give either --voice or --ref-audio, not both")


def _speak(settings: "Settings", request: "SpeechRequest", voice: "Voice") -> "Speech":
    from locutor.bootstrap import local_speech

    speech = local_speech(settings)
    with progress("speaking") as show:
        return speech.speak(request, voice, lambda done, total: show("speaking", done, total))


def _ask(
    settings: "Settings",
    text: str,
    ref_audio: Path | None,
    ref_text: str | None,
    format: str,
    options: dict[str, Any],
) -> "Spoken":
    """The local service's speech."""
    with local_client(settings.data_dir) as client:
        if ref_audio is None:
            return client.speak(text, settings.voice, format=format, model=settings.model, **options)
        return client.speak_as(text, ref_audio, format=format, ref_text=ref_text, model=settings.model, **options)


def _report(recipe: dict[str, Any], warnings: Sequence[str], place: str) -> None:
    use = "commercial use allowed" if recipe["commercial_use"] else "no commercial use"
    remark(f"{place}: {recipe['duration_s']:.2f} s, RTF {recipe['rtf']:.2f} on {recipe['device']}")
    seed = recipe["options"]["seed"]
    remark(f"voice {recipe['voice']}, model {recipe['model']} ({recipe['licence']}, {use}), seed {seed}")
    for warning in warnings:
        remark(f"note: {told(warning)}")
