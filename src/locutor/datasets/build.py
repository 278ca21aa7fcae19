"""Last step: the clips that stay as WAV files, with the lists that trainers read."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from locutor.audio import io
from locutor.audio.files import replacing
from locutor.audio.level import set_loudness
from locutor.audio.resample import resample
from locutor.datasets.dataset import Dataset, write_card, write_json
from locutor.datasets.edits import collect_edits, wav_name
from locutor.datasets.manifest import Clip, Row, write_rows
from locutor.datasets.memo import Memo, key_of
from locutor.datasets.sound import clip_sound
from locutor.datasets.split import TRAIN, VAL, split_clips
from locutor.datasets.validate import sound_hash
from locutor.datasets.watch import UNWATCHED, Watch
from locutor.errors import OptionError
from locutor.types import Waveform, check_range

_VERSION = 1


@dataclass(frozen=True, kw_only=True)
class BuildOptions:
    """sample_rate: of the WAV files. loudness_lufs: each clip is brought to it as far as its peaks allow; None leaves
    the level. val_share: of the clips, to be held out. seed: of the choice which."""

    sample_rate: int = 24_000
    loudness_lufs: float | None = -20.0
    val_share: float = 0.05
    seed: int = 42

    def __post_init__(self) -> None:
        check_range("sample_rate", self.sample_rate, 8_000, 48_000)
        if self.loudness_lufs is not None:
            check_range("loudness_lufs", self.loudness_lufs, -50, -5)
        check_range("val_share", self.val_share, 0, 0.5)


class _Built(Row):
    sha256: str


def build(dataset: Dataset, options: BuildOptions | None = None, *, watch: Watch = UNWATCHED) -> Dataset:
    """Write the kept clips and their lists; returns the dataset with the version it has now.

    The version is a hash of every clip's sound, text, speaker and part: the same content gives the same version, and
    nothing is written anew. Raises NotFoundError before validating, OptionError when no clip is left or texts were
    edited or recordings replaced since the filter ran, CancelledError.
    """
    options = options or BuildOptions()
    if collect_edits(dataset):
        raise OptionError("metadata.csv was edited since the last build; filter and validate again to take it over")
    kept = [clip for clip in dataset.clips("validate") if clip.is_kept]
    if not kept:
        raise OptionError(f"no clip of dataset {dataset.name!r} is good enough; its report.json says why")
    clips = _with_sounds(dataset, _with_splits(dataset, kept, options), options, watch)
    built = replace(dataset, version=version_of(clips))
    _write_lists(built, clips)
    _remove_others(built, clips)
    _write_version(built, clips, options)
    write_card(built)
    return built


def version_of(clips: Sequence[Clip]) -> str:
    """Twelve hex digits that stand for the content."""
    content = sorted((clip.id, clip.sha256, clip.text, clip.speaker, clip.split) for clip in clips)
    return hashlib.sha256(json.dumps(content, ensure_ascii=False).encode()).hexdigest()[:12]


def _with_splits(dataset: Dataset, clips: list[Clip], options: BuildOptions) -> list[Clip]:
    names = {source.id: source.name for source in dataset.sources()}
    gone = sorted({clip.source for clip in clips} - names.keys())
    if gone:
        raise OptionError(f"recording {gone[0]!r} was replaced after it was segmented; segment again, and all after it")
    parts = split_clips(clips, names, options.val_share, options.seed)
    return [clip.model_copy(update={"split": part}) for clip, part in zip(clips, parts, strict=True)]


def _with_sounds(dataset: Dataset, clips: list[Clip], options: BuildOptions, watch: Watch) -> list[Clip]:
    """Write the WAV files that are not there already."""
    found = []
    with Memo(dataset.work("build.memo.jsonl"), _Built) as memo:
        for clip in watch.each("build", clips):
            key = key_of("build", _VERSION, clip.id, options.sample_rate, options.loudness_lufs)
            path = dataset.folder / wav_name(clip.id)
            known = memo.get(key)
            sha256 = known[0].sha256 if known else ""
            if not (sha256 and path.is_file() and sound_hash(path.read_bytes()) == sha256):
                sha256 = _write_wav(path, clip_sound(dataset, clip), options)
                memo.put(key, [_Built(sha256=sha256)])
            found.append(clip.model_copy(update={"sha256": sha256}))
    return found


def _write_wav(path: Path, waveform: Waveform, options: BuildOptions) -> str:
    waveform = resample(waveform, options.sample_rate)
    if options.loudness_lufs is not None:
        waveform = set_loudness(waveform, options.loudness_lufs)
    content = io.encode(waveform, "wav")
    with replacing(path) as file:
        file.write(content)
    return sound_hash(content)


def _write_lists(dataset: Dataset, clips: Sequence[Clip]) -> None:
    for name, part in (("metadata.csv", None), ("metadata_train.csv", TRAIN), ("metadata_val.csv", VAL)):
        lines = [f"{wav_name(clip.id)}|{clip.text}\n" for clip in clips if part in (None, clip.split)]
        with replacing(dataset.folder / name) as file:
            file.write("".join(lines).encode())
    write_json(dataset.folder / "duration.json", {"duration": [round(clip.duration_s, 3) for clip in clips]})
    write_rows(dataset.manifest, clips)


def _remove_others(dataset: Dataset, clips: Sequence[Clip]) -> None:
    wanted = {f"{clip.id}.wav" for clip in clips}
    for path in dataset.wavs.glob("*.wav"):
        if path.name not in wanted:
            path.unlink()


def _write_version(dataset: Dataset, clips: Sequence[Clip], options: BuildOptions) -> None:
    content: list[dict[str, Any]] = [
        {"id": c.id, "sha256": c.sha256, "text": c.text, "speaker": c.speaker, "split": c.split} for c in clips
    ]
    version = {"version": dataset.version, "language": dataset.language, "options": asdict(options), "clips": content}
    write_json(dataset.folder / "versions" / f"{dataset.version}.json", version)
