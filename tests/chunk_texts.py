"""Texts of every script and shape, for hypothesis: what a chunker must never trip over."""

from hypothesis import strategies as st

PIECES = [
    "word", "Dr. ", "A sentence. ", "b, ", "?! ", " ", "  ", "\t", "\n", "\n\n", "\r\n", "\r\n\r\n",
    "\r", "\u2028", "\u2029", "\x85", "\u00a0", "\u200b", "x" * 45,
    "é", "e\u0301", " \u0308", "a\u0301\u0302\u0303", "ﬁ", "\u00ad", "ß", "İ",
    "漢字", "かな。", "が", "カ\u3099", "「", "」と", "，",
    "क्षि", "ष", "।", "ไทย", "ำ", "ក្រ", "မြန်မာ", "한국어", "\u1100\u1161\u11a8", "தமிழ்",
    "שלום", "السلام", "؟ ", "\u0600", "\u06dd",
    "👩\u200d👩\u200d👧\u200d👦", "👍🏽", "🇩🇪", "🇫", "🏴󠁧󠁢󠁥󠁮󠁧󠁿", "❤️", "\u200d", "1️⃣", "𝔘", "𠀀",
    "# Heading\n", "\n## Lower\n", "Title\n===\n", "```\n# code\n```\n", "---\n",
    "| a | b |\n|---|---|\n", "- item\n", "1. one\n", "def f(x):\n    return x\n", "<b>",
    "\\", "\0",
]  # fmt: skip

TEXTS = st.one_of(
    st.lists(st.sampled_from(PIECES), max_size=40).map("".join),
    st.lists(st.one_of(st.sampled_from(PIECES), st.text(max_size=8)), max_size=25).map("".join),
    st.text(st.characters(codec="utf-8"), max_size=120),
)
