"""`locutor say`: a text, a voice, an audio file."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from locutor.cli.console import progress
from locutor.cli.console import say as remark
from locutor.cli.output import STDOUT, Output
from locutor.cli.text import read_text
from locutor.errors import OptionError

if TYPE_CHECKING:
    from locutor.serving.recipe import Speech
    from locutor.settings import Settings
    from locutor.types import SpeechRequest
    from locutor.voices.store import Voice


def say(  # typer reads the options off the signature, so they cannot be gathered in a dataclass
    text: Annotated[str, typer.Argument(help="What to say; - reads it from stdin.")],
    voice: Annotated[str | None, typer.Option(help="A voice of `locutor voices list`.")] = None,
    ref_audio: Annotated[Path | None, typer.Option(help="A recording of the voice to clone, 1 to 60 s.")] = None,
    ref_text: Annotated[str | None, typer.Option(help="What is said in the recording, word for word.")] = None,
    lang: Annotated[str | None, typer.Option(help="Language of the text: en, pt-BR, ...")] = None,
    output: Annotated[str, typer.Option("-o", "--output", help="File to write; - for stdout.")] = "out.wav",
    format: Annotated[str | None, typer.Option(help="wav, flac, mp3, ogg, opus; else by the file's name.")] = None,
    seed: Annotated[int | None, typer.Option(help="Makes the result repeatable.")] = None,
    speed: Annotated[float, typer.Option(help="0.5 (half as fast) to 2.")] = 1.0,
    nfe_step: Annotated[int | None, typer.Option(help="Steps of the solver, 1 to 128.")] = None,
    cfg_strength: Annotated[float | None, typer.Option(help="How closely to follow text and voice, 0 to 10.")] = None,
    sway_sampling_coef: Annotated[float | None, typer.Option(help="Bend of the time grid, -1 to 1.")] = None,
    fix_duration: Annotated[float | None, typer.Option(help="Length of the speech in seconds.")] = None,
    remove_silence: Annotated[bool, typer.Option("--remove-silence", help="Shorten long pauses.")] = False,
    normalize: Annotated[bool, typer.Option(help="Read numbers, dates and abbreviations as words.")] = True,
    lexicon: Annotated[Path | None, typer.Option(help="A file of pronunciations.")] = None,
    model: Annotated[str | None, typer.Option(help="A model of `locutor models list`.")] = None,
    device: Annotated[str | None, typer.Option(help="auto, cpu, cuda, cuda:N or mps.")] = None,
) -> None:
    """Say a text in a voice and write it to a file."""
    from locutor.settings import load_settings
    from locutor.text.languages import parse_language
    from locutor.types import SpeechRequest, SynthesisOptions

    options = SynthesisOptions(
        nfe_step=nfe_step,
        cfg_strength=cfg_strength,
        sway_sampling_coef=sway_sampling_coef,
        speed=speed,
        fix_duration_s=fix_duration,
        remove_silence=remove_silence,
        seed=seed,
    )
    settings = load_settings(voice=voice, lang=lang, lexicon=lexicon, model=model, device=device)
    place = Output.check(output, format)
    request = SpeechRequest(
        text=read_text(text), language=parse_language(settings.lang), options=options, normalize=normalize
    )
    chosen = _choose_voice(settings, voice, ref_audio, ref_text)
    speech = _speak(settings, request, chosen)
    place.write(speech.waveform)
    _report(speech, "stdout" if output == STDOUT else output)


def _choose_voice(settings: "Settings", voice: str | None, ref_audio: Path | None, ref_text: str | None) -> "Voice":
    from locutor.bootstrap import voice_store
    from locutor.voices.store import Voice

    if ref_audio is None:
        if ref_text is not None:
            raise OptionError("--ref-text is the transcript of --ref-audio; give both")
        return voice_store(settings).get(settings.voice)
    if voice is not None:
        raise OptionError("give either --voice or --ref-audio, not both")
    return Voice.from_file(ref_audio, ref_text)


def _speak(settings: "Settings", request: "SpeechRequest", voice: "Voice") -> "Speech":
    from locutor.bootstrap import local_speech

    speech = local_speech(settings)
    with progress("speaking") as show:
        return speech.speak(request, voice, lambda done, total: show("speaking", done, total))


def _report(speech: "Speech", place: str) -> None:
    recipe = speech.recipe
    use = "commercial use allowed" if recipe.commercial_use else "no commercial use"
    remark(f"{place}: {recipe.duration_s:.2f} s, RTF {recipe.rtf:.2f} on {recipe.device}")
    remark(f"voice {recipe.voice}, model {recipe.model} ({recipe.licence}, {use}), seed {recipe.options['seed']}")
    for warning in speech.warnings:
        remark(f"note: {warning}")
