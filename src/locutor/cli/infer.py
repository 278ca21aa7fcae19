"""`locutor infer`: an F5-TTS checkpoint file, a recording and a text; no library of models or voices."""

import time
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer

from locutor.cli.console import say as remark
from locutor.cli.edge import EdgeGroup, is_verbose, show_remarks
from locutor.cli.output import STDOUT, Output
from locutor.cli.service import refuse
from locutor.cli.text import read_text
from locutor.errors import OptionError

app = typer.Typer(
    name="infer",
    cls=EdgeGroup,
    help="Speak with an F5-TTS checkpoint file.",
    invoke_without_command=True,
    pretty_exceptions_enable=False,
)

_T = TypeVar("_T")
_Config = Annotated[
    str | None,
    typer.Option("--config", help="F5TTS_v1_Base, F5TTS_Base, ... or a YAML file, where the file does not tell."),
]


@app.callback()
def infer(  # typer reads the options off the signature, so they cannot be gathered in a dataclass
    ctx: typer.Context,
    checkpoint: Annotated[Path | None, typer.Option("-c", "--checkpoint", help="A .safetensors or .pt file.")] = None,
    vocab: Annotated[Path | None, typer.Option("-v", "--vocab", help="Its vocab.txt.")] = None,
    text: Annotated[str | None, typer.Option("-t", "--text", help="What to say; - reads it from stdin.")] = None,
    ref_audio: Annotated[Path | None, typer.Option("-r", "--ref-audio", help="A recording of the voice.")] = None,
    output: Annotated[str, typer.Option("-o", "--output", help="File to write; - for stdout.")] = "out.wav",
    ref_text: Annotated[str, typer.Option(help="What is said in the recording, word for word.")] = "",
    device: Annotated[str | None, typer.Option("-d", "--device", help="auto, cpu, cuda, cuda:N or mps.")] = None,
    nfe_step: Annotated[int, typer.Option("-n", "--nfe-step", help="Steps of the solver, 1 to 128.")] = 32,
    cfg_strength: Annotated[float, typer.Option(help="How closely to follow text and voice, 1 to 5.")] = 2.0,
    sway_sampling_coef: Annotated[float, typer.Option(help="Bend of the time grid, -1 to 1.")] = -1.0,
    speed: Annotated[float, typer.Option("-s", "--speed", help="0.5 (half as fast) to 2.")] = 1.0,
    fix_duration: Annotated[
        float | None, typer.Option(help="Seconds of reference and new speech together, as in f5-tts.")
    ] = None,
    remove_silence: Annotated[bool, typer.Option("--remove-silence", help="Shorten long pauses.")] = False,
    seed: Annotated[int | None, typer.Option(help="Makes the result repeatable.")] = None,
    config: _Config = None,
    vocoder: Annotated[
        Path | None, typer.Option(help="A Vocos file or folder; else the pulled vocos-mel-24khz.")
    ] = None,
    use_service: Annotated[
        bool,
        typer.Option(
            "--use-service", help="Let the local service speak; -c and -v may then be left out the next time."
        ),
    ] = False,
    verbose: Annotated[bool, typer.Option("--verbose", help="Show what is done, and tracebacks of errors.")] = False,
) -> None:
    """Speak with an F5-TTS checkpoint file."""
    show_remarks(is_verbose(ctx))
    if ctx.invoked_subcommand is not None:
        return
    if use_service:
        refuse({"--device": device})
        said, reference = read_text(_given(text, "-t/--text")), _given(ref_audio, "-r/--ref-audio")
        _ask(
            (checkpoint, vocab, vocoder, config),
            said,
            reference,
            Output.check(output),
            {
                "ref_text": ref_text or None,
                "nfe_step": nfe_step,
                "cfg_strength": cfg_strength,
                "sway_sampling_coef": sway_sampling_coef,
                "speed": speed,
                "fix_duration_s": fix_duration and _new_s(fix_duration, reference),
                "remove_silence": remove_silence,
                "seed": seed,
            },
        )
        return
    files = _given(checkpoint, "-c/--checkpoint"), _given(vocab, "-v/--vocab")
    said, reference = read_text(_given(text, "-t/--text")), _given(ref_audio, "-r/--ref-audio")
    place = Output.check(output)
    from locutor.inference import F5TTSInference
    from locutor.settings import load_settings
    from locutor.types import Waveform

    chosen = load_settings(device=device).devices[0]
    model = F5TTSInference(*files, device=chosen, config=config, vocoder_path=vocoder)
    start = time.perf_counter()
    samples = model.generate(
        said,
        reference,
        ref_text,
        nfe_step=nfe_step,
        cfg_strength=cfg_strength,
        sway_sampling_coef=sway_sampling_coef,
        speed=speed,
        fix_duration=fix_duration,
        remove_silence=remove_silence,
        seed=seed,
    )
    elapsed_s = time.perf_counter() - start
    audio = Waveform(samples, model.sample_rate)
    place.write(audio)
    name = "stdout" if output == STDOUT else output
    remark(f"{name}: {audio.duration_s:.2f} s in {elapsed_s:.2f} s, RTF {elapsed_s / audio.duration_s:.2f}")


def _ask(
    files: tuple[Path | None, Path | None, Path | None, str | None],
    text: str,
    ref_audio: Path,
    place: Output,
    options: dict[str, Any],
) -> None:
    from locutor.cli.infer_service import ask, make_known
    from locutor.settings import load_settings

    data_dir = load_settings().data_dir
    start = time.perf_counter()
    spoken = ask(data_dir, make_known(data_dir, *files), text, ref_audio, options, place.format)
    place.write_bytes(spoken.audio)
    duration_s, elapsed_s = spoken.recipe["duration_s"], time.perf_counter() - start
    name = "stdout" if place.target == STDOUT else place.target
    remark(f"{name}: {duration_s:.2f} s in {elapsed_s:.2f} s, RTF {elapsed_s / duration_s:.2f}, by the service")


def _new_s(fix_duration: float, ref_audio: Path) -> float:
    """Seconds of new speech; the flag counts the reference too, of which the engine hears what is left after its edges
    are cut."""
    from locutor.audio import io
    from locutor.audio.reference import prepare_reference

    reference_s = prepare_reference(io.read(ref_audio)).duration_s
    if fix_duration <= reference_s:
        raise OptionError(
            f"--fix-duration counts the reference too, which lasts {reference_s:.2f} s; it must be longer"
        )
    return fix_duration - reference_s


@app.command("info")
def info(
    checkpoint: Annotated[Path, typer.Option("-c", "--checkpoint", help="A .safetensors or .pt file.")],
    config: _Config = None,
) -> None:
    """What is in a checkpoint file."""
    from locutor.engines.download import sha256_of
    from locutor.engines.f5.checkpoint import read_checkpoint

    found = read_checkpoint(checkpoint, config)
    tensors = found.tensors.values()
    lines = {
        "file": f"{checkpoint}, {checkpoint.stat().st_size:,} bytes",
        "sha256": sha256_of(checkpoint),
        "network": ", ".join(f"{name}={value}" for name, value in found.config.model_dump().items()),
        "tensors": f"{len(tensors)}, {sum(t.numel() for t in tensors):,} parameters",
        "precision": ", ".join(sorted({str(t.dtype).removeprefix("torch.") for t in tensors})),
        "vocabulary": f"{found.tensors['text_embed.text_embed.weight'].shape[0] - 1} tokens",
    }
    for name, value in lines.items():
        typer.echo(f"{name:11} {value}")


def _given(value: _T | None, name: str) -> _T:
    if value is None:
        raise OptionError(f"{name} is missing; see: locutor infer --help")
    return value


if __name__ == "__main__":
    app()
