"""Chroma's client for a url: a folder, a server, or Chroma Cloud; and its errors as ours."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, cast
from urllib.parse import unquote, urlsplit
from urllib.request import url2pathname

from rag_core.errors import StoreError
from rag_core.stores.common import only_known, take_options

if TYPE_CHECKING:
    from chromadb.api.client import Client

_OPTIONS = {"tenant": str, "database": str}
_HINT_FOLDER = (
    "Check that the folder is writable and has space; the documents themselves are safe and can be "
    "indexed again."
)
_HINT_SERVER = (
    "Check that the Chroma server runs, and the url's host, port, tenant and database; the token "
    "is CHROMA_API_KEY, or stands in the url as https://:TOKEN@host."
)


def is_server(url: str) -> bool:
    """Return whether the url names a server and not a folder."""
    return urlsplit(url).scheme != "chroma"


def address_of(url: str) -> str:
    """Return where a store is, to be shown: a folder, or host and port without the token."""
    parts = urlsplit(url)
    if not is_server(url):
        return url2pathname(parts.path)
    return f"{parts.hostname}:{_port(url)}"


def open_client(url: str) -> Client:
    """Return a client.

    Raises:
        SettingsError: for an option that Chroma does not take.
        ChromaError, ValueError, OSError, httpx.HTTPError: as Chroma raises them.
    """
    import chromadb
    from chromadb.config import Settings

    settings = Settings(anonymized_telemetry=False)
    parts = urlsplit(url)
    only_known(parts.query, _OPTIONS if is_server(url) else ())
    if not is_server(url):
        path = url2pathname(parts.path)
        try:
            return cast("Client", chromadb.PersistentClient(path, settings=settings))
        except AttributeError as error:  # it stumbles over undoing a start that failed
            said = error.__context__ or error
            raise ValueError(f"its database is damaged ({said})") from error
    token = unquote(parts.password or "") or os.environ.get("CHROMA_API_KEY", "")
    client = chromadb.HttpClient(
        host=parts.hostname or "localhost",
        port=_port(url),
        ssl=parts.scheme == "chroma+https",
        headers={"x-chroma-token": token} if token else None,
        settings=settings,
        **{name: str(value) for name, value in take_options(parts.query, _OPTIONS).items()},
    )
    return cast("Client", client)


def close_client(client: Client) -> None:
    """Let go of a folder, or of the connections to a server, which Chroma itself leaves open."""
    owners = client, getattr(client, "_admin_client", None)
    client.close()
    for owner in owners:
        session = getattr(getattr(owner, "_server", None), "_session", None)
        if session is not None:
            session.close()


def _port(url: str) -> int:
    parts = urlsplit(url)
    return parts.port or (443 if parts.scheme == "chroma+https" else 8000)


@contextmanager
def errors_as_ours(what: str, url: str) -> Iterator[None]:
    """Raise what Chroma raises as a StoreError that begins with `what`."""
    import httpx
    from chromadb.errors import ChromaError

    try:
        yield
    # ValueError and OSError too: Chroma raises them for settings that differ and for bad folders
    except (ChromaError, httpx.HTTPError, ValueError, OSError) as error:
        hint = _HINT_SERVER if is_server(url) else _HINT_FOLDER
        said = str(error) or type(error).__name__
        raise StoreError(f"{what}: {said}", hint=hint) from error
