"""The reader process: parses files that may be hostile, one at a time, and answers in frames.

Started as `python -m rag_core.loaders.reader` by process.py. It may be killed at any moment and
holds nothing worth keeping. What a parser raises unexpectedly is not caught: it ends the process
through `sys.excepthook`, which is the one place that turns any exception into an answer.
"""

from __future__ import annotations

import os
import queue
import sys
import threading
import time
import traceback
import warnings
from types import TracebackType
from typing import BinaryIO, NoReturn

from rag_core.loaders import bounds
from rag_core.loaders.formats import LOADERS
from rag_core.loaders.limits import Limits
from rag_core.loaders.parsed import Refusal
from rag_core.loaders.wire import Header, read_frame, write_frame

_REPORT_EVERY = 0.1


def main() -> NoReturn:
    """Serve requests until standard input ends."""
    requests, answers = _take_pipes()
    warnings.simplefilter("ignore")
    _answer_when_dying(answers)
    waiting: queue.Queue[tuple[Header, bytes]] = queue.Queue()
    threading.Thread(target=_listen, args=(requests, waiting), daemon=True).start()
    write_frame(answers, {"kind": "ready"})
    while True:
        header, data = waiting.get()
        _serve(header, data, answers)


def _take_pipes() -> tuple[BinaryIO, BinaryIO]:
    """Return the two pipes, and give libraries that print or read something harmless instead."""
    requests, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nothing = os.open(os.devnull, os.O_RDWR)
    os.dup2(nothing, 0)
    os.dup2(nothing, 1)
    return requests, answers


def _listen(requests: BinaryIO, waiting: queue.Queue[tuple[Header, bytes]]) -> None:
    """Queue requests; when the other side is gone, end at once, even in mid-parse."""
    while (frame := read_frame(requests)) is not None:
        waiting.put(frame)
    os._exit(0)


def _answer_when_dying(answers: BinaryIO) -> None:
    def report(
        kind: type[BaseException], error: BaseException, trace: TracebackType | None
    ) -> None:
        bounds.bound_memory(None)
        lines = traceback.format_exception(kind, error, trace, limit=-5)
        header = {"kind": "crash", "error": kind.__name__, "trace": "".join(lines)[-4_000:]}
        write_frame(answers, header)
        os._exit(1)

    sys.excepthook = report


def _serve(header: Header, data: bytes, answers: BinaryIO) -> None:
    limits = Limits(**header["limits"])
    bounds.bound_memory(limits.max_memory_bytes)
    bounds.bound_cpu(limits.max_seconds)
    write_frame(answers, {"kind": "start"})
    last = 0.0

    def on_step(done: int, total: int) -> None:
        nonlocal last
        if (now := time.monotonic()) - last >= _REPORT_EVERY:
            last = now
            write_frame(answers, {"kind": "step", "done": done, "total": total})

    try:
        parsed = LOADERS[header["suffix"]](data, limits, on_step)
    except Refusal as refusal:
        answer: Header = {"kind": "refused", "reason": refusal.reason, "hint": refusal.hint}
        text = b""
    else:
        answer = {"kind": "done", "metadata": parsed.metadata, "pages": parsed.pages,
                  "notes": parsed.notes}  # fmt: skip
        text = parsed.text.encode("utf-8")
    # What one large file made of the heap should not be held against the next.
    answer["tired"] = bounds.virtual_memory() > limits.max_memory_bytes / 2
    write_frame(answers, answer, text)


if __name__ == "__main__":
    main()
