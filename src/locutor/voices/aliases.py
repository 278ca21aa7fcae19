"""The names of OpenAI's voices: programs that know no others ask for them, and each stands for a preset of ours."""

from collections.abc import Sequence

from locutor.voices.store import PRESET, Voice

VOICE_ALIASES = (
    "alloy", "ash", "ballad", "cedar", "coral", "echo", "fable", "marin", "nova", "onyx", "sage", "shimmer", "verse",
)  # fmt: skip


def aliased(voices: Sequence[Voice]) -> dict[str, Voice]:
    """Alias -> preset, in turn; names that a voice has are not aliases."""
    presets = [voice for voice in voices if voice.kind == PRESET]
    taken = {name for voice in voices for name in (voice.id, voice.name)}
    return {alias: presets[i % len(presets)] for i, alias in enumerate(VOICE_ALIASES) if alias not in taken and presets}
