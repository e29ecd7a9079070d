"""Indexing in the background: a queue that outlives page changes, refreshes and closed tabs."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from rag_core.access import require
from rag_core.errors import Cancelled, RagError
from rag_core.pipeline import RagPipeline
from rag_core.protocols import Progress
from rag_core.reports import FileReport
from rag_core.uploads import Upload

_BUG = "Indexing ended with an error that Ragscope did not expect."
State = Literal["waiting", "working", "done"]


@dataclass(frozen=True, slots=True)
class FileProgress:
    """Where one file is: `done` of `total` steps of `stage`; `report` once it is through."""

    upload: Upload
    state: State = "waiting"
    stage: str = ""
    done: int = 0
    total: int = 0
    report: FileReport | None = None


class IngestQueue:
    """Indexes accepted files one after another in a thread of its own. Thread-safe."""

    def __init__(self, pipeline: RagPipeline) -> None:
        self._pipeline = pipeline
        self._lock = threading.Lock()
        self._files: dict[int, FileProgress] = {}
        self._cancelled: set[int] = set()
        self._worker: threading.Thread | None = None

    def submit(self, files: Sequence[tuple[str, bytes]]) -> None:
        """Accept (name, data) files, which makes them durable, and index them in the background.

        Raises:
            HomeError: when a file cannot be kept; those before it are accepted.
        """
        for name, data in files:
            self._enqueue(self._pipeline.accept(name, data))

    def resume(self, uploads: Sequence[Upload]) -> None:
        """Index uploads that an earlier run left unfinished."""
        require("editor", "add documents")
        for upload in uploads:
            self._enqueue(upload)

    def cancel(self, upload_id: int | None = None) -> None:
        """Stop one file, or all that are not done; what is indexed already stays."""
        require("editor", "stop the indexing of a file")
        with self._lock:
            unfinished = {id_ for id_, file in self._files.items() if file.state != "done"}
            self._cancelled |= unfinished if upload_id is None else unfinished & {upload_id}

    def clear(self) -> None:
        """Forget the files that are done, so that the list is empty for the next upload."""
        require("editor", "clear the list of uploads")
        with self._lock:
            self._files = {id_: f for id_, f in self._files.items() if f.state != "done"}

    def files(self) -> list[FileProgress]:
        """Return every file of this queue, in the order they came."""
        with self._lock:
            return list(self._files.values())

    @property
    def busy(self) -> bool:
        """Whether some file is not done yet."""
        return any(file.state != "done" for file in self.files())

    def unfinished(self) -> list[Upload]:
        """Return accepted files that nothing is working on.

        A crash or a restart left them, or they failed for a reason that may pass, such as a full
        disk.
        """
        ours = {file.upload.id for file in self.files() if file.state != "done"}
        return [upload for upload in self._pipeline.unfinished() if upload.id not in ours]

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until nothing is left to do, at most `timeout` seconds; return whether it is so."""
        end = None if timeout is None else time.monotonic() + timeout
        while self.busy and (end is None or time.monotonic() < end):
            worker = self._worker
            if worker is not None:
                worker.join(None if end is None else max(0.0, end - time.monotonic()))
        return not self.busy

    def _enqueue(self, upload: Upload) -> None:
        with self._lock:
            known = self._files.get(upload.id)
            if known is None or known.state == "done":  # done, but failed: this is another try
                self._cancelled.discard(upload.id)
                self._files[upload.id] = FileProgress(upload)
            if self._worker is None:
                self._start()

    def _start(self) -> None:
        # A daemon: ending the program must not wait; what is unfinished is on record.
        self._worker = threading.Thread(target=self._work, name="ingest", daemon=True)
        self._worker.start()

    def _work(self) -> None:
        try:
            while (upload := self._next()) is not None:
                self._index(upload)
        finally:
            with self._lock:
                if self._worker is threading.current_thread():  # ended by a bug: the rest goes on
                    self._start()

    def _index(self, upload: Upload) -> None:
        report = FileReport(upload.name, "failed", error=_BUG, hint="The log says more.")
        try:
            report = self._report(upload)
        finally:  # whatever happens, no file stays "working" for ever
            with self._lock:
                self._files[upload.id] = FileProgress(upload, "done", report=report)

    def _next(self) -> Upload | None:
        with self._lock:
            for id_, file in self._files.items():
                if file.state == "waiting":
                    self._files[id_] = replace(file, state="working", stage="reading")
                    return file.upload
            # Under the lock that `_enqueue` takes: a file that comes now starts a new worker.
            self._worker = None
            return None

    def _report(self, upload: Upload) -> FileReport:
        def on_progress(progress: Progress) -> None:
            with self._lock:
                if upload.id in self._cancelled:
                    raise Cancelled
                self._files[upload.id] = replace(
                    self._files[upload.id],
                    stage=progress.stage,
                    done=progress.done,
                    total=progress.total,
                )

        try:
            return self._pipeline.process(upload, on_progress=on_progress)
        except RagError as error:  # even the clean-up failed: on a full disk, say
            return FileReport(upload.name, "failed", error=error.message, hint=error.hint)
