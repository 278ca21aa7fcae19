import pytest
from hypothesis import given
from hypothesis import strategies as st

from locutor.errors import OptionError
from locutor.text.languages import LANGUAGES, parse_language


@pytest.mark.parametrize(
    ("spelling", "tag"),
    [
        *[(s, "en") for s in ("en", "EN", "en-US", "en_us", "English", " english ")],
        *[(s, "pt-BR") for s in ("pt-BR", "pt", "pt-br", "pt_BR", "PT_br", "Portuguese", "Português")],
        ("zh-cn", "zh-CN"),
        ("zh", "zh-CN"),
        ("German", "de"),
    ],
)
def test_spellings(spelling: str, tag: str) -> None:
    assert parse_language(spelling) == tag


def test_every_tag_and_alias_is_its_own() -> None:
    for language in LANGUAGES.values():
        assert all(parse_language(s) == language.tag for s in (language.tag, language.name, *language.aliases))
    assert len(LANGUAGES) == 17
    assert [tag for tag, language in LANGUAGES.items() if language.has_normalizer] == ["en", "pt-BR"]


@pytest.mark.parametrize(("wrong", "near"), [("pt-PT", "pt-BR"), ("englsh", "en"), ("en-GB", "en")])
def test_unknown_languages_get_a_hint(wrong: str, near: str) -> None:
    with pytest.raises(
        OptionError, match=f"unknown language '{wrong}' .did you mean .*{near}.*known languages are en, pt"
    ):
        parse_language(wrong)


@given(st.text(max_size=20))
def test_any_text_is_a_language_or_an_option_error(text: str) -> None:
    try:
        assert parse_language(text) in LANGUAGES
    except OptionError as error:
        assert repr(text) in str(error)
