"""Chinese numbers as characters, and every mark as a comma, which is all that XTTS-v2 was shown.

As coqui-tts reads them: what is counted and what is paid as a number, years and telephone numbers digit by digit, and
so whatever else has four digits or more. Its slips are not repeated: a digit of the next number that it takes for small
change, and a number that it finds inside of another.
"""

import re
import string
import unicodedata
from collections.abc import Callable

DIGITS = "零一二三四五六七八九"
UNITS = {"十": 1, "百": 2, "千": 3, "万": 4} | {unit: 4 * (i + 2) for i, unit in enumerate("亿兆京垓秭穰沟涧正载")}
TWO_OF_A_UNIT = "两"  # of hundreds and more, but not after tens

_COUNTED = (
    "匹张座回场尾条个首阙阵网炮顶丘棵只支袭辆挑担颗壳窠曲墙群腔砣客贯扎捆刀令打手罗坡山岭江溪钟队单双对出口头脚板跳枝件贴针线"
    "管名位身堂课本页家户层丝毫厘分钱两斤铢石钧锱忽寸尺丈里寻常铺程撮勺合升斗盘碗碟叠桶笼盆盒杯斛锅簋篮罐瓶壶卮盏箩箱煲啖袋钵"
    "年月日季刻时周天秒旬纪岁世更夜春夏秋冬代伏辈丸泡粒幢堆根道面片块"
)
_PAID = "亿万千百元角"
_NUMBER = r"\d+(?:\.\d+)?"
_MOBILE = r"(?:\+?86 ?)?1(?:[38]\d|5[0-35-9]|7[678]|9[89])\d{8}"
_LANDLINE = r"(?:0(?:10|2[1-3]|[3-9]\d\d)-?)?[1-9]\d{6,7}"


def cardinal(written: str) -> str:
    """Digits, perhaps with a decimal point, as a number. Two or more zeros are nothing, as upstream has it."""
    whole, _, fraction = written.partition(".")
    words = _with_two(_grouped(whole)) if len(whole) > 1 else DIGITS[int(whole)]
    if fraction:
        words = f"{words or DIGITS[0]}点{by_digit(fraction)}"
    return words[1:] if words.startswith("一十") else words


def by_digit(written: str) -> str:
    """Whatever is no digit is left out."""
    return "".join(DIGITS[int(char)] for char in written if char.isdigit())


def _grouped(digits: str) -> str:
    """The largest unit and how many of it, then the rest; one 零 for zeros in between."""
    kept = digits.lstrip("0")
    if len(kept) < 2:
        gap = DIGITS[0] if kept and len(digits) > 1 else ""
        return gap + (DIGITS[int(kept)] if kept else "")
    unit, power = next((u, p) for u, p in reversed(UNITS.items()) if p < len(kept))
    return _grouped(digits[:-power]) + unit + _grouped(kept[-power:])


def _with_two(words: str) -> str:
    def is_unit(char: str) -> bool:
        return char in UNITS and char != "十"

    padded = f"万{words}."
    return "".join(
        TWO_OF_A_UNIT if char == "二" and is_unit(padded[i]) and is_unit(padded[i + 2]) else char
        for i, char in enumerate(words)
    )


def _fraction(written: str) -> str:
    numerator, _, denominator = written.partition("/")
    return f"{cardinal(denominator)}分之{cardinal(numerator)}"


RULES: tuple[tuple[re.Pattern[str], Callable[[str], str]], ...] = tuple(
    (re.compile(pattern), read)
    for pattern, read in (
        (r"(?<!\d)(?:[089]\d|(?:19|20)\d\d)(?=年)", by_digit),
        (r"(?<!\d)\d{1,2}(?=月)|(?<=月)\d{1,2}(?=[日号])", cardinal),
        (rf"(?<!\d){_NUMBER}(?=[多余几]?(?:[{_PAID}]|[块毛分]))", cardinal),
        (rf"(?<!\d){_MOBILE}(?!\d)", by_digit),
        (rf"(?<!\d){_LANDLINE}(?!\d)", by_digit),
        (r"\d+/\d+", _fraction),
        (rf"{_NUMBER}%", lambda written: "百分之" + cardinal(written[:-1])),
        (rf"{_NUMBER}(?=[多余几]?(?:[{_COUNTED}]|[千毫微]克|[千分厘毫]米))", cardinal),
        (r"\d{4,32}", by_digit),
        (_NUMBER, cardinal),
    )
)


def read_numbers(text: str) -> str:
    """Numbers written out, marks made commas."""
    text = text.lstrip("^").rstrip("$").replace("％", "%")
    for pattern, read in RULES:
        text = pattern.sub(lambda found, read=read: read(found[0]), text)  # type: ignore[misc]
    text = re.sub(r"([a-z]+)二([a-z]+)", r"\g<1>2\2", text, flags=re.IGNORECASE)  # p2p and the like
    return "".join("," if _is_mark(char) else char for char in text)


def _is_mark(char: str) -> bool:
    return unicodedata.category(char).startswith("P") or unicodedata.normalize("NFKC", char) in string.punctuation
