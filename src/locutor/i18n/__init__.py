"""Words of the page, the command line and the errors in the languages of people, from one gettext catalogue."""

from locutor.i18n.catalogue import LANGUAGES, Catalogue, catalogue, choose_language, translate

__all__ = ["LANGUAGES", "Catalogue", "catalogue", "choose_language", "translate"]
