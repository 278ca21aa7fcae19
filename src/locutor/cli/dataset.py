"""`locutor dataset`: from recordings to a dataset, step by step or all at once."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from locutor.cli.console import console, progress, table
from locutor.cli.console import say as remark
from locutor.errors import LocutorError, NotFoundError, OptionError

if TYPE_CHECKING:
    from locutor.datasets import Dataset, DatasetStore, Limits, SegmentOptions, Watch

app = typer.Typer(help="Make datasets out of recordings.", no_args_is_help=True)

_Name = Annotated[str, typer.Argument(help="A dataset of `locutor dataset stats`.")]
_Lang = Annotated[str | None, typer.Option(help="Language that is spoken: en, pt-BR, ...")]
_Speaker = Annotated[str, typer.Option(help="Who speaks, where no list tells.")]
_MinS = Annotated[float, typer.Option(help="Shorter clips are made only where the speaker paused.")]
_MaxS = Annotated[float, typer.Option(help="Longest clip in seconds.")]
_Padding = Annotated[float, typer.Option(help="Silence left at both ends, in seconds.")]
_Threshold = Annotated[float, typer.Option(help="Probability at which speech is heard, 0.05 to 0.95.")]
_Snr = Annotated[float, typer.Option(help="Least signal-to-noise ratio in dB.")]
_Cer = Annotated[float, typer.Option(help="Most character errors against a given text, as a share.")]
_Similarity = Annotated[float, typer.Option(help="Least similarity to the speaker's other clips, -1 to 1.")]
_Longest = Annotated[float, typer.Option(help="Clips longer than this are dropped.")]
_Shortest = Annotated[float, typer.Option(help="Clips shorter than this are dropped.")]
_Voices = Annotated[bool, typer.Option("--compare-voices/--no-compare-voices", help="Look for other speakers.")]
_Rate = Annotated[int, typer.Option(help="Sample rate of the clips.")]
_Loudness = Annotated[float | None, typer.Option(help="Loudness of the clips in LUFS.")]
_KeepLevel = Annotated[bool, typer.Option("--keep-level", help="Leave the level of the clips as it is.")]
_Share = Annotated[float, typer.Option(help="Share of the clips to hold out, 0 to 0.5.")]
_Seed = Annotated[int, typer.Option(help="Seed of the choice which are held out.")]
_Device = Annotated[str, typer.Option(help="Where Whisper runs: cpu or cuda.")]


@app.command("make")
def make(
    folder: Annotated[Path, typer.Argument(help="A folder of recordings, a list or an audio file.")],
    name: Annotated[str | None, typer.Option(help="Name of the dataset; else that of the folder.")] = None,
    lang: _Lang = None,
    speaker: _Speaker = "",
    min_s: _MinS = 3.0,
    max_s: _MaxS = 12.0,
    padding_s: _Padding = 0.2,
    threshold: _Threshold = 0.5,
    min_snr_db: _Snr = 10.0,
    max_cer: _Cer = 0.15,
    min_speaker_similarity: _Similarity = 0.75,
    min_duration_s: _Shortest = 1.0,
    max_duration_s: _Longest = 20.0,
    compare_voices: _Voices = True,
    sample_rate: _Rate = 24_000,
    loudness_lufs: _Loudness = -20.0,
    keep_level: _KeepLevel = False,
    val_share: _Share = 0.05,
    seed: _Seed = 42,
    device: _Device = "cpu",
) -> None:
    """Run all steps; started again, it goes on where it was stopped."""
    from locutor import datasets
    from locutor.settings import load_settings

    options = datasets.MakeOptions(
        segment=_segment_options(min_s, max_s, padding_s, threshold),
        limits=_limits(min_snr_db, max_cer, min_speaker_similarity, min_duration_s, max_duration_s),
        build=datasets.BuildOptions(
            sample_rate=sample_rate,
            loudness_lufs=None if keep_level else loudness_lufs,
            val_share=val_share,
            seed=seed,
        ),
    )
    _check_there([folder])
    dataset = _store().create(name or _name_of(folder), lang or load_settings().lang)
    listeners = datasets.load_listeners(
        options.segment, device=device, n_threads=_threads(), compare_voices=compare_voices
    )
    with _watch("import") as watch:
        built = datasets.make(dataset, [folder], listeners, options, speaker=speaker, watch=watch)
    _show_report(built)
    _show_stats([built])


def _check_there(places: list[Path]) -> None:
    """Before a dataset is made, so that a folder that is misspelt leaves none behind."""
    for place in places:
        if not place.exists():
            raise NotFoundError(f"there is no file or folder {place}")


@app.command("import")
def import_(
    name: Annotated[str, typer.Argument(help="Name of the dataset; it is made when it is not there.")],
    places: Annotated[list[Path] | None, typer.Argument(help="Folders, lists (.csv, .tsv) or audio files.")] = None,
    url: Annotated[list[str] | None, typer.Option(help="Fetch this first, by yt-dlp; may be repeated.")] = None,
    allow_host: Annotated[
        list[str] | None, typer.Option(help="A host to fetch from besides the known sites; may be repeated.")
    ] = None,
    subtitles: Annotated[str | None, typer.Option(help="Language of the subtitles to fetch with it.")] = None,
    lang: _Lang = None,
    speaker: _Speaker = "",
) -> None:
    """Copy recordings into a dataset, with what is said in them as far as files beside them tell."""
    from locutor import datasets
    from locutor.settings import load_settings

    if not places and not url:
        raise OptionError("give a folder, list or file to import, or a --url")
    wanted = list(places or ())
    _check_there(wanted)
    dataset = _store().create(name, lang or load_settings().lang)
    with _watch("import") as watch:
        if url:
            wanted += _downloaded(dataset, url, allow_host or [], subtitles, watch)
        sources = datasets.import_recordings(dataset, wanted, speaker=speaker, watch=watch)
    failed = [source for source in sources if source.error]
    for source in failed:
        remark(f"note: {source.name}: {source.error}")
    remark(f"{len(sources) - len(failed)} recordings in dataset {name}, {len(failed)} failed")


@app.command("segment")
def segment(
    name: _Name,
    min_s: _MinS = 3.0,
    max_s: _MaxS = 12.0,
    padding_s: _Padding = 0.2,
    threshold: _Threshold = 0.5,
    compare_voices: _Voices = True,
) -> None:
    """Cut the recordings into clips at pauses, measure them and compare their voices."""
    from locutor import datasets
    from locutor.analysis.speaker import LstmSpeakerEncoder

    options = _segment_options(min_s, max_s, padding_s, threshold)
    vad, encoder = datasets.voice_detector(options), LstmSpeakerEncoder() if compare_voices else None
    with _watch("segment") as watch:
        clips = datasets.segment(_store().get(name), vad, encoder, options, watch=watch)
    remark(f"{len(clips)} clips, {sum(clip.duration_s for clip in clips) / 60:.1f} minutes")


@app.command("transcribe")
def transcribe(
    name: _Name,
    min_snr_db: _Snr = 10.0,
    min_speaker_similarity: _Similarity = 0.75,
    min_duration_s: _Shortest = 1.0,
    max_duration_s: _Longest = 20.0,
    device: _Device = "cpu",
) -> None:
    """Write down what is said in the clips whose sound, voice and length are good enough or that are kept by hand."""
    from locutor import datasets

    dataset = _store().get(name)
    limits = datasets.Limits(
        min_snr_db=min_snr_db,
        min_speaker_similarity=min_speaker_similarity,
        min_duration_s=min_duration_s,
        max_duration_s=max_duration_s,
    )
    listeners = datasets.load_listeners(device=device, n_threads=_threads(), compare_voices=False)
    with _watch("transcribe") as watch:
        clips = datasets.transcribe(dataset, listeners.transcriber, limits, watch=watch)
    remark(f"{sum(clip.heard is not None for clip in clips)} of {len(clips)} clips are transcribed")


@app.command("filter")
def filter_(
    name: _Name,
    min_snr_db: _Snr = 10.0,
    max_cer: _Cer = 0.15,
    min_speaker_similarity: _Similarity = 0.75,
    min_duration_s: _Shortest = 1.0,
    max_duration_s: _Longest = 20.0,
    worst: Annotated[int, typer.Option(min=0, help="How many of those left out to show.")] = 20,
) -> None:
    """Give the clips their texts, drop those that are not good enough, and say why, worst first."""
    from locutor import datasets

    dataset = _store().get(name)
    limits = _limits(min_snr_db, max_cer, min_speaker_similarity, min_duration_s, max_duration_s)
    with _watch("filter") as watch:
        datasets.filter_clips(dataset, limits, watch=watch)
    _show_report(dataset, worst)


@app.command("edit")
def edit(
    name: _Name,
    clip: Annotated[str, typer.Argument(help="A clip of the dataset.")],
    text: Annotated[str | None, typer.Option(help="What is said in it.")] = None,
    keep: Annotated[bool | None, typer.Option("--keep/--drop", help="Keep or drop it whatever its figures.")] = None,
) -> None:
    """Decide about a clip by hand; filter, validate and build to take it over."""
    from locutor import datasets

    if text is None and keep is None:
        raise OptionError("give a --text, --keep or --drop")
    datasets.edit_clip(_store().get(name), clip, text=text, keep=keep)
    remark(f"{clip} was changed; it takes effect with the next filter, validate and build")


@app.command("validate")
def validate(name: _Name) -> None:
    """Drop clips whose text is no text to learn from; of a built dataset, check the files too."""
    from locutor import datasets

    dataset = _store().get(name)
    with _watch("validate") as watch:
        clips = datasets.validate(dataset, watch=watch)
    remark(f"{sum(clip.is_kept for clip in clips)} of {len(clips)} clips are kept")
    faults = datasets.faults_of_build(dataset) if dataset.version else []
    for fault in faults:
        remark(f"note: {fault}")
    if faults:
        raise LocutorError(f"the files of dataset {name} have {len(faults)} faults; build it again to mend them")


@app.command("build")
def build(
    name: _Name,
    sample_rate: _Rate = 24_000,
    loudness_lufs: _Loudness = -20.0,
    keep_level: _KeepLevel = False,
    val_share: _Share = 0.05,
    seed: _Seed = 42,
) -> None:
    """Write the clips that stay as WAV files, with the lists that training reads."""
    from locutor import datasets

    options = datasets.BuildOptions(
        sample_rate=sample_rate,
        loudness_lufs=None if keep_level else loudness_lufs,
        val_share=val_share,
        seed=seed,
    )
    with _watch("build") as watch:
        built = datasets.build(_store().get(name), options, watch=watch)
    _show_stats([built])


@app.command("stats")
def stats(
    name: Annotated[str | None, typer.Argument(help="A dataset; else all of them.")] = None,
) -> None:
    """Figures of the datasets."""
    store = _store()
    _show_stats([store.get(name)] if name else store.list())


def _store() -> "DatasetStore":
    from locutor.bootstrap import dataset_store
    from locutor.settings import load_settings

    return dataset_store(load_settings())


def _threads() -> int:
    from locutor.settings import load_settings

    return load_settings().threads or 0


def _name_of(folder: Path) -> str:
    """A folder's name without what a dataset's name may not have."""
    import re

    return re.sub(r"[^A-Za-z0-9_-]+", "_", folder.resolve().stem).strip("_-")[:64]


def _segment_options(min_s: float, max_s: float, padding_s: float, threshold: float) -> "SegmentOptions":
    from locutor.datasets import SegmentOptions

    return SegmentOptions(min_s=min_s, max_s=max_s, padding_s=padding_s, threshold=threshold)


def _limits(snr_db: float, cer: float, similarity: float, shortest_s: float, longest_s: float) -> "Limits":
    from locutor.datasets import Limits

    return Limits(
        min_snr_db=snr_db,
        max_cer=cer,
        min_speaker_similarity=similarity,
        min_duration_s=shortest_s,
        max_duration_s=longest_s,
    )


def _downloaded(
    dataset: "Dataset", urls: list[str], hosts: list[str], subtitles: str | None, watch: "Watch"
) -> list[Path]:
    """The files of the URLs; those that fail are told of."""
    from locutor.datasets import download

    folder = dataset.folder / "downloads"
    folder.mkdir(exist_ok=True)
    found = download(urls, folder, hosts=hosts, subtitles=subtitles, watch=watch)
    for one in found:
        if one.error:
            remark(f"note: {one.url}: {one.error}")
    return [file for one in found for file in one.files]


@contextmanager
def _watch(label: str) -> Iterator["Watch"]:
    from locutor.datasets import Watch

    with progress(label) as show:
        yield Watch(show)


def _show_report(dataset: "Dataset", worst: int = 20) -> None:
    from locutor.datasets import read_report

    report = read_report(dataset)
    grid = table("Left out, worst first", "clip or recording", "why")
    for entry in report["left_out"][:worst]:
        grid.add_row(entry["id"], "; ".join(entry["reasons"]))
    if report["left_out"] and worst:
        console().print(grid)
    checks = ", ".join(f"{n} by {check}" for check, n in report["by_check"].items()) or "none"
    minutes = report["seconds_kept"] / 60
    remark(f"{report['kept']} clips kept ({minutes:.1f} minutes); left out: {checks}; all in {dataset.folder}")


def _show_stats(found: "list[Dataset]") -> None:
    from locutor.datasets import stats as count

    columns = ("name", "language", "recordings", "clips", "transcribed", "built", "minutes", "train", "held out")
    grid = table("Datasets", *columns, "version")
    for dataset in found:
        s: Any = count(dataset)
        counts = (s.n_sources, s.n_clips, f"{s.transcribed_percent:.0f} %", s.n_built, f"{s.duration_s / 60:.1f}")
        grid.add_row(s.name, s.language, *map(str, (*counts, s.n_train, s.n_val)), s.version or "-")
    console().print(grid)
