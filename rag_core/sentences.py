"""Where sentences begin and end, as offsets, in any script.

A sentence ends
- at a full stop, question or exclamation mark, with the quotes and brackets that close after it,
  when white space follows and what stands around does not speak against it: an abbreviation, an
  initial, a list number, or a next word in lower case;
- at the full stops of scripts that need no space after them (。 । ۔ ። ...);
- at a blank line;
- at a line break beside a heading, list or table line, after a line of more than 200 characters,
  or after a short title-like line. Any other line break is taken for wrapped prose.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from rag_core.graphemes import joined

_STOPS = ".!?…‽⁇⁈⁉‼\u037e"  # count only before white space
_FULL_STOPS = (  # count wherever they stand
    "。！？｡．﹒﹖﹗"  # Chinese, Japanese
    "؟۔܀܁܂߹"  # Arabic, Urdu, Syriac, N'Ko
    "।॥᱾᱿꫰꫱꯫꣎꣏෴"  # Devanagari and its neighbours, Ol Chiki, Meetei Mayek, Sinhala
    "។៕။༎།᪨᪩᭚᭛᭞᭟꧈꧉꩝꩟"  # Khmer, Burmese, Tibetan, Tai Tham, Balinese, Javanese, Cham
    "։።፧፨᠃᠉᙮᜵᜶꓿꘎꘏꛳꛷"  # Armenian, Ethiopic, Mongolian, Canadian, Philippine, Lisu, Vai, Bamum
)
_CLOSERS = "\"'“”‘’«»‹›)\\]}）］｝」』】》〉〕*_"
_OPENERS = "\"'“„‘‚«»‹›([{（「『【《〈¿¡*_"
_CANDIDATE = re.compile(
    rf"[{_STOPS}{_FULL_STOPS}\n]"
    rf"(?:(?<=\n)\s*+|[{_STOPS}{_FULL_STOPS}]*+"
    rf"(?:[{_CLOSERS}]|\[\d{{1,3}}\]|[ \u00a0\u202f]»(?=\s))*+(\s*+))"
)
_FULL = frozenset(_FULL_STOPS)
_HALF = frozenset(_STOPS)
_CLOSING = frozenset(_CLOSERS)
_QUOTING = frozenset("とっ")  # Japanese goes on after a quoted sentence: 「行く。」と言った。

_LONG_LINE = 200  # characters; nobody wraps prose as far out as this
_SHORT_LINE = 60  # characters; a title may be as long
_MARKER = re.compile(r"(?:[-*+•‣◦▪]|\d{1,3}[.)]|[A-Za-z]\)|\(\w{1,3}\)|#{1,6})[ \t]|[|>]|```|~~~")
_HEADING_OR_ROW = re.compile(r"[ \t]*(?:#{1,6}[ \t]|\|)")

_NEVER_LAST = frozenset(
    "mr mrs ms dr prof st mt gen sen rep gov lt col sgt capt cmdr adm maj rev hon messrs mme mlle "
    "mgr hr fr sr dott dra ing dipl e.g i.e eg ie cf vs viz ca approx z.b d.h u.a i.d.r bzw vgl "
    "sog ggf evtl inkl usw.a p.ex n.b".split()
)
_BEFORE_NUMBER = frozenset(
    "no nos nr fig figs vol vols p pp ch chap sec sect art eq eqs v ver ed pt op cap abb tab kap "
    "bd § s jan feb mar apr jun jul aug sep sept oct nov dec janv févr avr juil déc".split()
)
_SOMETIMES_LAST = frozenset(
    "etc inc ltd co corp jr bros dept est al a.m p.m am pm u.s u.k u.n e.u ph.d m.d b.a m.a d.c "
    "usw bsp ave blvd rd gmbh cie".split()
)
_MONTHS_OF_ORDINALS = frozenset(
    "januar jänner februar märz april mai juni juli august september oktober november dezember "
    "jahrhundert jahrhunderts weltkrieg weltkriegs".split()
)
_STARTERS = frozenset(
    "a an the this that these those he she it we they i you his her its our their there here in on "
    "at by for from with after before when while since although though if as and but or so yet "
    "however then thus meanwhile what who why how where which not no yes all some many most one "
    "der die das ein eine er sie es wir ich und aber im in am auf le la les un une il elle nous "
    "el los las una".split()
)
_NEAR = 160  # characters; most sentences are shorter
_LOOK_BACK = 12  # characters; the longest abbreviation is shorter
_INITIALS = re.compile(r"[^\W\d_](?:\.[^\W\d_])+")
_LETTER_AND_DOT = re.compile(r"[^\W\d_]\.")
_NUMBERING = re.compile(r"\d{1,3}(?:\.\d{1,3})*|[A-Za-z]|[IVXivx]{1,5}")
_WORD = re.compile(r"\w+")
_OTHER_LINE_BREAKS = "\r\f\x85\u2028\u2029"
_AS_LINE_FEED = str.maketrans(dict.fromkeys(_OTHER_LINE_BREAKS, "\n"))


def sentence_spans(text: str) -> list[tuple[int, int]]:
    """Return the (start, end) of every sentence, in order, without the white space around it.

    The spans do not overlap and cover every character that is no white space. A text of white
    space has none. The time taken grows with the length of the text and with nothing else.
    """
    text = plain_lines(text)
    spans = []
    start = len(text) - len(text.lstrip())
    for end, following in sentence_breaks(text, start, len(text)):
        if end > start:
            spans.append((start, end))
        start = following
    if start < len(text):
        spans.append((start, start + len(text[start:].rstrip())))
    return spans


def plain_lines(text: str) -> str:
    """Return a text of the same length in which LF is the only line break (CRLF: space and LF).

    It is for looking, not for showing: offsets in it are offsets in `text`.
    """
    if not any(mark in text for mark in _OTHER_LINE_BREAKS):
        return text
    return text.replace("\r\n", " \n").translate(_AS_LINE_FEED)


def sentence_breaks(text: str, low: int, high: int) -> Iterator[tuple[int, int]]:
    """Yield (end of a sentence, start of what follows it) for each break found in [low, high).

    `text` has plain lines. What follows may start at or beyond `high`: where the text ends, or
    where white space runs on.
    """
    for match in _CANDIDATE.finditer(text, low, high):
        if _is_break(text, match):
            stop, tail = match.start(1), match.end()
            if stop < 0:  # a line break: what stands before it may end in spaces
                stop = match.start()
                while stop > low and text[stop - 1].isspace():
                    stop -= 1
            yield stop, tail


def last_sentence_break(text: str, low: int, high: int) -> int:
    """Return where the last sentence to begin in (low, high] begins, or -1. Plain lines."""
    near = max(low, high - _NEAR)
    while near < high and not text[near].isalpha():  # no candidate has a letter inside
        near += 1
    for begin in (near, low) if near > low else (low,):  # most often the answer is near
        for match in reversed(list(_CANDIDATE.finditer(text, begin, high))):
            if match.end() > low and _is_break(text, match):
                return match.end()
    return -1


def is_line_end(text: str, at: int, following: int) -> bool:
    """Return whether the line break at `at` ends more than a line of wrapped prose.

    `following` is the next place that is no white space. Plain lines.
    """
    if text.count("\n", at, following) > 1 or _MARKER.match(text, following):
        return True
    begin = text.rfind("\n", max(0, at - _LONG_LINE), at) + 1
    if begin == 0 and at > _LONG_LINE:
        return True
    return _HEADING_OR_ROW.match(text, begin, at) is not None or _is_title(
        text, begin, at, following
    )


def _is_title(text: str, begin: int, at: int, following: int) -> bool:
    length = at - begin
    far = following + 2 * length
    return (
        0 < length < _SHORT_LINE
        and far <= len(text)
        and text[following].isupper()
        and text[at - 1] not in ",;-–"
        and "\n" not in text[following:far]
    )


def _is_break(text: str, match: re.Match[str]) -> bool:
    following = match.end()
    if following >= len(text):
        return True
    first = match.start()
    if text[first] == "\n":
        return is_line_end(text, first, following)
    tail = match.start(1)
    if tail == following:
        return _is_full_stop(text, first, tail)
    if joined(text, following):  # a mark on the space itself
        return False
    line = text.find("\n", tail, following)
    if line >= 0 and is_line_end(text, line, following):
        return True
    return text[first] in _FULL or _is_stop(text, first, following)


def _is_full_stop(text: str, first: int, following: int) -> bool:
    """Judge a stop with no white space after it."""
    mark, after = text[first], text[following]
    if mark not in _FULL or after in _CLOSING or joined(text, following):
        return False
    if mark == "．" and after.isdigit():
        return False
    return not (after in _QUOTING and text[following - 1] not in _FULL)


def _is_stop(text: str, first: int, following: int) -> bool:
    """Judge a stop of the Latin kind that white space follows."""
    after = text[following]
    while after in _OPENERS and following + 1 < len(text):
        following += 1
        after = text[following]
    # Georgian letters are "lower case" to Unicode, but begin sentences.
    if (after.islower() and not "\u10d0" <= after <= "\u10ff") or after in _HALF:
        return False
    if text[first] != "." or text[first + 1] in _HALF:
        return True
    return not _is_abbreviation(text, first, following)


def _is_abbreviation(text: str, stop: int, following: int) -> bool:
    before = text[max(0, stop - _LOOK_BACK) : stop]
    if not before or before[-1].isspace():
        return False
    word = before.split()[-1].lstrip("([{\"'“„‘«»‹›–—/*_")
    if len(word) >= _LOOK_BACK:
        return False
    key = word.lower()
    if key in _NEVER_LAST:
        return True
    if len(word) > 5 and "." not in word:
        return False
    if key in _BEFORE_NUMBER and text[following].isdigit():
        return True
    if len(word) == 1 and _LETTER_AND_DOT.match(text, following):  # z. B., J. K.
        return True
    if key in _SOMETIMES_LAST or _is_initial(word):
        return not _next_word(text, following, _STARTERS)
    return _is_number(text, word, stop, following)


def _is_initial(word: str) -> bool:
    return (len(word) == 1 and word.isupper()) or _INITIALS.fullmatch(word) is not None


def _is_number(text: str, word: str, stop: int, following: int) -> bool:
    """Judge "1. Item" at the start of a line, and the ordinals of German dates."""
    if not _NUMBERING.fullmatch(word):
        return False
    begin = stop - len(word)
    lead = text[max(0, begin - _LOOK_BACK) : begin].rstrip(" \t#*>-")
    if lead.endswith("\n") or (not lead and begin <= _LOOK_BACK):
        return True
    return word.isdigit() and len(word) < 3 and _next_word(text, following, _MONTHS_OF_ORDINALS)


def _next_word(text: str, following: int, words: frozenset[str]) -> bool:
    found = _WORD.match(text, following, following + 20)
    return found is not None and found.group().lower() in words
