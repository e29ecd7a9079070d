"""Scenes: saved views to step through in a talk, kept in the data folder."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlsplit

from rag_core.collection_settings import CollectionSettings
from rag_core.lessons.lesson import View

MOST = 100
_LONGEST = 2_000  # characters of an address, as far as every browser takes it
# Scenes belong to the data folder and not to a collection: no collection has an empty name.
_EVERYWHERE = ""
_KEY = "scenes"


@dataclass(frozen=True, slots=True)
class Scene:
    """A view with the title it has in the list."""

    title: str
    view: View


def view_from(address: str, pages: Sequence[str]) -> View:
    """Return the view that a pasted address opens; only its page and its query are taken.

    Raises:
        ValueError: for an address that is too long, or that is of none of the pages.
    """
    if len(address) > _LONGEST:
        raise ValueError(f"an address of {len(address):,} characters is too long")
    parts = urlsplit(address.strip())
    page = parts.path.strip("/").rpartition("/")[2]
    if page not in pages:
        raise ValueError(f"{page!r} is no page; known are {', '.join(pages)}")
    return View(page, tuple(parse_qsl(parts.query, keep_blank_values=True)))


class Scenes:
    """The scenes of a data folder, in the order they are to be shown."""

    def __init__(self, settings: CollectionSettings) -> None:
        self._settings = settings

    def list(self) -> list[Scene]:
        """Return them in order."""
        kept = self._settings.get(_EVERYWHERE, _KEY) or []
        return [
            Scene(
                str(one["title"]),
                View(str(one["page"]), tuple((str(k), str(v)) for k, v in one["query"])),
            )
            for one in kept
        ]

    def add(self, scene: Scene) -> None:
        """Keep a scene at the end; one with the same title is replaced where it stands.

        Raises:
            ValueError: for a scene without a title, or one more than MOST.
        """
        title = scene.title.strip()
        if not title:
            raise ValueError("a scene needs a title")
        kept = self.list()
        titles = [one.title for one in kept]
        if title in titles:
            kept[titles.index(title)] = Scene(title, scene.view)
        elif len(kept) >= MOST:
            raise ValueError(f"{len(kept)} scenes are kept, and {MOST} are the most")
        else:
            kept.append(Scene(title, scene.view))
        self._keep(kept)

    def remove(self, title: str) -> None:
        """Forget a scene; an unknown one is ignored."""
        self._keep([one for one in self.list() if one.title != title])

    def _keep(self, scenes: Sequence[Scene]) -> None:
        self._settings.put(
            _EVERYWHERE,
            _KEY,
            [
                {
                    "title": one.title,
                    "page": one.view.page,
                    "query": [list(p) for p in one.view.query],
                }
                for one in scenes
            ],
        )
