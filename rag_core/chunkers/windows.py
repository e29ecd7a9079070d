"""The walk along a text that every strategy shares: reach, cut, trim, step back by the overlap."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rag_core.chunkers.separators import IDEOGRAPHS, Finder, last_word, skip_space
from rag_core.chunkers.units import Ruler
from rag_core.graphemes import cluster_end, cluster_start, joined

_GAP = re.compile(rf"\s++|(?<=[{IDEOGRAPHS}])(?=\S)|(?=[{IDEOGRAPHS}])")


@dataclass(frozen=True, slots=True)
class Walk:
    """How to cut `text` into windows of at most `size` units.

    `plain` is the text with plain lines. `finders` are asked in order of preference, each for the
    last cut that leaves at least `fill` (0 to 1) of the room for new text used; `last_word` is
    asked for any cut at all, and after it a grapheme cluster's edge always is one.
    """

    text: str
    plain: str
    ruler: Ruler
    size: int
    overlap: int
    finders: Sequence[Finder]
    fill: float = 0.5

    def windows(self, low: int, high: int) -> Iterator[tuple[int, int]]:
        """Yield (start, end) of windows that cover all but white space of [low, high), in order.

        Starts and ends both grow. Only a single grapheme cluster can be longer than `size`.
        """
        fresh = self._first(low)  # nothing before it is left to cover
        start = fresh
        while fresh < high:
            cut = self._cut(start, fresh, high)
            if cut <= fresh and start < fresh:  # the overlap leaves no room for anything new
                start = fresh
                cut = self._cut(start, fresh, high)
            if cut <= fresh:
                cut = cluster_end(self.text, fresh)
            end = self._trimmed(fresh, cut)
            yield start, end
            fresh = self._first(cut)
            start = self._overlapping(start, end, fresh)

    def _first(self, at: int) -> int:
        """Return the start of the first cluster from `at` on that is not white space."""
        text = self.text
        found = skip_space(text, at) if text[at : at + 1].isspace() else at
        if found >= len(text) or text[found] < "\u0300":  # the common case, decided without a call
            return found
        return cluster_start(text, found, at) if joined(text, found) else found

    def _trimmed(self, fresh: int, cut: int) -> int:
        text = self.text
        if not text[cut - 1].isspace():
            return cut
        end = cut - 1
        if text[end - 1].isspace():
            end = fresh + len(text[fresh:end].rstrip())
        return end + 1 if text[end - 1] >= "\u0300" and joined(text, end) else end

    def _cut(self, start: int, fresh: int, high: int) -> int:
        """Return the best place to end a window from `start`; not past `fresh` if there is none."""
        limit = self._limit(self.ruler.reach(start, self.size), fresh)
        if limit >= high:
            return high
        low = fresh + int((limit - fresh) * self.fill)
        for find in self.finders:
            cut = find(self.plain, low, limit)
            if cut > low:
                break
        else:
            cut = last_word(self.plain, fresh, limit)
        if not fresh < cut <= limit:
            cut = limit
        return cluster_start(self.text, cut, fresh) if cut > fresh else cut

    def _limit(self, reach: int, fresh: int) -> int:
        """Return how far a window may go: white space at its end costs nothing."""
        text = self.text
        if reach >= len(text) or not text[reach].isspace():
            return reach
        if joined(text, reach):
            return cluster_start(text, reach, fresh)
        return skip_space(text, reach)

    def _overlapping(self, start: int, end: int, fresh: int) -> int:
        """Return where the next window starts: at most `overlap` units before `end`."""
        if not self.overlap:
            return fresh
        earliest = max(self.ruler.back(end, self.overlap), start + 1)
        if earliest >= end:
            return fresh
        if self.plain[earliest - 1].isspace() and not self.plain[earliest].isspace():
            found = earliest
        else:
            gap = _GAP.search(self.plain, earliest, end)
            found = gap.end() if gap else earliest
        begin = cluster_start(self.text, found, start)
        if begin < found:
            begin = self._first(cluster_end(self.text, begin))
        return begin if begin < end else fresh
