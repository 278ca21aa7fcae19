"""How long new speech gets, from the pace of the reference. Lengths are in mel frames (93.75 a second)."""

from locutor.audio.mel import FRAME_RATE
from locutor.errors import OptionError, TextError

SHORT_TEXT_BYTES = 10
SHORT_TEXT_SPEED = 0.3  # one to three words need room, else they come out as noise or not at all
FASTEST_BYTES_PER_S = 30.0  # limits of a pace that can be believed; a wrong transcript gives others
SLOWEST_BYTES_PER_S = 4.0
MIN_NEW_FRAMES = round(0.25 * FRAME_RATE)
MAX_FRAMES = 8192  # reference and new speech: 87 s, the length of upstream's position table


def n_bytes(text: str) -> int:
    """Length in UTF-8: how F5 measures texts, so that a Chinese character counts three."""
    return len(text.encode())


def local_speed(text: str, speed: float = 1.0) -> float:
    """Speed at which a text is timed: very short ones get more room."""
    return speed * SHORT_TEXT_SPEED if n_bytes(text) < SHORT_TEXT_BYTES else speed


def estimate_frames(ref_frames: int, ref_text: str, text: str, speed: float = 1.0) -> int:
    """Upstream's estimate of the new speech: as many frames a byte as the reference has."""
    return int(ref_frames / n_bytes(ref_text) * n_bytes(text) / speed)


def new_frames(ref_frames: int, ref_text: str, text: str, speed: float = 1.0) -> int:
    """The estimate at the local speed, within what a speaker can do.

    Raises TextError when reference and speech would exceed MAX_FRAMES.
    """
    pace = local_speed(text, speed)
    estimate = estimate_frames(ref_frames, ref_text, text, pace)
    least = n_bytes(text) / FASTEST_BYTES_PER_S * FRAME_RATE / pace
    most = n_bytes(text) / SLOWEST_BYTES_PER_S * FRAME_RATE / pace
    frames = max(MIN_NEW_FRAMES, int(min(max(estimate, least), most)))
    if ref_frames + frames > MAX_FRAMES:
        raise TextError(
            f"a text of {len(text)} characters would take {frames / FRAME_RATE:.0f} s; with the reference at most "
            f"{MAX_FRAMES / FRAME_RATE:.0f} s are possible, so split it"
        )
    return frames


def fixed_frames(ref_frames: int, fix_duration_s: float) -> int:
    """Frames of new speech for a wanted length. Raises OptionError when it exceeds MAX_FRAMES with the reference."""
    frames = int(fix_duration_s * FRAME_RATE + 1e-6)  # a whole number of frames may come as 0.9999... of it
    if ref_frames + frames > MAX_FRAMES:
        longest = (MAX_FRAMES - ref_frames) / FRAME_RATE
        raise OptionError(f"fix_duration must be at most {longest:.1f} s with this reference, not {fix_duration_s:g} s")
    return frames


def total_frames(ref_frames: int, new: int, n_tokens: int) -> int:
    """Length of the whole sequence: the reference's centred mel has one frame more than ref_frames, the text one
    frame a token at least, and something must be made."""
    return max(ref_frames + new, ref_frames + 2, n_tokens + 1)


def share_duration(total_s: float, texts: list[str], cross_fade_s: float) -> list[float]:
    """Seconds of new speech for each chunk of a text, by bytes, so that the cross-faded whole lasts total_s."""
    allocatable = total_s + cross_fade_s * (len(texts) - 1)
    weights = [n_bytes(text) for text in texts]
    return [allocatable * weight / sum(weights) for weight in weights]
