"""Which gender a Portuguese number takes from the words around it."""

import re

from locutor.text.normalize.numbers import Gender

_FEMININE = frozenset(
    """parede nave ave trave alface interface pirâmide estrofe couve prece quermesse vez mão noite parte gente
    ponte fonte sorte morte tarde chave nuvem base frase fase classe rede sede árvore cor flor dor lei voz luz
    paz cruz raiz raíz mulher mãe irmã maçã manhã avó superfície série espécie tribo foto moto libra hashtag
    face carne febre fome neve pele sé fé ré maré chaminé mente semente corrente enchente vertente patente
    serpente gripe crise hélice índole prole pose dose tese hipótese síntese análise ênfase elite suíte boate
    estante equipe greve lente torre tosse posse catástrofe metrópole estirpe vítima cárie matriz atriz cicatriz
    perdiz foz noz rapidez xícara ordem margem vagem capital catedral espiral vogal moral cal colher embreagem
    viagem internet web selfie live startup fake playlist newsletter ação nação lã rã avelã romã hora sílaba
    dúzia centena dezena arroba polegada tonelada légua página razão variável pista lista revista vista entrevista
    conquista arte prótese diocese catequese constante""".split()
)
_MASCULINE = frozenset(
    """dia mapa problema sistema programa tema clima planeta cinema poema drama trauma diploma idioma sintoma
    esquema dilema teorema telegrama quilograma grama cometa poeta profeta pijama panorama fantasma carma dogma
    diagrama cronograma organograma holograma anagrama eczema enigma estigma paradigma prisma plasma coma aroma
    axioma carcinoma cromossoma hematoma glaucoma lema emblema fonema sofá chá guaraná maracujá crachá papa
    pirata monarca patriarca homem pai irmão avô item jovem bem trem armazém refém limão pão cão avião caminhão
    coração milhão bilhão trilhão leão balão botão cartão portão fogão feijão sabão salão chão grão órgão
    cidadão alemão patrão padrão ladrão verão algodão tubarão tostão furacão pulmão violão algarismo quilômetro
    byte gigabyte megabyte terabyte ponto mês país francês inglês freguês pires lápis ônibus vírus atlas tênis
    ás gás""".split()
)
# Words in -ão that are masculine are listed above; -ção, -são and -ião are feminine unless listed.
_FEMININE_ENDINGS = tuple("a ã ção são stão xão gião nião lião idão triz gem ade ose ise tude ice ície".split())
_MASCULINE_ENDINGS = tuple("o or ol el il al ul u i im om um em é ó ô ão".split())
_NEUTRAL_WORDS = frozenset(
    "grandes simples jovens iguais diferentes importantes principais grande bons melhores piores maiores "
    "menores mais mil possíveis recentes excelentes enormes".split()
)
_NOT_NOUNS = frozenset(
    """a à ao da na pela para uma ela cada essa esta aquela fora agora ainda era será está há já lá cá ou mas
    apenas as às das nas pelas elas essas estas aquelas suas minhas nossas duas antes depois menos através mesma
    qualquer contra sobre sua minha nossa outra toda nada hoje atrás vamos temos somos eles os dos nos aos é foi
    custa fica dá vai tinha seria havia estava pra e de que com sem""".split()
)
_FEMININE_BEFORE = frozenset(
    """as às das nas pelas umas essas estas aquelas dessas destas daquelas nessas nestas outras todas muitas poucas
    várias suas minhas nossas tuas quantas tantas primeiras últimas próximas ambas à numas""".split()
)
_MASCULINE_BEFORE = frozenset(
    """os aos dos nos pelos uns esses estes aqueles desses destes daqueles nesses nestes outros todos muitos poucos
    vários seus meus nossos teus quantos tantos primeiros últimos próximos ambos número capítulo página artigo
    ao do no pelo um""".split()
)

_PLURALS = (
    ("ões", "ão"), ("ães", "ão"), ("ãos", "ão"), ("ais", "al"), ("éis", "el"), ("óis", "ol"), ("uis", "ul"),
    ("eis", "el"), ("ens", "em"), ("ins", "im"), ("ons", "om"), ("uns", "um"), ("res", "r"), ("zes", "z"),
    ("eses", "ês"),
)  # fmt: skip

# "2 das casas", "2 da tarde"
_FEMININE_AFTER = re.compile(r"\s(?:das\s|dessas\s|destas\s|daquelas\s|delas(?!\w))(?=[^\W_]|$|[.,!?])", re.I)
_HOUR_AFTER = re.compile(r"\s(?:da\s(?:tarde|manhã|madrugada|noite)|em\sponto)(?!\w)", re.I)
# "turma 2 da tarde" is no hour.
_HOUR_BEFORE = re.compile(
    r"(?:^|[.,;:!?(]|(?<!\w)(?:são|era|eram|seriam|deram|quase|de|até|para|pra|desde|ou|e))\s*$", re.I
)
_SKIPPED = r"(?:\s++(?:ou|e|a|até)\s++\d[\d.,]*+|-\d[\d.,]*+|\s++mil(?!\w))?"
_NEXT_WORD = re.compile(r"[\s-]++([^\W\d_]{1,30})(?![\w'])")
_AFTER_NUMBER = re.compile(_SKIPPED)
_PREVIOUS_WORD = re.compile(r"([^\W\d_]+)\s+$")


def noun_gender(noun: str) -> Gender | None:
    """The gender of a singular noun, by list and ending; None when the ending does not tell."""
    if noun in _FEMININE:
        return "f"
    if noun in _MASCULINE or noun.endswith(("ema", "oma", "grama", "ista")):
        return "m"
    if noun.endswith(_FEMININE_ENDINGS):
        return "f"
    return "m" if noun.endswith(_MASCULINE_ENDINGS) else None


def singulars(noun: str) -> list[str]:
    """What a plural may be the plural of, the likeliest first."""
    found = [noun[: -len(many)] + one for many, one in _PLURALS if noun.endswith(many)]
    return [*found, noun[:-1], noun]


def _plural_gender(noun: str) -> Gender | None:
    candidates = singulars(noun)
    for listed, gender in ((_FEMININE, "f"), (_MASCULINE, "m")):
        if any(c in listed for c in candidates):
            return "f" if gender == "f" else "m"
    return next((g for g in map(noun_gender, candidates) if g is not None), None)


def counted_gender(text: str, start: int, end: int, is_one: bool) -> Gender:
    """The gender of what the number at text[start:end] counts; "m", the counting form, when nothing tells.

    A word before ("às 2", "os 21") decides first, then the noun after it; above one only a plural is taken for one.
    """
    before = _PREVIOUS_WORD.search(text[max(0, start - 30) : start])
    if before and before[1].lower() in _FEMININE_BEFORE:
        return "f"
    if before and before[1].lower() in _MASCULINE_BEFORE:
        return "m"
    preceding = text[max(0, start - 10) : start]
    if _FEMININE_AFTER.match(text, end) or (_HOUR_AFTER.match(text, end) and _HOUR_BEFORE.search(preceding)):
        return "f"
    skipped = _AFTER_NUMBER.match(text, end)
    position = skipped.end() if skipped else end
    plural = not is_one or position > end
    for _ in range(3):
        word = _NEXT_WORD.match(text, position)
        if word is None:
            return "m"
        noun, position = word[1].lower(), word.end()
        if noun in _NEUTRAL_WORDS:
            continue
        if noun in _NOT_NOUNS or (plural and not noun.endswith("s")):
            return "m"
        return (_plural_gender(noun) if plural else noun_gender(noun)) or "m"
    return "m"
