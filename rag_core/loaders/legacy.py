"""Which 8-bit or double-byte encoding some bytes are most likely in.

Statistical detectors need a page of text; uploads are often a sentence. What a person of that
language would see at once is decided here by rule, and only the single-byte Latin alphabets are
left to charset-normalizer, which is right about those when there is enough text.
"""

from __future__ import annotations

import re

# The ten or so commonest letters of the language each alphabet is mostly used for: half to
# three quarters of any text. Read in the wrong alphabet, a text rarely reaches a third.
_COMMON = {
    "cp1251": "оеаинтсрвлкіу",
    "koi8_r": "оеаинтсрвлкіу",
    "cp866": "оеаинтсрвлкіу",
    "cp1253": "αοιετσνηυρπκμλόάίέή",
    "cp1255": "יוהלארתבמשנ",
    "cp1256": "اليمونرتبةعد",
    "cp874": "านรอกเงมยลวดท่้ีัิ",
}
_CENTRAL = {"Polish", "Czech", "Slovak", "Hungarian", "Romanian", "Slovene", "Croatian"}
_HIGH_RUN = re.compile(rb"[\x80-\xff]+")
_ENOUGH = 40


def guess_legacy(sample: bytes) -> str:
    """Return the codec `sample` is most likely in; Windows-1252 when nothing speaks against it.

    `sample` holds at least one byte above 127, is not UTF-8, and may be cut at its end.
    """
    return double_byte(sample) or _other_alphabet(sample)[0] or _latin(sample)


def double_byte(sample: bytes) -> str | None:
    """Return the East Asian codec that reads the sample as common characters, or None."""
    japanese = {codec: _read(sample, codec) for codec in ("cp932", "euc_jp")}
    for codec, text in japanese.items():
        # Japanese is full of kana. Half-width ones are what European bytes turn into.
        if text and _share(text, "\u3041", "\u30ff") >= 0.2 > _share(text, "\uff61", "\uff9f"):
            return codec
    if _read(sample, "cp949") and _level_one(sample, 0xB0, 0xC8, 0xA1) >= 0.9:
        return "cp949"
    alphabet, commonness = _other_alphabet(sample)
    # Thai writes no spaces, so that nothing betrays the wrong pairing of its bytes.
    if alphabet == "cp874" and commonness >= 0.5 and _read(sample, "cp874"):
        return None
    if _read(sample, "gb18030") and _level_one(sample, 0xB0, 0xD7, 0xA1) >= 0.7:
        return "gb18030"
    if _read(sample, "cp950") and _level_one(sample, 0xA4, 0xC6, 0x40) >= 0.7:
        return "cp950"
    if japanese["cp932"] and _level_one(sample, 0x88, 0x97, 0x40) >= 0.9:
        return "cp932"
    return None


def _read(sample: bytes, codec: str) -> str | None:
    """Return the sample decoded without a fault (but for a cut end), or None."""
    try:
        return sample.decode(codec)
    except UnicodeDecodeError as error:
        if error.start < len(sample) - 4 or error.start == 0:
            return None
        return sample[: error.start].decode(codec)


def _share(text: str, low: str, high: str) -> float:
    """Return the share of the characters from `low` to `high` among all that are not ASCII."""
    foreign = [c for c in text if c > "\x7f"]
    return sum(low <= c <= high for c in foreign) / max(1, len(foreign))


def _commonness(text: str, codec: str) -> float:
    """Return the share of the alphabet's commonest letters among all that are not ASCII."""
    foreign = "".join(c for c in text if c > "\x7f")
    # Only where all is in capitals: a wrong alphabet often shows by capitals inside of words.
    foreign = foreign.lower() if foreign.isupper() else foreign
    return sum(c in _COMMON[codec] for c in foreign) / max(1, len(foreign))


def _level_one(sample: bytes, low: int, high: int, least: int) -> float:
    """Return the share of double-byte characters in the codec's block of common ideographs.

    Punctuation rows (A1 to A3) count for nothing either way.
    """
    common = total = index = 0
    while index < len(sample) - 1:
        lead, trail = sample[index], sample[index + 1]
        if lead < 0x81:
            index += 1
            continue
        index += 2
        if not 0xA1 <= lead <= 0xA3:
            total += 1
            common += low <= lead <= high and trail >= least
    return common / max(1, total)


def _other_alphabet(sample: bytes) -> tuple[str | None, float]:
    """Return the likeliest non-Latin alphabet and the share of its commonest letters.

    Returns (None, 0) unless whole words are made of high bytes.
    """
    runs = _HIGH_RUN.findall(sample)
    high = sum(len(run) for run in runs)
    in_words = sum(len(run) for run in runs if len(run) > 2)
    if high < 4 or in_words < 0.6 * high:
        return None, 0.0
    best: str | None = None
    best_share = 0.4
    for codec in _COMMON:
        share = _commonness(sample.decode(codec, "replace"), codec)
        if share > best_share:
            best, best_share = codec, share
    return best, best_share


def _latin(sample: bytes) -> str:
    """Return Windows-1250 for what is surely Central European, else Windows-1252."""
    if sum(byte > 0x7F for byte in sample) < _ENOUGH:
        return "cp1252"
    from charset_normalizer import from_bytes

    found = from_bytes(sample, cp_isolation=["cp1250", "iso8859_2", "cp1252"]).best()
    if found and found.language in _CENTRAL and found.encoding != "cp1252":
        return str(found.encoding)
    return "cp1252"
