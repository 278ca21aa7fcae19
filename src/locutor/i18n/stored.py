"""Sentences that people read but nobody raises: names of built-in profiles, the doctor's warnings, states of jobs.

Only their mark for the catalogue stands here; values are numbered as the extractor numbers those of errors.
"""


def _(message: str) -> str:
    """Marks a message for the catalogue."""
    return message


STORED = (
    _("Balanced"),
    _("Fast"),
    _("Quality"),
    _("Ultra quality"),
    _("Ultra natural"),
    _("The model's own choice of steps."),
    _("Half the time, a little rougher."),
    _("Twice the time."),
    _("As published."),
    _("Half the steps."),
    _("Twice the steps."),
    _("Slower, closer to the reference."),
    _("It lasts {0} s; 5 to 12 s catch a voice better."),
    _("It lasts {0} s; about the first {1} s are used."),
    _("It is quiet ({0} dBFS)."),
    _("{0} of it is clipped."),
    _("It is noisy (speech about {0} dB above the noise); the noise is cloned too."),
    _("{0} of it is silence."),
    _("It has no sound above {0} Hz and will make a muffled voice."),
    _("It holds {0} s of speech; {1} to 12 s catch a voice better."),
    _("speaking"),
    _("queued"),
    _("completed"),
    _("cancelled"),
    _("cancelling"),
)
