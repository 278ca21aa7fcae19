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
    _("Expressive"),
    _("Stable"),
    _("For most texts."),
    _("Livelier, less predictable."),
    _("Calmer, more predictable."),
    _("It lasts {0} s; 5 to 12 s catch a voice better."),
    _("It lasts {0} s; about the first {1} s are used."),
    _("It is quiet ({0} dBFS)."),
    _("{0} of it is clipped."),
    _("It is noisy (speech about {0} dB above the noise); the noise is cloned too."),
    _("{0} of it is silence."),
    _("It has no sound above {0} Hz and will make a muffled voice."),
    _("It holds {0} s of speech; {1} to 12 s catch a voice better."),
    # The command line.
    _("error"),
    _("stopped by Ctrl-C"),
    # Why a clip is left out.
    _("it lasts {0} s, at least {1} s is needed"),
    _("it lasts {0} s, at most {1} s is allowed"),
    _("somebody speaks in {0} of it, at least {1} is needed"),
    _("nobody speaks for {0} s, at most {1} s is allowed"),
    _("speech is at {0} dBFS, at least {1} dBFS is needed"),
    _("speech is {0} dB above the noise, at least {1} dB is needed"),
    _("{0} of it is clipped, at most {1} is allowed"),
    _("for {0} s it is as loud as can be, and noise; at most {1} s is allowed"),
    _("there is no sound above {0} Hz, at least {1} Hz is needed"),
    _("it begins or ends inside a word (edge at {0} dB of the speech, at most {1} dB)"),
    _("it was cut inside speech: there was no pause"),
    _("the voice is not that of the others (similarity {0}, limit {1})"),
    _("a part is in another voice (similarity {0}, limit {1})"),
    _("no words were heard"),
    _("the recogniser repeated itself"),
    _("the text is not what was heard (character errors {0}, at most {1})"),
    _("the recogniser is unsure of the words (probability {0}, limit {1})"),
    _("too much text for the speech ({0} characters a second, at most {1})"),
    _("too little text for the speech ({0} characters a second, at least {1})"),
    _("no recording of this name came with it"),
    # Where a run stands, and which checkpoint is best.
    _("reading the dataset"),
    _("clip {0} of {1} made ready"),
    _("update {0} of {1}"),
    _("saved {0}"),
    _("stopped after update {0}"),
    _("stopped before the first update"),
    _("all epochs are done"),
    _("no better held-out loss"),
    _("its process ended unexpectedly; it can be resumed"),
    _(
        "{0} clips in batches of {1} (x {2}), {3}, {4} updates of {5} M parameters, about {6}; {7} GB of memory, "
        "{8} GB of disk ({9} GB free)"
    ),
    _("the most similar to the speaker ({0}) of {1} whose word error rate is within {2} points of the lowest ({3})"),
    _("the lowest held-out loss ({0}); word errors were not measured"),
    _("the lowest word error rate ({0})"),
    # What a job is at.
    _("listening"),
    _("{0} of {1} rows"),
    _("speaking: {0}"),
    _("listening to {0}"),
    _("import"),
    _("segment"),
    _("compare voices"),
    _("transcribe"),
    _("filter"),
    _("validate"),
    _("build"),
    _("download"),
    _("speaking"),
    _("queued"),
    _("completed"),
    _("cancelled"),
    _("cancelling"),
)
