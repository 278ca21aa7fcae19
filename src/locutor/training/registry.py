"""Which engines can be taught, each behind a maker that imports its training code only when asked."""

from locutor.errors import OptionError
from locutor.training.trainable import Lesson, Trainable, TrainableMaker


def make_trainable(lesson: Lesson) -> Trainable:
    """The trainable of the base model's engine. Raises OptionError for an engine that cannot be taught."""
    engine = lesson.base.card.engine
    if engine not in MAKERS:
        raise OptionError(f"models of engine {engine!r} cannot be trained; those of {', '.join(sorted(MAKERS))} can")
    return MAKERS[engine](lesson)


def _builtin(lesson: Lesson) -> Trainable:
    from locutor.training.builtin.finetune import BuiltinTrainable

    return BuiltinTrainable.of(lesson)


def _f5(lesson: Lesson) -> Trainable:
    from locutor.training.f5_finetune import F5Trainable

    return F5Trainable.of(lesson)


def _xtts(lesson: Lesson) -> Trainable:
    from locutor.training.xtts_finetune import XttsTrainable

    return XttsTrainable.of(lesson)


MAKERS: dict[str, TrainableMaker] = {"builtin": _builtin, "f5": _f5, "xtts": _xtts}
