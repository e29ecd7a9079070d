"""Which store a collection is in: the environment's, one that was chosen, or the data folder's own.

The choice is kept with the collection's settings, without its password: that stays in the memory of
this process, or comes from the engine's own variable (PGPASSWORD, CHROMA_API_KEY, QDRANT_API_KEY).
RAGSCOPE_STORE goes before every choice.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import parse_qsl, quote, unquote, urlsplit, urlunsplit

from rag_core.access import require
from rag_core.errors import SettingsError
from rag_core.home import Home
from rag_core.stores import STORES, store_url_from_env

_KEY = "store"
_SECRET = ("password", "sslpassword", "token", "api_key", "apikey", "key")
_FOLDERS = ("chroma", "faiss")
_HIDDEN = "•••"

# What was typed with a password, by its url without one; gone when the process ends.
_given: dict[str, str] = {}


@dataclass(frozen=True, slots=True)
class StoreChoice:
    """A collection's store, and who chose it. The url may hold a password; `shown` never does."""

    url: str = field(repr=False)
    source: Literal["environment", "chosen", "home"]

    @property
    def shown(self) -> str:
        """The url to be shown, with dots in place of a password."""
        return masked(self.url)


def store_choice(home: Home, collection: str) -> StoreChoice:
    """Return which store a collection is in.

    Raises:
        SettingsError: when RAGSCOPE_STORE names no store.
    """
    if told := store_url_from_env():
        return StoreChoice(told, "environment")
    if kept := home.settings.get(collection, _KEY):
        return StoreChoice(_given.get(kept, str(kept)), "chosen")
    return StoreChoice(home.chroma_url, "home")


def keep_store(home: Home, collection: str, url: str) -> None:
    """Note the store a collection is in from now on; durable when it returns, but for a password.

    Raises:
        AccessError: for anybody but an admin.
        SettingsError: for a url that cannot be right, or while RAGSCOPE_STORE says otherwise.
    """
    require("admin", "choose the store")
    if store_url_from_env():
        raise SettingsError(
            "RAGSCOPE_STORE is set, and goes before what is chosen here.",
            hint="Unset it and start again, or set it to the new url.",
        )
    check_url(url)
    kept = without_secrets(url)
    _given[kept] = url
    home.settings.put(collection, _KEY, None if url == home.chroma_url else kept)


def check_url(url: str) -> None:
    """Raise a SettingsError for a url whose parts cannot be told apart, or of an unknown engine."""
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError as error:  # its own message would repeat what may be a password
        raise SettingsError("The store's url cannot be read.", hint=_WRITE) from error
    if parts.scheme not in STORES:
        raise SettingsError(
            f"The store's url must begin with one of {', '.join(f'{name}://' for name in STORES)}.",
            hint="For instance postgresql://user@host/database.",
        )
    if parts.scheme not in _FOLDERS and ("@" in parts.path + parts.query or parts.fragment):
        raise SettingsError("The store's url cannot be read.", hint=_WRITE)
    folder = parts.scheme in _FOLDERS or (parts.scheme == "qdrant" and not parts.netloc)
    if folder and (parts.netloc or not parts.path.strip("/")):
        raise SettingsError(
            f"The store's url names no folder: {parts.scheme}:// takes an absolute path.",
            hint=f"Write it with three slashes: {parts.scheme}:///var/lib/ragscope.",
        )


_WRITE = (
    "Write it like postgresql://user@host:5432/database; in a password, write @ as %40, / as %2F, "
    "? as %3F and # as %23."
)


def without_secrets(url: str) -> str:
    """Return the url with passwords and keys left out."""
    return _without(url, None)


def masked(url: str) -> str:
    """Return the url to be shown: dots for passwords and keys, or little of one unreadable."""
    try:
        check_url(url)
    except SettingsError:
        return f"{url.partition('://')[0]}://{_HIDDEN}" if "://" in url else _HIDDEN
    return _without(url, _HIDDEN)


def secrets_of(url: str) -> list[str]:
    """Return the passwords and keys in a url, as they stand there and decoded, longest first."""
    parts = urlsplit(url)
    found = [value for name, value in parse_qsl(parts.query) if name.lower() in _SECRET]
    raw = parts.netloc.rpartition("@")[0].partition(":")[2]
    return sorted({one for one in (*found, raw, unquote(raw)) if one}, key=len, reverse=True)


def with_password(url: str, password: str) -> str:
    """Return the url with a password beside its user; without one to add, as it is."""
    parts = urlsplit(url)
    if not password or not parts.hostname:
        return url
    user, _, host = parts.netloc.rpartition("@")
    login = f"{user.partition(':')[0]}:{quote(password, safe='')}"
    return urlunsplit(parts._replace(netloc=f"{login}@{host}"))


def _without(url: str, instead: str | None) -> str:
    parts = urlsplit(url)
    login, at, host = parts.netloc.rpartition("@")
    user, colon, password = login.partition(":")
    if colon:
        login = f"{user}:{instead}" if instead and password else user
    netloc = f"{login}{at}{host}" if login else host
    if not any(name.lower() in _SECRET for name, _ in parse_qsl(parts.query)):
        return url if not colon else url.replace(f"//{parts.netloc}", f"//{netloc}", 1)
    pairs = [pair.partition("=") for pair in parts.query.split("&")]
    query = "&".join(
        f"{name}={instead}" if name.lower() in _SECRET else f"{name}{equals}{value}"
        for name, equals, value in pairs
        if instead or name.lower() not in _SECRET
    )
    left = urlunsplit(parts._replace(netloc=netloc, query=query))
    return left if netloc else left.replace(f"{parts.scheme}:/", f"{parts.scheme}:///", 1)
