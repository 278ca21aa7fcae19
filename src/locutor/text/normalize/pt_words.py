"""Portuguese tables: what signs, units, abbreviations and letters are called."""

import re

from locutor.text.normalize.grammar import Currency, Noun, SpellingFacts
from locutor.text.normalize.numbers import Gender

MONTHS = "janeiro fevereiro março abril maio junho julho agosto setembro outubro novembro dezembro".split()

WEEKDAYS = "segunda terça quarta quinta sexta sábado domingo".split()

_CENT = Noun("centavo", "centavos")
CURRENCIES = {
    **dict.fromkeys(("R$", "BRL"), Currency(Noun("real", "reais"), _CENT)),
    **dict.fromkeys(("$", "US$", "USD", "U$"), Currency(Noun("dólar", "dólares"), _CENT)),
    **dict.fromkeys(("A$", "AU$"), Currency(Noun("dólar australiano", "dólares australianos"), _CENT)),
    **dict.fromkeys(("C$", "CA$"), Currency(Noun("dólar canadense", "dólares canadenses"), _CENT)),
    "NZ$": Currency(Noun("dólar neozelandês", "dólares neozelandeses"), _CENT),
    **dict.fromkeys(("€", "EUR"), Currency(Noun("euro", "euros"), Noun("cêntimo", "cêntimos"))),
    **dict.fromkeys(("£", "GBP"), Currency(Noun("libra", "libras", "f"), Noun("pêni", "pence"))),
    **dict.fromkeys(("¥", "JPY"), Currency(Noun("iene", "ienes"), Noun("sen", "sens"))),
    "₹": Currency(Noun("rúpia", "rúpias", "f"), Noun("paisa", "paisas", "f")),
}

# Gender "f" here: the scale agrees with what it counts and takes no "de" ("duas mil libras").
SCALES = {
    **dict.fromkeys(("mil", "k"), Noun("mil", "mil", "f")),
    **dict.fromkeys(("milhão", "milhões", "milhao", "milhoes", "mi", "mm"), Noun("milhão", "milhões")),
    **dict.fromkeys(("bilhão", "bilhões", "bilhao", "bilhoes", "bi"), Noun("bilhão", "bilhões")),
    **dict.fromkeys(("trilhão", "trilhões", "tri"), Noun("trilhão", "trilhões")),
}
# After a currency: elsewhere "5 m" is five metres.
MONEY_SCALES = SCALES | {"m": SCALES["mi"], "b": SCALES["bi"], "t": SCALES["tri"]}


def _many(one: str, gender: Gender = "m") -> Noun:
    return Noun(one, f"{one}s", gender)


INCH = _many("polegada", "f")
# "15% a.a."
RATES = {"a": "ao ano", "m": "ao mês", "d": "ao dia", "t": "ao trimestre", "s": "ao semestre"}

UNITS = {
    "km/h": Noun("quilômetro por hora", "quilômetros por hora"),
    "m/s": Noun("metro por segundo", "metros por segundo"),
    "km": _many("quilômetro"),
    "m": _many("metro"),
    "cm": _many("centímetro"),
    "mm": _many("milímetro"),
    "nm": _many("nanômetro"),
    "km²": Noun("quilômetro quadrado", "quilômetros quadrados"),
    "m²": Noun("metro quadrado", "metros quadrados"),
    "cm²": Noun("centímetro quadrado", "centímetros quadrados"),
    "m³": Noun("metro cúbico", "metros cúbicos"),
    "cm³": Noun("centímetro cúbico", "centímetros cúbicos"),
    "ha": Noun("hectare", "hectares"),
    "kg": _many("quilo"),
    "Kg": _many("quilo"),
    "g": _many("grama"),
    **dict.fromkeys(("gr", "grs"), _many("grama")),
    "mg": _many("miligrama"),
    "µg": _many("micrograma"),
    "t": _many("tonelada", "f"),
    "ton": _many("tonelada", "f"),
    "lb": _many("libra", "f"),
    "oz": _many("onça", "f"),
    "l": _many("litro"),
    "L": _many("litro"),
    "ml": _many("mililitro"),
    "mL": _many("mililitro"),
    "°C": Noun("grau Celsius", "graus Celsius"),
    "ºC": Noun("grau Celsius", "graus Celsius"),
    "°F": Noun("grau Fahrenheit", "graus Fahrenheit"),
    "ºF": Noun("grau Fahrenheit", "graus Fahrenheit"),
    **dict.fromkeys(("°", "º"), Noun("grau", "graus")),
    "kB": Noun("quilobyte", "quilobytes"),
    "KB": Noun("quilobyte", "quilobytes"),
    "MB": Noun("megabyte", "megabytes"),
    "GB": Noun("gigabyte", "gigabytes"),
    "TB": Noun("terabyte", "terabytes"),
    "kbps": Noun("quilobit por segundo", "quilobits por segundo"),
    "Mbps": Noun("megabit por segundo", "megabits por segundo"),
    "Gbps": Noun("gigabit por segundo", "gigabits por segundo"),
    "MB/s": Noun("megabyte por segundo", "megabytes por segundo"),
    "fps": Noun("quadro por segundo", "quadros por segundo"),
    "rpm": Noun("rotação por minuto", "rotações por minuto", "f"),
    "Hz": Noun("hertz", "hertz"),
    "kHz": Noun("quilo-hertz", "quilo-hertz"),
    "MHz": Noun("mega-hertz", "mega-hertz"),
    "GHz": Noun("giga-hertz", "giga-hertz"),
    "W": Noun("watt", "watts"),
    "kW": Noun("quilowatt", "quilowatts"),
    "MW": Noun("megawatt", "megawatts"),
    "kWh": Noun("quilowatt-hora", "quilowatts-hora"),
    "V": Noun("volt", "volts"),
    "mAh": Noun("miliampere-hora", "miliamperes-hora"),
    "dB": Noun("decibel", "decibéis"),
    "px": Noun("pixel", "pixels"),
    "dpi": Noun("ponto por polegada", "pontos por polegada"),
    "kcal": _many("quilocaloria", "f"),
    "cal": _many("caloria", "f"),
    "min": _many("minuto"),
    **dict.fromkeys(("seg", "seg."), _many("segundo")),
    "s": _many("segundo"),
    "ms": _many("milissegundo"),
    "h": _many("hora", "f"),
    "hs": _many("hora", "f"),
    "hrs": _many("hora", "f"),
}

_ADDRESSES = {"Exa": "Vossa Excelência", "Sa": "Vossa Senhoria"}
# Said so with a full stop after them, in front of anything.
ABBREVIATIONS = {
    "Av": "Avenida",
    "av": "avenida",
    "Al": "Alameda",
    "Rod": "Rodovia",
    "Estr": "Estrada",
    "Trav": "Travessa",
    "Tv": "Travessa",
    "Pça": "Praça",
    "Pç": "Praça",
    "Jd": "Jardim",
    "Vl": "Vila",
    "Lgo": "Largo",
    "Dr": "Doutor",
    "Dra": "Doutora",
    "Drs": "Doutores",
    "Dras": "Doutoras",
    "dr": "doutor",
    "dra": "doutora",
    "Sr": "Senhor",
    "Sra": "Senhora",
    "Srs": "Senhores",
    "Sras": "Senhoras",
    "sr": "senhor",
    "sra": "senhora",
    "Srta": "Senhorita",
    "srta": "senhorita",
    "Prof": "Professor",
    "Profa": "Professora",
    "Profª": "Professora",
    "prof": "professor",
    "profa": "professora",
    "Eng": "Engenheiro",
    "Enga": "Engenheira",
    "Arq": "Arquiteto",
    "Dep": "Deputado",
    "Gov": "Governador",
    "Pres": "Presidente",
    "Min": "Ministro",
    "Cel": "Coronel",
    "Sgt": "Sargento",
    "Ten": "Tenente",
    "Gal": "General",
    "Gen": "General",
    "Pe": "Padre",
    "Sto": "Santo",
    "Sta": "Santa",
    "Exmo": "Excelentíssimo",
    "Exma": "Excelentíssima",
    "Ilmo": "Ilustríssimo",
    "Ilma": "Ilustríssima",
    "Jr": "Júnior",
    "Cia": "Companhia",
    "Ltda": "Limitada",
    "S.A": "esse á",
    "etc": "etcétera",
    "Obs": "Observação",
    "obs": "observação",
    "aprox": "aproximadamente",
    "p. ex": "por exemplo",
    "p.ex": "por exemplo",
    "séc": "século",
    "Séc": "Século",
    "tel": "telefone",
    "Tel": "Telefone",
    "máx": "máximo",
    "mín": "mínimo",
    "a.C": "antes de Cristo",
    "d.C": "depois de Cristo",
    **{f"V.{gap}{short}": full for gap in ("", " ") for short, full in _ADDRESSES.items()},
    "Ed": "Edifício",
    "depto": "departamento",
    "Depto": "Departamento",
    "mat": "matrícula",
    "inf": "informações",
    "ref": "referência",
    "Ref": "Referência",
}
# With ª after them ("Sr.ª", "Profª").
FEMININE = {
    "Sr": "Senhora",
    "sr": "senhora",
    "Dr": "Doutora",
    "dr": "doutora",
    "Prof": "Professora",
    "prof": "professora",
    "Eng": "Engenheira",
    "Arq": "Arquiteta",
    "Dep": "Deputada",
    "Gov": "Governadora",
    "Min": "Ministra",
    "Sen": "Senadora",
    "Exm": "Excelentíssima",
    "Ilm": "Ilustríssima",
}
# "S. Paulo": São before these.
SAINTS = (
    "Paulo|José|João|Pedro|Bernardo|Caetano|Luís|Luiz|Francisco|Sebastião|Vicente|Gonçalo|Carlos|Cristóvão|Jorge|"
    "Miguel|Mateus|Lourenço|Roque|Tomé|Bento|Judas|Leopoldo|Mamede|Tiago"
)
BOOKS = (
    "Gênesis|Êxodo|Levítico|Números|Deuteronômio|Josué|Juízes|Rute|Samuel|Reis|Crônicas|Esdras|Neemias|Ester|Jó|Salmos?|"
    "Provérbios|Eclesiastes|Cânticos|Isaías|Jeremias|Lamentações|Ezequiel|Daniel|Oseias|Joel|Amós|Jonas|Miqueias|"
    "Habacuque|Zacarias|Malaquias|Mateus|Marcos|Lucas|João|Atos|Romanos|Coríntios|Gálatas|Efésios|Filipenses|"
    "Colossenses|Tessalonicenses|Timóteo|Tito|Hebreus|Tiago|Pedro|Judas|Apocalipse"
)
VERSE_LINK = ", "
BOOK_NUMBERS = ("Primeira", "Segunda", "Terceira")
# Capitalised words before "R." and "S." that are no first names.
NO_NAMES = frozenset(
    "Rua Avenida Praça Largo Travessa Estrada Igreja Capela Catedral Paróquia Hospital Colégio Escola Estádio Vila "
    "Jardim Parque Estação Bairro Ilha Serra Rio Porto Forte Teatro Cidade Estado Zona Endereço Esquina Local Pela "
    "Para Entre Até Desde Onde".split()
)
# Said so only before a number.
BEFORE_NUMBER = {
    **dict.fromkeys(("nº", "n°", "n.º", "n.°", "no.", "n.", "№"), "número"),
    **dict.fromkeys(("Nº", "N°", "N.º", "N.°", "No."), "Número"),
    **dict.fromkeys(("nos.", "n.os"), "números"),
    **dict.fromkeys(("pág.", "pag.", "p."), "página"),
    **dict.fromkeys(("Pág.", "Pag."), "Página"),
    **dict.fromkeys(("págs.", "pp."), "páginas"),
    **dict.fromkeys(("cap.", "Cap."), "capítulo"),
    **dict.fromkeys(("vol.", "Vol."), "volume"),
    **dict.fromkeys(("art.", "Art."), "artigo"),
    **dict.fromkeys(("arts.", "Arts."), "artigos"),
    **dict.fromkeys(("inc.", "Inc."), "inciso"),
    **dict.fromkeys(("fig.", "Fig."), "figura"),
    **dict.fromkeys(("ap.", "apto.", "apto", "Ap.", "Apto.", "Apto", "apt.", "Apt."), "apartamento"),
    **dict.fromkeys(("bl.", "Bl."), "bloco"),
    **dict.fromkeys(("cj.", "Cj."), "conjunto"),
    **dict.fromkeys(("qd.", "Qd."), "quadra"),
    **dict.fromkeys(("lt.", "Lt."), "lote"),
    **dict.fromkeys(("km", "km.", "Km", "KM"), "quilômetro"),
    **dict.fromkeys(("cx.", "Cx."), "caixa"),
    **dict.fromkeys(("ed.", "Ed."), "edição"),
    **dict.fromkeys(("ex.", "Ex."), "exemplo"),
    **dict.fromkeys(("tel", "Tel"), "telefone"),
}
# Whose number has its year after a slash.
LAWS = ("Lei", "lei", "Complementar", "Decreto", "decreto", "Resolução", "Portaria", "Medida Provisória", "MP", "PL")
# Before a number with º that is an angle or a temperature: "forno a 180º", "faz 30º".
BEFORE_DEGREES = (
    r"forno\s(?:a|em)|faz(?:em|ia)?|fez|temperatura\s(?:de|a)|(?:máxima|mínima)s?\sde|ângulo\sde|giro\sde|rotação\sde|"
    r"curva\sde|febre\sde"
)
# Chat spellings, said as the words they stand for.
CHAT = {
    "vc": "você",
    "vcs": "vocês",
    "tb": "também",
    "tbm": "também",
    "pq": "porque",
    "hj": "hoje",
    "msg": "mensagem",
    "msgs": "mensagens",
    "qdo": "quando",
    "qto": "quanto",
    "obg": "obrigado",
    "blz": "beleza",
    "etc": "etcétera",
}
STARTERS = frozenset(
    (
        "O A Os As Um Uma Ele Ela Eles Elas Eu Nós Você Vocês Isso Isto Este Esta Esse Essa Aquele Aquela No Na Nos "
        "Nas Em De Mas E Se Quando Como Por Para Depois Então Já Não Foi É Há"
    ).split()
)

SYMBOLS = {
    "&": "e",
    "@": "arroba",
    "%": "por cento",
    "+": "mais",
    "=": "igual a",
    "×": "vezes",
    "÷": "dividido por",
    "±": "mais ou menos",
    "≈": "aproximadamente",
    "≠": "diferente de",
    "≤": "menor ou igual a",
    "≥": "maior ou igual a",
    "°": "graus",
    "§": "parágrafo",
    "€": "euros",
    "£": "libras",
    "$": "cifrão",
    "¥": "ienes",
    "²": "ao quadrado",
    "³": "ao cubo",
    "√": "raiz quadrada de",
    "∞": "infinito",
    "№": "número",
    "‰": "por mil",
    "µ": "micro",
}
OPERATORS = {
    "+": "mais",
    "=": "igual a",
    "×": "vezes",
    "x": "por",
    "*": "vezes",
    "÷": "dividido por",
    "±": "mais ou menos",
    "<": "menor que",
    ">": "maior que",
    "≤": "menor ou igual a",
    "≥": "maior ou igual a",
    "≠": "diferente de",
    "≈": "aproximadamente",
    "~": "cerca de",
    "^": "elevado a",
}
WEB = {
    ".": "ponto",
    "/": "barra",
    "-": "hífen",
    "_": "underline",
    "@": "arroba",
    ":": "dois pontos",
    "?": "interrogação",
    "=": "igual",
    "&": "e",
    "#": "cerquilha",
    "+": "mais",
    "%": "por cento",
    "~": "til",
}

_ONSET = "(?:[bcdfghjklmnprstvwxyzç]|[bcfgptv]l|[bcdfgptv]r|ch|lh|nh|qu|gu|ps|pn)"
_VOWELS = "[aeiouyáéíóúâêôãõà]{1,2}"
SPELLING = SpellingFacts(
    letters=dict(
        zip(
            "abcdefghijklmnopqrstuvwxyz",
            "á bê cê dê é efe gê agá i jota cá ele eme ene ó pê quê erre esse tê u vê dáblio xis ípsilon zê".split(),
            strict=True,
        )
    ),
    spelled=frozenset(
        "EUA UTI UE IA TI CEO CFO CTO API UFO CIA UERJ UFRJ IOF IDE IBGE IBM UX UI AI IP EAD OAB "
        "OEA CEI RPA USA UEL UEM UEA IMC IML ESA AVI ONS URA UBS HIV NYC FYI SEO".split()
    ),
    words={
        "OK": "oquei",
        "CEP": "cépi",
        "MEC": "méqui",
        "USP": "úspi",
        "PIB": "píbi",
        "ONG": "ongui",
        "LED": "lédi",
        "VIP": "vípi",
        "IDEB": "idébi",
        "AIDS": "aids",
        "PUC": "púqui",
        "TED": "tédi",
        "MASP": "máspi",
        "INCRA": "Incra",
        "PROCON": "Procon",
        "SESC": "Sésqui",
        "IPHAN": "Ifã",
        "COVID": "Covid",
        "SENAC": "Senac",
        "UNESP": "Unesp",
        "NASDAQ": "Nasdaq",
        "CADE": "Cade",
        "STOP": "stop",
        "IMAX": "Imax",
        "PhD": "pê agá dê",
        "GMAIL": "gmail",
        "HOTMAIL": "hotmail",
        "WWW": "dáblio dáblio dáblio",
        "COM": "com",
        "ORG": "org",
        "NET": "net",
        "GOV": "gov",
        "EDU": "edu",
    },
    short_words=frozenset(
        "DE DA DO EM NO NA UM SE SÓ JÁ EU TU OU OI AO AS OS ME TE LÁ HÁ ÀS DÁ VÊ VÁ VI PÉ FÉ PÓ NÓ LI RI "
        "IR AÍ AH OH EH".split()
    ),
    syllables=re.compile(rf"(?:{_ONSET}?{_VOWELS}(?:[lrszmnx]|ns|rs)?)+"),
)
