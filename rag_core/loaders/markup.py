"""HTML: what a browser would show, without scripts and styles."""

from __future__ import annotations

import re
import sys

from rag_core.loaders.cleaning import clean_text
from rag_core.loaders.encodings import decode
from rag_core.loaders.limits import Limits
from rag_core.loaders.parsed import OnStep, Parsed, Refusal, Scalar, check_characters

_HIDDEN = ("script", "style", "template", "svg", "noscript", "head")
# Columns of tables are padded to their widest cell; a search index has no use for that.
_PADDING = re.compile(r"(?<=\S) {3,}(?=\S)")
_TRAILING = re.compile(r"[ \t]+$", re.MULTILINE)
_BLANK_LINES = re.compile(r"\n{4,}")
_DEPTH = 20_000


def parse_html(data: bytes, limits: Limits, on_step: OnStep) -> Parsed:
    """Return the page's visible text, headings and paragraphs a blank line apart, and its title."""
    from inscriptis.css_profiles import CSS_PROFILES
    from inscriptis.html_engine import Inscriptis
    from inscriptis.model.config import ParserConfig
    from lxml import etree, html

    decoded = decode(data)
    metadata: dict[str, Scalar] = {"encoding": decoded.encoding}
    parser = html.HTMLParser(encoding="utf-8", huge_tree=True, remove_comments=True)
    try:
        tree = html.document_fromstring(decoded.text.encode(), parser=parser)
    except etree.ParserError:
        return Parsed("", metadata)
    except etree.LxmlError as error:
        raise Refusal(
            "The HTML is damaged beyond what a browser would forgive.",
            "Open it in a browser and save the page again.",
        ) from error
    if any(e.type == etree.ErrorTypes.ERR_RESOURCE_LIMIT for e in parser.error_log):
        # What lies deeper was left out without a word, and so was everything after it.
        raise Refusal("It is nested too deeply to be read.", "Save its text as .txt.")
    title = clean_text(" ".join((tree.findtext(".//title") or "").split()))
    if title:
        metadata["title"] = title[:500]
    etree.strip_elements(tree, *_HIDDEN, with_tail=False)
    # inscriptis recurses once per element; unclosed tags make old pages a thousand deep.
    sys.setrecursionlimit(_DEPTH)
    text = Inscriptis(tree, ParserConfig(css=CSS_PROFILES["strict"].copy())).get_text()
    check_characters(len(text), limits.max_characters)
    text = _BLANK_LINES.sub("\n\n\n", _PADDING.sub("  ", _TRAILING.sub("", clean_text(text))))
    on_step(1, 1)
    return Parsed(text.strip("\n"), metadata, notes=decoded.notes)
