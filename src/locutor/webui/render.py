"""Templates in a language."""

from functools import cache

from jinja2 import Environment, PackageLoader, StrictUndefined

from locutor.i18n import LANGUAGES, catalogue
from locutor.options import described_options
from locutor.webui.assets import assets, words
from locutor.webui.pages import PAGES, Page


@cache
def _environment(language: str) -> Environment:
    environment = Environment(
        loader=PackageLoader("locutor.webui"),
        extensions=["jinja2.ext.i18n"],
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.install_gettext_translations(  # type: ignore[attr-defined]
        catalogue(language).translations, newstyle=True
    )
    return environment


@cache
def render(page: Page, language: str, version: str) -> str:
    """A page as HTML; it holds no data, so it is the same for everyone who reads that language.

    `NONCE` stands where the answer's nonce belongs.
    """
    return (
        _environment(language)
        .get_template(f"{page.name}.html")
        .render(
            page=page,
            pages=PAGES,
            language=language,
            languages=LANGUAGES,
            version=version,
            options=described_options(),
            static=f"/webui/static/{assets().digest}",
            words=f"/webui/words/{words().digest}/{language}.json",
        )
    )
