"""An approximate FAISS index on the disk, so that opening a collection does not make it anew.

It is a copy of what can be derived: a file that is missing, cut off, or of other vectors is simply
not used, and written again.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from rag_core.protocols import FloatArray

Key = Mapping[str, Any]


def key_of(ids: Sequence[str], vectors: FloatArray, settings: Mapping[str, Any]) -> Key:
    """Return what an index is of: its settings, and a digest of the rows it holds, in order."""
    import faiss

    digest = hashlib.sha256("\0".join(ids).encode())
    digest.update(np.ascontiguousarray(vectors).data)
    return {**settings, "rows": digest.hexdigest(), "faiss": faiss.__version__}


def save(path: Path, index: Any, key: Key) -> None:  # noqa: ANN401 - FAISS has no types
    """Write the index beside its place and move it there, wholly or not at all.

    A full or read-only disk leaves no file: the index is only made again next time.
    """
    import faiss

    body = faiss.serialize_index(index).tobytes()
    heading = json.dumps({**key, "sha256": hashlib.sha256(body).hexdigest()}, sort_keys=True)
    with suppress(OSError):
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f"{path.name}.")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(heading.encode() + b"\n" + body)
                file.flush()
                os.fsync(file.fileno())
            os.replace(name, path)
        except BaseException:
            os.unlink(name)
            raise


def load(path: Path, key: Key) -> Any:  # noqa: ANN401 - FAISS has no types
    """Return the index saved under this key, or None."""
    import faiss

    try:
        with path.open("rb") as file:
            heading, body = json.loads(file.readline()), file.read()
    except (OSError, ValueError):
        return None
    if heading != {**key, "sha256": hashlib.sha256(body).hexdigest()}:
        return None
    return faiss.deserialize_index(np.frombuffer(body, np.uint8))
