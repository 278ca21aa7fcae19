"""The pages of the studio, in the order of the rail."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Page:
    """name: of its template and script, and of its address /webui/NAME. title: a message id. key: its shortcut after g.

    main: shown in the bar of a phone; the others are under "More".
    """

    name: str
    title: str
    icon: str
    key: str
    group: str
    main: bool = False


def _(message: str) -> str:
    """Marks a message for the catalogue."""
    return message


PAGES = (
    Page("studio", _("Studio"), "mic-vocal", "s", _("Speak"), main=True),
    Page("voices", _("Voices"), "users", "v", _("Speak"), main=True),
    Page("jobs", _("Jobs"), "list", "j", _("Speak"), main=True),
    Page("datasets", _("Datasets"), "library", "d", _("Teach"), main=False),
    Page("training", _("Training"), "activity", "t", _("Teach"), main=True),
    Page("profiles", _("Quality"), "sliders-horizontal", "q", _("System")),
    Page("models", _("Models"), "box", "m", _("System")),
    Page("settings", _("Settings"), "settings", "e", _("System")),
)
LOGIN = Page("login", _("Log in"), "key-round", "", "")
BY_NAME = {page.name: page for page in (*PAGES, LOGIN)}
