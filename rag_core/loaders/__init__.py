"""Files to documents, by suffix, within limits, whatever the files hold."""

from __future__ import annotations

from rag_core.datatypes import Document
from rag_core.errors import LoadError
from rag_core.loaders.cleaning import display_name, has_text, suffix_of
from rag_core.loaders.formats import HINTS, LOADERS
from rag_core.loaders.limits import Limits
from rag_core.loaders.parsed import Parsed, Refusal
from rag_core.loaders.plain import parse_plain
from rag_core.loaders.process import POOL
from rag_core.protocols import OnProgress, Progress

_SMALL = 1024 * 1024

__all__ = ["LOADERS", "Limits", "load"]


def load(
    name: str,
    data: bytes,
    *,
    limits: Limits | None = None,
    on_progress: OnProgress | None = None,
) -> Document:
    """Return the document in `data`; `name` decides by its suffix how it is read.

    `name` is shown and takes part in the document's id, without folders and control characters;
    it is never opened. `limits` default to `Limits.from_env()`. `on_progress` is called about ten
    times a second with the stage "reading" (of a PDF, `done` and `total` are pages); what it
    raises, such as `Cancelled`, ends the work and comes out of here. Metadata holds at least
    "format", and what the format knows: "encoding", "pages", "parser", "title", "author",
    "created".

    Raises LoadError, saying what is wrong with the file and what to do about it, and SettingsError
    for a bad environment variable. Nothing else, whatever the bytes are.
    """
    shown = display_name(name)
    bounds = limits or Limits.from_env()
    try:
        parsed = _parse(shown, data, bounds, on_progress)
    except Refusal as refusal:
        raise LoadError(shown, refusal.reason, hint=refusal.hint) from refusal
    metadata = {"format": suffix_of(shown)[1:], **parsed.metadata}
    return Document.from_text(
        shown,
        parsed.text,
        metadata=metadata,
        pages=parsed.pages,
        notes=parsed.notes,
        original=bytes(data),
    )


def _parse(shown: str, data: bytes, limits: Limits, on_progress: OnProgress | None) -> Parsed:
    suffix = suffix_of(shown)
    parser = LOADERS.get(suffix)
    if parser is None:
        raise _unknown(suffix)
    if not data:
        raise Refusal("The file is empty: it holds 0 bytes.", "Check that it was saved and copied.")
    if len(data) > limits.max_bytes:
        raise Refusal(
            f"The file has {len(data) / 2**20:,.1f} MB; the limit is "
            f"{limits.max_bytes / 2**20:,.1f} MB.",
            "Split it, or raise RAGSCOPE_MAX_MB.",
        )

    def on_step(done: int, total: int) -> None:
        if on_progress:
            on_progress(Progress("reading", done, total, shown))

    # Decoding a small text takes no time. Whatever can take long, or follows what a file says of
    # itself, happens in another process, which can be ended.
    if parser is parse_plain and len(data) <= _SMALL:
        parsed = parser(data, limits, on_step)
    else:
        parsed = POOL.parse(suffix, data, limits, on_step)
    if not has_text(parsed.text):
        raise Refusal(
            "There is no text in the file.",
            "Check that it is the right one; pictures and scripts are not read.",
        )
    return parsed


def _unknown(suffix: str) -> Refusal:
    known = ", ".join(sorted(LOADERS))
    if not suffix:
        return Refusal("The file has no ending that says its type.", f"Give it one of: {known}.")
    hint = HINTS.get(suffix, "Convert it to .txt, .pdf or .docx.")
    return Refusal(f"Files of type {suffix[:20]} are not read.", f"{hint} Known types: {known}.")
