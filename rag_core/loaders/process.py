"""Reader processes seen from here: started lazily, kept, shared by threads, killed when due."""

from __future__ import annotations

import atexit
import logging
import os
import queue
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path

from rag_core.loaders.limits import Limits
from rag_core.loaders.parsed import OnStep, Parsed, Refusal
from rag_core.loaders.wire import Header, read_frame, write_frame

_log = logging.getLogger(__name__)

_ROOT = Path(__file__).resolve().parents[2]
_AT_ONCE = 2
_FILES_EACH = 200
_BEAT = 0.1
_START_SECONDS = 60.0
# A parser needs no keys and no proxies: what is not listed here stays here.
_PASSED_ON = ("PATH", "HOME", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "TMPDIR", "TEMP", "TMP",
              "SYSTEMROOT", "LD_LIBRARY_PATH", "PYTHONHOME", "PYTHONPATH")  # fmt: skip


class _Died(Exception):
    """The reader process is gone; `started` says whether it had begun to work on the file."""

    def __init__(self, *, started: bool) -> None:
        self.started = started
        super().__init__("the reader process is gone")


class _Reader:
    """One reader process. Used by one thread at a time."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            # -P: the working directory must not be able to shadow a library.
            [sys.executable, "-P", "-m", "rag_core.loaders.reader"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=_environment(),
            # Ctrl-C in the terminal is for the app alone; it ends its readers itself.
            start_new_session=True,
        )
        self._frames: queue.Queue[tuple[Header, bytes] | None] = queue.Queue()
        threading.Thread(target=self._listen, daemon=True).start()
        self._ready = False
        self.files = 0
        self.usable = False

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    def alive(self) -> bool:
        """Return whether the process still runs."""
        return self._process.poll() is None

    def parse(self, suffix: str, data: bytes, limits: Limits, on_step: OnStep) -> Parsed:
        """Return what the process makes of the file; it is `usable` again only after an answer."""
        self.usable = False
        self.files += 1
        step = (0, 1)
        started = False
        deadline = time.monotonic() + limits.max_seconds
        if not self._ready:
            self._await_ready(on_step)
            deadline = time.monotonic() + limits.max_seconds
        request: Header = {"suffix": suffix, "limits": asdict(limits)}
        # A process that hangs does not empty its pipe: the deadline must hold while writing too.
        threading.Thread(target=self._send, args=(request, data), daemon=True).start()
        while time.monotonic() < deadline:
            on_step(*step)
            try:
                frame = self._frames.get(timeout=_BEAT)
            except queue.Empty:
                continue
            if frame is None:
                raise _Died(started=started)
            header, body = frame
            if header["kind"] == "start":
                started = True
            elif header["kind"] == "step":
                step = (header["done"], header["total"])
            else:
                return self._outcome(header, body, limits)
        raise Refusal(
            f"Reading it took longer than the limit of {limits.max_seconds:g} seconds.",
            "Split the file, or raise RAGSCOPE_MAX_SECONDS.",
        )

    def _await_ready(self, on_step: OnStep) -> None:
        """Wait for the imports of a new process: their time is not the file's."""
        deadline = time.monotonic() + _START_SECONDS
        while time.monotonic() < deadline:
            on_step(0, 1)
            with suppress(queue.Empty):
                if self._frames.get(timeout=_BEAT) is None:
                    break
                self._ready = True
                return
        raise Refusal(
            "The reader process could not be started.",
            "See the terminal or the server's log for the reason, and try again.",
        )

    def _outcome(self, header: Header, body: bytes, limits: Limits) -> Parsed:
        """Return the parsed file, or raise the `Refusal` the process answered with."""
        if header["kind"] == "crash":
            foreseen = header["error"] in ("MemoryError", "RecursionError")
            level = logging.DEBUG if foreseen else logging.WARNING
            _log.log(level, "A reader process failed:\n%s", header["trace"])
            raise _crash(header["error"], limits)
        self.usable = not header["tired"] and self.files < _FILES_EACH
        if header["kind"] == "refused":
            raise Refusal(header["reason"], header["hint"])
        pages = tuple((start, end) for start, end in header["pages"])
        return Parsed(body.decode("utf-8"), header["metadata"], pages, tuple(header["notes"]))

    def _send(self, request: Header, data: bytes) -> None:
        # When the process is gone, the listening side says so.
        with suppress(OSError, ValueError):
            if self._process.stdin:
                write_frame(self._process.stdin, request, data)  # type: ignore[arg-type]

    def _listen(self) -> None:
        stream = self._process.stdout
        if stream:
            with stream:
                while (frame := read_frame(stream)) is not None:  # type: ignore[arg-type]
                    self._frames.put(frame)
        self._frames.put(None)

    def end(self) -> None:
        """Kill the process and wait until it is gone."""
        self._process.kill()
        self._process.wait()
        # A writer blocked on the pipe wakes when its reader is gone, and lets go of the buffer.
        if self._process.stdin:
            with suppress(OSError):
                self._process.stdin.close()


class ReaderPool:
    """Up to `size` reader processes, shared by all threads of this process."""

    def __init__(self, size: int = _AT_ONCE) -> None:
        self._size = size
        self.forget()

    def forget(self) -> None:
        """Start anew without touching the processes: in a fork, they belong to the parent."""
        self._slots = threading.BoundedSemaphore(self._size)
        self._lock = threading.Lock()
        self._idle: list[_Reader] = []

    def pids(self) -> list[int]:
        """Return the ids of the processes that wait for work."""
        with self._lock:
            return [reader.pid for reader in self._idle]

    def parse(self, suffix: str, data: bytes, limits: Limits, on_step: OnStep) -> Parsed:
        """Return the file's text; raises `Refusal`, or whatever `on_step` raises.

        `on_step` is called ten times a second, also while nothing moves.
        """
        while not self._slots.acquire(timeout=_BEAT):
            on_step(0, 1)
        try:
            try:
                return self._parse_once(suffix, data, limits, on_step)
            except _Died as death:
                if death.started:
                    raise _sudden_end() from death
            # It died while it waited for work: that was not this file's fault.
            try:
                return self._parse_once(suffix, data, limits, on_step)
            except _Died as death:
                raise _sudden_end() from death
        finally:
            self._slots.release()

    def _parse_once(self, suffix: str, data: bytes, limits: Limits, on_step: OnStep) -> Parsed:
        reader = self._take()
        try:
            return reader.parse(suffix, data, limits, on_step)
        finally:
            # Whatever ended the work (time, a stop button, an interrupt): a process that has not
            # answered may still be busy with the file, and is killed.
            if reader.usable:
                with self._lock:
                    self._idle.append(reader)
            else:
                reader.end()

    def _take(self) -> _Reader:
        with self._lock:
            while self._idle:
                reader = self._idle.pop()
                if reader.alive():
                    return reader
                reader.end()
        try:
            return _Reader()
        except OSError as error:
            raise Refusal(
                f"The reader process could not be started ({error}).",
                "Close other programs, and try again.",
            ) from error

    def close(self) -> None:
        """End the processes that wait for work; those at work end with this process."""
        with self._lock:
            while self._idle:
                self._idle.pop().end()


def _environment() -> dict[str, str]:
    env = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    paths = [str(_ROOT), *filter(None, [env.get("PYTHONPATH")])]
    # Thread pools of numeric libraries reserve address space for every core, and are not used.
    return env | {"PYTHONPATH": os.pathsep.join(paths), "OPENBLAS_NUM_THREADS": "1",
                  "OMP_NUM_THREADS": "1"}  # fmt: skip


def _crash(error: str, limits: Limits) -> Refusal:
    if error == "MemoryError":
        return Refusal(
            f"Reading it needs more memory than the limit of {limits.max_memory_bytes // 2**20:,} "
            "MB.",
            "Split the file, or raise RAGSCOPE_MAX_MEMORY_MB.",
        )
    if error == "RecursionError":
        return Refusal(
            "It is nested too deeply to be read.", "Save it anew in the program it was made with."
        )
    return Refusal(
        f"It could not be read ({error}): it is probably damaged.",
        "Save it anew in the program it was made with, or convert it to .txt or .pdf.",
    )


def _sudden_end() -> Refusal:
    return Refusal(
        "The process that was reading it ended suddenly: the file is damaged or hostile, or the "
        "machine is out of memory.",
        "Save it anew in the program it was made with, and try again.",
    )


POOL = ReaderPool()
atexit.register(POOL.close)
_at_fork: Callable[..., None] | None = getattr(os, "register_at_fork", None)
if _at_fork:
    _at_fork(after_in_child=POOL.forget)
