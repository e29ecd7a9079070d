"""Bytes to text, whatever they were written in."""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass, replace

from rag_core.loaders.cleaning import clean_text
from rag_core.loaders.legacy import double_byte, guess_legacy
from rag_core.loaders.parsed import Refusal

# UTF-32 before UTF-16: the little-endian mark of the one begins with that of the other.
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_SIGNATURES = (
    (b"\x89PNG", "a PNG image"),
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"GIF8", "a GIF image"),
    (b"%PDF-", "a PDF"),
    (b"PK\x03\x04", "a ZIP archive or an Office file"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"\x7fELF", "a program"),
    (b"MZ\x90", "a program"),
    (b"\xd0\xcf\x11\xe0", "an old Office file"),
    (b"SQLite format 3", "a database"),
    (b"{\\rtf", "an RTF document"),
)
_DECLARED = re.compile(rb"""(?:charset|encoding)\s*=\s*["']?\s*([A-Za-z0-9._:-]{2,40})""", re.I)
# What is declared, and what is meant: browsers read these names as their supersets.
_SUPERSETS = {
    "iso8859-1": "cp1252",
    "ascii": "cp1252",
    "iso8859-9": "cp1254",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "shift_jis": "cp932",
    "euc_kr": "cp949",
    "tis-620": "cp874",
}
_NAMES = {"cp932": "shift_jis", "cp1252": "windows-1252", "cp1251": "windows-1251"}
_CONTROL = re.compile("[\x01-\x08\x0e-\x1a\x1c-\x1f\x7f]")
_LEADS = bytes(range(0xC2, 0xF5))
_PRINTED = frozenset((9, 10, 13, *range(32, 127)))
_MAX_WRONG = 5_000
_SAMPLE = 65_536


@dataclass(frozen=True, slots=True)
class Decoded:
    """Decoded and cleaned text, the encoding it was in, and remarks about it."""

    text: str
    encoding: str
    notes: tuple[str, ...] = ()


def decode(data: bytes) -> Decoded:
    """Return the text of `data`: by mark, by pattern, as UTF-8, as declared, or by likelihood.

    Raises `Refusal` when the bytes are no text at all.
    """
    for signature, kind in _SIGNATURES:
        if data.startswith(signature):
            raise Refusal(
                f"This is not text: it looks like {kind}.",
                "Give the file the ending that fits it, or save its text as .txt or .pdf.",
            )
    decoded = _decode_unicode(data) or _decode_declared(data) or _decode_legacy(data)
    sample = decoded.text[:_SAMPLE]
    if len(_CONTROL.findall(sample)) > max(2, 0.03 * len(sample)):
        raise Refusal(
            "This is not text: too many of its bytes are no characters in any encoding.",
            "Open it in the program it was made with and save it as UTF-8 text.",
        )
    return Decoded(clean_text(decoded.text), decoded.encoding, decoded.notes)


def _decode_unicode(data: bytes) -> Decoded | None:
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            rest = data[len(mark) :]
            decoded = _decode_utf8(rest) if encoding == "utf-8" else None
            decoded = decoded or _tolerant(rest, encoding)
            return replace(decoded, encoding=f"{decoded.encoding} with byte order mark")
    wide = _wide_encoding(data)
    if wide:
        return _tolerant(data, wide)
    if b"\x1b$" in data[:_SAMPLE] or b"\x1b(" in data[:_SAMPLE]:
        try:
            return Decoded(data.decode("iso2022_jp_2"), "iso-2022-jp")
        except UnicodeDecodeError:
            pass
    return _decode_utf8(data)


def _wide_encoding(data: bytes) -> str | None:
    """Return UTF-16's byte order when the NULs of `data` betray it, else None.

    Latin text has NUL in every other byte. Other scripts have it only in spaces and line ends,
    so there all NULs must lie on one side and the bytes must be unlikely as 8-bit text.
    """
    sample = data[: _SAMPLE & ~1]
    even, odd = sample[0::2].count(0), sample[1::2].count(0)
    if max(even, odd) < 2 and len(sample) > 2 * max(even, odd):
        return None
    few, many = sorted((even, odd))
    encoding = "utf-16-le" if odd == many else "utf-16-be"
    half = max(1, len(sample) // 2)
    if many > 0.3 * half and few <= 0.05 * many:
        return encoding
    # The other halves of those NULs are then spaces, line ends, digits and the like.
    beside = sample[0::2] if encoding == "utf-16-le" else sample[1::2]
    nuls = sample[1::2] if encoding == "utf-16-le" else sample[0::2]
    ascii_too = sum(not nul and byte in _PRINTED for byte, nul in zip(beside, nuls, strict=False))
    if few == 0 and ascii_too >= max(2, 0.9 * many) and not _eight_bit(sample):
        return encoding
    return None


def _eight_bit(sample: bytes) -> bool:
    """Return whether the bytes pass as UTF-8 with hardly any control characters but NUL."""
    try:
        text = sample.decode("utf-8")
    except UnicodeDecodeError as error:
        if error.start < len(sample) - 4:
            return False
        text = sample[: error.start].decode("utf-8")
    return len(_CONTROL.findall(text)) < 0.02 * len(text)


def _tolerant(data: bytes, encoding: str) -> Decoded:
    text = data.decode(encoding, errors="replace")
    notes: tuple[str, ...] = ()
    if "\ufffd" in text:
        lost = text.count("\ufffd") - _encoded_replacements(data, encoding)
        if lost > 0.1 * len(text) + 2:
            raise Refusal(
                f"This is not text: it cannot be decoded as {encoding}.",
                "Save it as UTF-8 text.",
            )
        if lost > 0:
            notes = (f"{lost:,} characters could not be decoded and are shown as �.",)
    return Decoded(text, _NAMES.get(encoding, encoding), notes)


def _encoded_replacements(data: bytes, encoding: str) -> int:
    """Return how many U+FFFD the file holds itself: those are its own, not our losses."""
    if not encoding.startswith("utf"):
        return 0
    return data.decode(encoding, errors="ignore").count("\ufffd")


def _decode_utf8(data: bytes) -> Decoded | None:
    """Decode UTF-8 that is whole, cut off at its end, or holds a few Windows-1252 bytes."""
    try:
        return Decoded(data.decode("utf-8"), "utf-8")
    except UnicodeDecodeError:
        pass
    pieces, wrong = _utf8_pieces(data)
    if not wrong:
        return None
    lost = b"".join(data[start:end] for start, end in wrong)
    right = _leads(data) - _leads(lost)
    start, end = wrong[-1]
    if len(wrong) == 1 and end == len(data) and (right > 0 or end - start > 1):
        note = "The file ends in the middle of a character: its last bytes were left out."
        return Decoded(data[:start].decode("utf-8"), "utf-8", (note,))
    # In a legacy encoding hardly any bytes form UTF-8 by chance: one pair in ten at most, but
    # for East Asian ones, which show themselves.
    if right >= 2 and right * 3 >= len(lost) and not double_byte(_telling(data)):
        note = f"{len(lost):,} bytes were not UTF-8 and were read as Windows-1252."
        return Decoded("".join(pieces), "utf-8 and windows-1252", (note,))
    return None


def _utf8_pieces(data: bytes) -> tuple[list[str], list[tuple[int, int]]]:
    """Return the text in pieces, and where bytes had to be read as Windows-1252.

    Returns nothing at all when there are so many that the text cannot be UTF-8.
    """
    view = memoryview(data)
    pieces: list[str] = []
    wrong: list[tuple[int, int]] = []
    position = 0
    while position < len(data) and len(wrong) <= _MAX_WRONG:
        try:
            pieces.append(str(view[position:], "utf-8"))
            return pieces, wrong
        except UnicodeDecodeError as error:
            start, end = position + error.start, position + error.end
        pieces.append(str(view[position:start], "utf-8"))
        pieces.append(data[start:end].decode("cp1252", "replace"))
        wrong.append((start, end))
        position = end
    return (pieces, wrong) if position == len(data) else ([], [])


def _leads(data: bytes) -> int:
    """Return how many bytes begin a multi-byte character, if `data` is UTF-8."""
    return len(data) - len(data.translate(None, _LEADS))


def _decode_declared(data: bytes) -> Decoded | None:
    """Decode by the charset that the head of an HTML or XML file declares, if that works."""
    head = data[:4096].lstrip()
    if not head.startswith(b"<"):
        return None
    for match in _DECLARED.finditer(head):
        try:
            name = codecs.lookup(match[1].decode("ascii")).name
            encoding = _SUPERSETS.get(name, name)
            return Decoded(data.decode(encoding), f"{_NAMES.get(encoding, encoding)} (declared)")
        except (LookupError, UnicodeDecodeError, ValueError):
            continue
    return None


def _decode_legacy(data: bytes) -> Decoded:
    """Decode 8-bit text of which nothing is known, by what it most likely is."""
    return _tolerant(data, guess_legacy(_telling(data)))


def _telling(data: bytes) -> bytes:
    """Return a sample from the first byte above 127 on: before it, all encodings are the same."""
    high = re.search(rb"[\x80-\xff]", data)
    first = high.start() if high else 0
    start = max(data.rfind(b"\n", 0, first) + 1, first - 2_000)
    return data[start : start + _SAMPLE]
