"""A page of a PDF as a picture, with a passage marked; drawn in a process that can be ended.

`python -m rag_core.page_image PAGE` reads a PDF and, behind a line with its length, the passage
from standard input, and writes a PNG: whatever a hostile file does to PDFium, it does it there.
"""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

from rag_core.errors import LoadError

_SECONDS = 20
_WIDTH = 1100  # pixels: sharp in half a screen
_MOST = 16_000_000  # pixels of a picture
_SOUGHT = 60  # characters of the passage; a longer one is often broken up in the file
_PASSED_ON = ("PATH", "SYSTEMROOT", "LD_LIBRARY_PATH", "LANG")
_MARK = (245, 176, 65, 90)


def page_image(data: bytes, page: int, passage: str = "") -> bytes:
    """Return a page, numbered from 1, as a PNG; the passage is marked where PDFium finds it.

    Raises:
        LoadError: when the page cannot be drawn, or not in 20 seconds.
    """
    said = passage.encode("utf-8", "replace")
    try:
        done = subprocess.run(
            [sys.executable, "-P", "-m", "rag_core.page_image", str(page)],
            input=b"%d\n" % len(said) + said + data,
            env=_environment(),
            capture_output=True,
            timeout=_SECONDS,
            check=True,
        )
    except (subprocess.SubprocessError, OSError) as error:
        raise LoadError(
            f"page {page}", "this page cannot be drawn", hint="Its text is shown all the same."
        ) from error
    return done.stdout


def _environment() -> dict[str, str]:
    # No key of the environment reaches a process that reads a stranger's file.
    passed = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    return passed | {"PYTHONPATH": str(Path(__file__).resolve().parent.parent)}


def draw(data: bytes, page: int, passage: str) -> bytes:
    """Draw the page in this process; see `page_image`."""
    import pypdfium2

    document = pypdfium2.PdfDocument(data)
    try:
        found = document[page - 1]
        width, height = found.get_size()
        scale = min(_WIDTH / width, (_MOST / (width * height)) ** 0.5)
        picture = found.render(scale=scale).to_pil().convert("RGBA")
        _mark(picture, found, passage, scale, height)
        out = io.BytesIO()
        picture.convert("RGB").save(out, "PNG", optimize=True)
        return out.getvalue()
    finally:
        document.close()


def _mark(picture: Any, page: Any, passage: str, scale: float, height: float) -> None:  # noqa: ANN401 - of packages without types
    from PIL import Image, ImageDraw

    sought = re.sub(r"\s+", " ", passage).strip()[:_SOUGHT]
    if not sought:
        return
    text = page.get_textpage()
    place = text.search(sought).get_next()
    if place is None:
        return
    index, count = place
    layer = Image.new("RGBA", picture.size, (0, 0, 0, 0))
    pen = ImageDraw.Draw(layer)
    for number in range(text.count_rects(index, max(count, len(passage)))):
        left, bottom, right, top = text.get_rect(number)
        box = (left, height - top, right, height - bottom)
        pen.rectangle([edge * scale for edge in box], fill=_MARK)
    picture.alpha_composite(layer)


if __name__ == "__main__":
    length = int(sys.stdin.buffer.readline())
    wanted = sys.stdin.buffer.read(length).decode("utf-8")
    sys.stdout.buffer.write(draw(sys.stdin.buffer.read(), int(sys.argv[1]), wanted))
