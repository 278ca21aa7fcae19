"""Before the first step: recordings from sites for video and sound, by yt-dlp (the extra `download`).

Only from hosts that are allowed: a program that fetches whatever it is told reaches what its user cannot. The allowed
sites are fetched by yt-dlp's own code for them; a plain link to a file is followed only on hosts the caller added, over
http too, and only if they do not send on to another host.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from locutor.datasets.watch import UNWATCHED, Watch
from locutor.errors import CancelledError, MissingExtraError, NotFoundError, OptionError

DEFAULT_HOSTS = ("youtube.com", "youtu.be", "vimeo.com", "soundcloud.com", "archive.org")
_MAX_BYTES = 2 * 1024**3
_MAX_ITEMS = 500  # of a playlist


@dataclass(frozen=True)
class Downloaded:
    """files: the recordings of a URL, of a playlist several. error: why there are none."""

    url: str
    files: tuple[Path, ...] = ()
    error: str | None = None


def download(
    urls: Sequence[str],
    folder: Path,
    *,
    hosts: Sequence[str] = (),
    subtitles: str | None = None,
    watch: Watch = UNWATCHED,
) -> list[Downloaded]:
    """Fetch the best sound of each URL into an existing folder, ready to be imported; what is there is not fetched.

    hosts: allowed besides DEFAULT_HOSTS, with their subdomains. subtitles: language of the subtitles to fetch too,
    where somebody wrote some. What fails with one URL is its `error`. Raises OptionError, before anything is fetched,
    for a URL that is not allowed; NotFoundError without the folder; MissingExtraError, CancelledError.
    """
    for url in urls:
        _check(url, hosts)
    if not folder.is_dir():
        raise NotFoundError(f"there is no folder {folder} to download to")
    yt_dlp = _yt_dlp()
    return [_fetched(yt_dlp, url, folder, hosts, subtitles, watch) for url in watch.each("download", urls)]


def _check(url: str, hosts: Sequence[str]) -> None:
    parts = urlsplit(url)
    host = parts.hostname or ""
    if not (_is_one_of(host, DEFAULT_HOSTS) or _is_one_of(host, hosts)):
        allowed = ", ".join([*DEFAULT_HOSTS, *hosts])
        raise OptionError(f"downloads from {host or url!r} are not allowed; allowed hosts are {allowed}")
    if parts.scheme != "https" and not (parts.scheme == "http" and _is_one_of(host, hosts)):
        raise OptionError(f"a URL must begin with https://, not {url!r}")


def _is_one_of(host: str, hosts: Sequence[str]) -> bool:
    return any(host == allowed.lower() or host.endswith("." + allowed.lower()) for allowed in hosts)


def _fetched(
    yt_dlp: Any, url: str, folder: Path, hosts: Sequence[str], subtitles: str | None, watch: Watch
) -> Downloaded:
    refused: list[str] = []
    options = _options(folder, subtitles) | {
        "allowed_extractors": ["default"] if _is_one_of(_host(url), hosts) else ["default", "-generic"],
        "match_filter": _refuse_others(hosts, refused),
        "progress_hooks": [_stopping(watch, yt_dlp)],
    }
    try:
        with yt_dlp.YoutubeDL(options) as session:
            files = _files(session, session.extract_info(url))
    except yt_dlp.utils.DownloadCancelled as error:
        raise CancelledError("download was stopped; run it again to go on") from error
    except yt_dlp.utils.YoutubeDLError as error:
        return Downloaded(url, error=_sentence(error))
    if not files:
        return Downloaded(url, error=refused[0] if refused else "there is no sound to be had")
    for file in files:
        _name_subtitles(file)
    return Downloaded(url, tuple(files))


def _options(folder: Path, subtitles: str | None) -> dict[str, Any]:
    wanted = {"writesubtitles": True, "subtitleslangs": [subtitles], "subtitlesformat": "vtt/srt"} if subtitles else {}
    return {
        "format": "bestaudio/best",
        "outtmpl": {"default": str(folder / "%(extractor)s_%(id)s.%(ext)s")},
        "restrictfilenames": True,
        "noplaylist": True,
        "playlist_items": f"1:{_MAX_ITEMS}",
        "max_filesize": _MAX_BYTES,
        "overwrites": False,
        "cachedir": False,
        "quiet": True,
        "noprogress": True,
        "no_warnings": True,
        "logger": _Silent(),
        **wanted,
    }


def _refuse_others(hosts: Sequence[str], refused: list[str]) -> Callable[..., str | None]:
    """A plain link must end on an allowed host; what a site's own code finds may lie anywhere."""

    def judge(info: dict[str, Any], *, incomplete: bool = False) -> str | None:
        if incomplete or info.get("extractor_key") != "Generic":
            return None
        urls = [str(f["url"]) for f in info.get("formats") or [info] if f.get("url")]
        for host in sorted({_host(url) for url in urls}):
            if not _is_one_of(host, hosts):
                refused.append(f"it leads to {host or 'no host'}, from which downloads are not allowed")
                return refused[-1]
        return None

    return judge


def _stopping(watch: Watch, yt_dlp: Any) -> Callable[[dict[str, Any]], None]:
    def hook(_: dict[str, Any]) -> None:
        if watch.is_cancelled():
            raise yt_dlp.utils.DownloadCancelled

    return hook


def _files(session: Any, info: Any) -> list[Path]:
    """The files of a video or of a playlist's videos."""
    entries = info.get("entries", [info]) if info else []
    paths = [Path(session.prepare_filename(entry)) for entry in entries if entry]
    return [path for path in paths if path.is_file()]


def _name_subtitles(file: Path) -> None:
    """yt-dlp puts the language into the name; beside the recording they are found without."""
    for suffix in (".vtt", ".srt"):
        for path in file.parent.glob(f"{file.stem}.*{suffix}"):
            path.replace(file.with_suffix(suffix))


def _sentence(error: Exception) -> str:
    words = str(error).replace("\x1b[0;31mERROR:\x1b[0m", "").replace("ERROR:", "")
    return " ".join(words.split())[:300]


def _host(url: str) -> str:
    return urlsplit(url).hostname or ""


class _Silent:
    """yt-dlp's messages; errors are raised as well, so nothing is lost."""

    def debug(self, message: str) -> None:
        """Also what it calls information."""

    def warning(self, message: str) -> None:
        """Such as a missing ffmpeg, which is not used."""

    def error(self, message: str) -> None:
        """Raised too."""


def _yt_dlp() -> Any:
    try:
        import yt_dlp
    except ModuleNotFoundError as error:
        raise MissingExtraError("yt-dlp", "download") from error
    return yt_dlp
