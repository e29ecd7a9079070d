"""The data folder: where everything lives, and the rule that one process owns it."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from rag_core.catalog import Catalog
from rag_core.collection_settings import CollectionSettings
from rag_core.database import Database
from rag_core.embedders.cache import PassageCache, VectorCache
from rag_core.errors import HomeError, HomeInUseError
from rag_core.giving_way import Turn
from rag_core.indexes import Indexes
from rag_core.originals import Originals
from rag_core.protocols import Embedder
from rag_core.quota import Quota
from rag_core.shared_marks import SharedMarks
from rag_core.uploads import Uploads

DEFAULT_HOME = Path(".ragscope")
CATALOG_FILE = "catalog.sqlite3"
_WAIT_SECONDS = 2.0  # long enough for a command that is just finishing, short enough to notice


def home_from_env() -> Path:
    """Return RAGSCOPE_HOME, or ./.ragscope when it is unset or empty."""
    return Path(os.environ.get("RAGSCOPE_HOME") or DEFAULT_HOME)


@contextmanager
def reading_catalog(home: Path) -> Iterator[Catalog | None]:
    """Open a data folder's catalog to read it, also beside the process that owns the folder.

    Nothing is created or changed but SQLite's own -shm and -wal files; a folder that holds no
    catalog yields None.

    Raises:
        HomeError: when the catalog is damaged, has another format, or cannot be read.
    """
    path = home.expanduser().resolve() / CATALOG_FILE
    if not path.exists():
        yield None
        return
    database = Database(path, read_only=True)
    try:
        yield Catalog(database)
    finally:
        database.close()


class Home:
    """An open data folder, owned by this process until the last user closes it.

    Chroma on a directory does not show one process what another wrote, so a second process is
    refused instead of being shown old data. Within the process every opener shares one `Home`, and
    whoever writes holds `writing`. Files found beside a missing catalog are set aside, not used.
    """

    _open: dict[Path, Home] = {}  # noqa: RUF012  # one registry for the process, on purpose
    _registry = threading.Lock()

    def __init__(self, path: Path) -> None:
        """Do not call: use `Home.open`, which shares and counts."""
        self.path = path
        self.writing = Turn()
        self._users = 0
        self._lock = FileLock(path / "lock", thread_local=False)
        self._take_ownership()
        try:
            self._database = Database(path / CATALOG_FILE)
        except HomeError:
            self._lock.release()
            raise
        self.catalog = Catalog(self._database)
        self.indexes = Indexes(self._database)
        self.settings = CollectionSettings(self._database)
        self.uploads = Uploads(self._database)
        self.marks = SharedMarks(self._database)
        self.originals = Originals(path / "originals")
        self.quota = Quota(path)
        self.vectors = VectorCache(path / "cache" / "embeddings.sqlite3")
        self.passages = PassageCache(path / "cache" / "passages.sqlite3")
        # The models that rebuilds brought, by fingerprint, for every pipeline of this process
        self.models: dict[str, Embedder] = {}
        if self._database.created:
            self.originals.set_aside()

    @classmethod
    def open(cls, path: Path) -> Home:
        """Open the folder, creating it if need be.

        Raises:
            HomeInUseError: when another process owns it.
            HomeError: when it cannot be created, read or written, or has a newer format.
        """
        path = path.expanduser().resolve()
        with cls._registry:
            home = cls._open.get(path)
            if home is None:
                try:
                    path.mkdir(parents=True, exist_ok=True)
                    home = cls(path)
                except OSError as error:
                    raise HomeError(
                        f"The data folder {path} cannot be used: {error.strerror or error}.",
                        hint="Make it writable, or set RAGSCOPE_HOME to another folder.",
                    ) from error
                cls._open[path] = home
            home._users += 1
            return home

    def close(self) -> None:
        """Give the folder back; the last user's close releases it for other processes."""
        with Home._registry:
            self._users -= 1
            if self._users == 0:
                self.vectors.close()
                self.passages.close()
                self._database.close()
                (self.path / "owner.json").unlink(missing_ok=True)
                self._lock.release()
                Home._open.pop(self.path, None)

    def problems(self) -> list[str]:
        """Return what SQLite finds wrong with the catalog's file; nothing when it is whole."""
        return self._database.problems()

    @property
    def chroma_url(self) -> str:
        """The default store's url: a Chroma directory inside the home."""
        return (self.path / "chroma").as_uri().replace("file:", "chroma:", 1)

    def _take_ownership(self) -> None:
        owner = self.path / "owner.json"
        try:
            self._lock.acquire(timeout=_WAIT_SECONDS)
        except Timeout:
            raise HomeInUseError(
                f"The data folder {self.path} is in use by another process{_who(owner)}.",
                hint="Stop that process, or set RAGSCOPE_HOME to another folder.",
            ) from None
        owner.write_text(json.dumps({"pid": os.getpid()}), encoding="utf-8")


def _who(owner: Path) -> str:
    try:
        return f" (process {int(json.loads(owner.read_text(encoding='utf-8'))['pid'])})"
    except (OSError, ValueError, KeyError, TypeError):
        return ""  # the note is a courtesy; the lock alone decides
