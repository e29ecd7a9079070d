"""Take a picture of every page, with the sample library, into docs/.

    .venv/bin/python scripts/screenshots.py [PAGE ...]

Pages are those of the menu, so a new one is pictured without a change here. Each is opened by a
link that shows it at work; PAGE names some of them, by url path.
"""

from __future__ import annotations

import io
import re
import sys
import tempfile
from pathlib import Path

from PIL import Image

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from browser import open_browser, running_app, settled  # noqa: E402

from rag_core import RagPipeline, load  # noqa: E402
from ui import navigation  # noqa: E402

OUT = ROOT / "docs"
# What a page shows at once is often a question; these links show an answer. The rest as it opens.
LINKS = {
    "overview": "",
    "search": "search?q=station+where+returned+books+are+measured",
    "chat": "chat?q=How+much+oxygen+is+left+in+the+air+of+the+book+vault%3F",
    "similarity": "similarity?panel=Matrix",
    "lessons": "lessons?lesson=2",
    "chunking": "chunking?doc=book-store-handbook.md",
}
DARK = ("search", "chunking")
_COLOURS = 128  # of a picture: enough for two themes' tints, and a third of the size


def save(data: bytes, path: Path) -> None:
    """Write a picture with few colours."""
    picture = Image.open(io.BytesIO(data)).convert("RGB")
    few = picture.quantize(_COLOURS, method=Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE)
    few.save(path, optimize=True)


def prepare(home: Path) -> None:
    """Index the sample library."""
    with RagPipeline.open(home) as pipeline:
        for file in sorted((ROOT / "samples" / "library").iterdir()):
            pipeline.ingest([load(file.name, file.read_bytes())])


def main() -> None:
    """Take the pictures."""
    chosen = sys.argv[1:] or [*navigation.FILES, "audience"]
    OUT.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder) / "home"
        prepare(home)
        with running_app(home) as app, open_browser() as context:
            page = context.new_page()
            settled(page, app.url)
            for name in chosen:
                for scheme in ("light", "dark") if name in DARK else ("light",):
                    page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
                    settled(page, f"{app.url}/{LINKS.get(name, name)}")
                    page.wait_for_load_state("networkidle")
                    page.wait_for_timeout(1_000)  # charts grow to their size
                    place = OUT / f"{name}{'-dark' if scheme == 'dark' else ''}.png"
                    save(page.screenshot(), place)
                    sys.stdout.write(f"{place.name} {place.stat().st_size // 1024} KB\n")
                if name == "chat":
                    page.get_by_role("button", name=re.compile(r"\[1\]")).first.click()
                    page.locator("mark").first.wait_for()
                    page.wait_for_timeout(1_500)
                    page.locator("mark").first.evaluate("e => e.scrollIntoView({block: 'center'})")
                    page.wait_for_timeout(500)
                    save(page.screenshot(), OUT / "source.png")


if __name__ == "__main__":
    main()
