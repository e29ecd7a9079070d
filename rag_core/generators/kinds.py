"""What kind of answer a question asks for: a year, a length, a person, a reason, ...

A rule: the words of the question from its first question word on choose the kind, and the kind
says by a pattern what a sentence must hold to be an answer. The words are English, with the
question words of German, French, Spanish and Italian where digits or names answer. A question in
any other language, or one that no row fits, has no kind, and any sentence may answer it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_COUNT = (
    r"(?:\d[\d.,/:]*|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|twenty|thirty|"
    r"forty|fifty|sixty|hundred|half|an?|several)"
)
_LENGTHS = (
    r"(?:kilo|centi|milli)?met(?:re|er)s?|[kcm]m|m|f(?:oo|ee)t|ft|inch(?:es)?|miles?|yards?|"
    r"storeys?|fathoms?|leagues?|light[- ]years?|square \w+|acres?|hectares?"
)
_TIMES = (
    r"seconds?|minutes?|hours?|days?|weeks?|months?|years?|nights?|seasons?|centur(?:y|ies)|"
    r"decades?|winters?|summers?"
)
_MASSES = r"(?:kilo|milli)?gram(?:me)?s?|kilos?|kg|mg|g|tonn?e?s?|pounds?|lbs?|ounces?|stone"
_MONTHS_AND_DAYS = (
    r"(?:jan|febr)uary|march|april|may|june|july|august|(?:sept|nov|dec)ember|october|"
    r"(?:mon|tues|wednes|thurs|fri|satur|sun)days?"
)
_NAME = r"(?<=[^.!?|\n] )[\"“(]?[^\W\d_a-zß-ÿ]\w+"  # a capital inside a sentence


def _words(pattern: str) -> str:
    return rf"\b(?i:{pattern})\b"


def _measured(units: str) -> str:
    return rf"\b(?i:{_COUNT}[ -]?(?:\w+[ -])?(?:{units}))\b|\d ?(?:{units})\b"


_NUMBER = r"\d|" + _words(
    "one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|(?:thir|four|fif|six|seven|"
    "eigh|nine)teen|twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety|half|once|twice|dozens?|"
    "hundred|thousand|million|billion|no|none"
)

# (kind, what the question says, what the answer holds), the more special first. The question is in
# small letters and begins with its question word.
_TABLE = (
    (
        "share",
        r"\b(?:what|which) (?:share|percentage|proportion|majority)"
        r"|^how large a (?:majority|share)",
        _words(
            r"per ?cent|half|quarters?|thirds?|fifths?|eighths?|tenths?|"
            r"in (?:a )?(?:ten|hundred|\d+)"
        )
        + r"|%|\b\d+ of\b",
    ),
    (
        "age",
        r"\bhow old\b|\bwhat age\b",
        _measured(_TIMES) + "|" + _words(r"age of|aged|years? old|\w+teen"),
    ),
    (
        "temperature",
        r"\bhow (?:hot|warm|cold)\b|\btemperature\b",
        "°|" + _words(r"degrees?|minus \d+|celsius|fahrenheit"),
    ),
    (
        "speed",
        r"\bhow fast\b|\bspeed\b",
        _words(r"(?:an?|per) (?:hour|second|minute|day)|mph|knots?|speed of") + r"|km/h|\b/[hs]\b",
    ),
    (
        "frequency",
        r"\bhow (?:often|frequently|many times)\b",
        _words(
            r"every|each|once|twice|times|daily|weekly|monthly|yearly|annually|always|never|no|"
            r"(?:a|per) (?:day|week|month|year)"
        ),
    ),
    ("mass", r"\bhow heavy\b|\bweigh|\bweight\b", _measured(_MASSES)),
    (
        "length",
        r"\bhow (?:high|tall|deep|wide|far|thick|broad)\b"
        r"|\bwhat (?:height|depth|distance|width)",
        _measured(_LENGTHS) + r"|_mm: \d",
    ),
    (
        "duration",
        r"\bhow (?:long|early|late|soon|quickly)\b",
        _measured(f"{_LENGTHS}|{_TIMES}"),
    ),
    (
        "money",
        r"\bhow much (?:(?:does|do|did|will|is|was|were|must|would|has|have)\b.*\b(?:cost|pay|paid|"
        r"spen[dt]|charge|earn)|(?:is|are|was|were) (?:an?|the)\b|money|was spent)"
        r"|\b(?:cost|price|fee|fare|rent)s?\b|\bpay\b",
        r"[$€£¥]|\b\d+\.\d\d\b(?! (?:[mb]illion|per|\w*met|k?m\b))"
        r"|(?i:(?:price|cost|fare|fee|passenger|driver)\w*:? \d)|"
        + _words(
            "pounds?|euros?|dollars?|crowns?|francs?|cents?|pence|pennies|shillings?|marks?|free|"
            "nothing|charges?"
        ),
    ),
    ("year", r"\b(?:what|which) year\b", r"\b(?:1\d|20)\d\d\b"),
    (
        "time",
        r"^when\b|^until when\b|\b(?:what|which) (?:day|date|month|time|weekday|season|hour)"
        r"|^(?:wann|quand|cuándo|cuando|quando|wanneer)\b",
        r"\d|"
        + _words(
            rf"{_MONTHS_AND_DAYS}|{_TIMES}|noon|midnight|spring|autumn|christmas|easter|daily|weekly"
        ),
    ),
    (
        "number",
        r"\bhow (?:many|much)\b|\b(?:what|which) (?:number|quantity|pressure|frequency|channel|"
        r"telephone|power|voltage|part|code)"
        r"|^(?:wie ?viele?|combien|cuánt[oa]s?|quant[oie]|hoeveel)\b",
        _NUMBER,
    ),
    (
        "colour",
        r"\b(?:what|which) colou?r",
        _words(
            "red|blue|green|yellow|white|black|grey|gray|brown|orange|purple|violet|pink|"
            "gold(?:en)?|silver|amber|turquoise"
        ),
    ),
    (
        "person",
        r"^who(?:se|m)?\b|^(?:wer|wem|wen|qui|quién|chi)\b",
        _NAME
        + r"|\b(?:keeper|master|captain|teacher|doctor|workers?|staff|members?|people|guards?|"
        r"students?|pupils?|officers?|engineers?|whoever|everybody|anyone|nobody|those|children|"
        r"visitors?|passengers?)\b",
    ),
    (
        "place",
        r"^where\b|\b(?:what|which) (?:city|town|country|place|street|village)\b"
        r"|^(?:wo|wohin|où|dónde|dove)\b",
        _NAME
        + "|"
        + _words(
            "in|at|on|behind|under|below|beside|near|above|inside|into|opposite|beneath|between|"
            "outside"
        ),
    ),
    (
        "reason",
        r"^why\b|\breason\b|^(?:warum|weshalb|pourquoi|por qué|perché)\b",
        _words(
            r"because|since|for|so that|as|caus\w+|due|reasons?|otherwise|therefore|thus|hence|so|"
            "which means|lest|to"
        ),
    ),
    (
        "name",
        r"\bcalled\b|\bnames?\b|\btitle\b"
        r"|\bwhich (?:company|ship|student|ticket|case|woman|man|person)",
        _NAME + "|" + _words("called|christened|named|known as|name") + "|[“\"‘'«]",
    ),
    (
        "permission",
        r"^(?:may|can|could|should|must|is it|are|do i|will)\b",
        _words(
            "may|must|can|cannot|allowed|forbidden|permitted|not|no|nobody|none|only|never|free|"
            "unless|should"
        ),
    ),
)
_ASKED = tuple((name, re.compile(asks), re.compile(holds)) for name, asks, holds in _TABLE)
_LOOSE = frozenset({"frequency", "reason", "permission"})  # what any text is full of
_QUESTION_WORD = re.compile(
    r"\b(?:who(?:se|m)?|what|which|when|where|why|how|w(?:er|en|em|ann|o|ohin|arum|eshalb|ie)|"
    r"qui[eé]n|qui|quand|où|pourquoi|combien|cu[aá]ndo|cuánt[oa]s?|d[oó]nde|chi|quando|dove|perché|"
    r"quant[oie]|hoeveel|wanneer)\b"
)
_YES_OR_NO = re.compile(r"(?:may|can|could|should|must|is it|are|do|does|did|will|is there)\b")
_ENDS = re.compile(r"(?<=[.!?]) ")


@dataclass(frozen=True, slots=True)
class AnswerKind:
    """A kind of answer: `loose` when what it asks for stands in nearly every text."""

    name: str
    loose: bool
    pattern: re.Pattern[str]

    def found(self, question: str, text: str) -> bool:
        """Return whether a text holds an answer of this kind that the question does not say."""
        said = question.lower()
        return any(
            match.group().strip('"“( ').lower() not in said for match in self.pattern.finditer(text)
        )


def kind_of(question: str) -> AnswerKind | None:
    """Return what kind of answer a question asks for, or None when any text may answer.

    Of several sentences the last is the question.
    """
    sentences = [part for part in _ENDS.split(question.lower().strip()) if part.strip()]
    asked = sentences[-1] if sentences else ""
    word = _QUESTION_WORD.search(asked)
    if word and not _YES_OR_NO.match(asked):
        asked = asked[word.start() :]
    for name, asks, holds in _ASKED:
        if asks.search(asked):
            return AnswerKind(name, name in _LOOSE, holds)
    return None
