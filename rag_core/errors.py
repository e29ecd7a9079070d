"""Every error a person can cause, each with what happened and what to do next.

RagError
├── LoadError            a file cannot be turned into text
├── SettingsError        a setting or an environment variable has a value that cannot work
├── FilterError          a metadata filter is malformed
├── ModelError           an embedding, reranking or chat model cannot be had or does not answer
├── StoreError           a vector store cannot be reached or refuses the call
│   └── FingerprintError     vectors of two different models would meet in one collection
├── HomeError            the data folder cannot be used
│   └── HomeInUseError       another process owns the data folder
├── UnknownDocumentError no document of that id in the collection
├── UnknownConversationError a conversation, or a turn of one, has been deleted
├── AccessError          the role does not allow it
├── Cancelled            the person stopped the work
└── MissingDependencyError   an optional package is not installed; carries the pip line

Programming mistakes (a negative chunk size, an unknown strategy) stay ValueError.
"""

from __future__ import annotations


class RagError(Exception):
    """Something a person can cause and can do something about.

    `str(error)` is the message followed by the hint, so that even a caller that knows nothing of
    hints shows both.
    """

    def __init__(self, message: str, *, hint: str = "") -> None:
        self.message = message
        self.hint = hint
        super().__init__(message)

    def __str__(self) -> str:
        return f"{self.message} {self.hint}".rstrip()


class LoadError(RagError):
    """A file cannot be turned into text; `name` is the file."""

    def __init__(self, name: str, reason: str, *, hint: str = "") -> None:
        self.name = name
        self.reason = reason
        super().__init__(f"{name}: {reason}", hint=hint)


class SettingsError(RagError):
    """A setting or an environment variable has a value that cannot work."""


class AccessError(RagError):
    """The role of whoever asks does not allow it."""


class FilterError(RagError):
    """A metadata filter is malformed."""


class ModelError(RagError):
    """A model cannot be had, or does not answer."""


class StoreError(RagError):
    """A vector store cannot be reached, or refuses the call."""


class FingerprintError(StoreError):
    """Vectors of two different models would meet in one collection (law 7)."""


class HomeError(RagError):
    """The data folder cannot be used."""


class HomeInUseError(HomeError):
    """Another process owns the data folder."""


class UnknownDocumentError(RagError):
    """No document of that id is in the collection."""


class UnknownConversationError(RagError):
    """A conversation, or a turn of one, has been deleted."""


class Cancelled(RagError):
    """The person stopped the work."""

    def __init__(self, message: str = "Cancelled.", *, hint: str = "") -> None:
        super().__init__(message, hint=hint)


class MissingDependencyError(RagError, ImportError):
    """An optional package is not installed; the hint is the pip line."""

    def __init__(self, package: str, *, requirements: str) -> None:
        self.package = package
        super().__init__(
            f"The package '{package}' is not installed.",
            hint=f"Install it with: pip install -r {requirements}",
        )
