"""Texts that exercise coqui-tts' cleaning of each language: numbers, ordinals, money, abbreviations, signs."""

COMMON = ("50", "1.000", "1,000.5", "3,25", "7%", "a & b", "x@y", "C#", "14°", "no  double   space", '"quoted"')

CLEANED_TEXTS: dict[str, tuple[str, ...]] = {
    "en": (
        *COMMON,
        "Dr. Smith, Mrs. Jones and Capt. Lee",
        "the 1st, 2nd, 3rd and 21st",
        "That is $20.15.",
        "£3",
        "20€",
        "-5",
    ),
    "es": (*COMMON, "La Sra. Gómez", "el 1er piso, 2º", "20,15€", "$20"),
    "fr": (*COMMON, "Mme. Moreau", "le 1er, la 2e", "20,15€", "$20"),
    "de": (*COMMON, "Fr. Dr. Müller", "der 1. Test", "20,15€", "£ 20"),
    "it": (*COMMON, "il Sig. Rossi", "il 1° piano", "20,15€"),
    "pt": (*COMMON, "o Sr. Silva e a Dra. Costa", "o 1º e a 2ª", "20,15€", "R$ 20,15"),
    "pl": (*COMMON, "p. Kowalski", "20,15€", "1º"),
    "tr": ("50", "12,5", "1. test", "B. Yılmaz", "%14", "İSTANBUL Ölçü Ünlü"),
    "ru": (*COMMON, "г-н Иванов, д-р Смирнов", "1-й этаж", "20.15€"),
    "nl": (*COMMON, "dhr. Jansen", "de 1ste", "20€"),
    "cs": (*COMMON, "p. Novák", "1. test", "20€"),
    "ar": ("50", "12,5", "14%", "كان هناك 50 جنديًا."),
    "hu": (*COMMON, "dr. Szabó", "az 1. teszt"),
    "hi": ("50 सैनिक थे।", "14%"),
    "ko": ("50 명의 병사가 있었다.", "안녕하세요, 반갑습니다!", "배터리 14%", "읽다 값이 없는 학교"),
    "zh": (
        "你好，世界。",
        "有50名士兵",
        "在12.5秒内",
        "他2024年来了",
        "一共10个，110个，1010个，10010个，100000000个。",
        "增长了14%",
        "我的电脑",
    ),
}
