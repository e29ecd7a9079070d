"""What a provider's server can do wrong, as errors that say what to do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from rag_core.embedders.batching import Amount, TooMuchError, TransientError, retry_after
from rag_core.errors import ModelError, RagError, SettingsError


class Secret:
    """A key that does not show itself when somebody prints what holds it."""

    def __init__(self, value: str) -> None:
        self._value = value.strip()  # a pasted key often brings its line end along

    def __repr__(self) -> str:
        return "Secret(…)"

    def reveal(self, setting: str) -> str:
        """Return the key.

        Raises:
            SettingsError: when it is not printable ASCII; libraries would show it in their error.
        """
        if not self._value.isascii() or not self._value.isprintable():
            raise SettingsError(
                f"{setting} holds characters that no key has.", hint="Copy the key once more."
            )
        return self._value

    def redact(self, text: str) -> str:
        """Return the text without the key in it."""
        return text.replace(self._value, "…") if self._value else text


@dataclass(frozen=True, slots=True)
class Hosting:
    """A provider's rules: what one request may hold, and what a minute may.

    `request_tokens` is kept below the provider's own limit, because tokens are estimated.
    """

    provider: str
    key_setting: str
    address_setting: str
    inputs: int
    request_tokens: int
    text_tokens: int
    minute: Amount


class Failures:
    """The errors of one model at one address. None of them holds the key or a password."""

    def __init__(self, model: str, hosting: Hosting, base_url: str | None, key: Secret) -> None:
        self._model = model
        self._hosting = hosting
        self._base_url = base_url
        self._key = key

    @property
    def where(self) -> str:
        """The provider, or the address without its password."""
        if not self._base_url:
            return self._hosting.provider
        parts = urlsplit(self._base_url)
        return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"  # no password

    def too_long(self, place: int, text: str, reason: str) -> ModelError:
        """Return the error of a text, by its place among all from 0, that the model cannot read."""
        start = " ".join(text[:60].split())
        return ModelError(
            f"Text {place + 1} (“{start[:40]}…”) is too long for {self._model}, which reads "
            f"{self._hosting.text_tokens:,} tokens. {reason}",
            hint="Cut the documents into smaller chunks.",
        )

    def nonsense(self, what: str) -> ModelError:
        """Return the error of an answer that cannot be right."""
        return ModelError(
            f"{self.where} sent {what}.",
            hint="Try again; if it stays so, the server does not embed as it should.",
        )

    def unreachable(self, after: float | None) -> TransientError:
        """Return the error of a server that is silent, `after` that many seconds, or not there."""
        what = "cannot be reached" if after is None else f"did not answer within {after:g} s"
        hint = f"Check the network and {self._hosting.address_setting}, and try again."
        return TransientError(ModelError(f"{self.where} {what}.", hint=hint))

    def refusal(
        self, status: int | None, message: str, headers: Mapping[str, str]
    ) -> RagError | TransientError | TooMuchError:
        """Return what to raise for a status that is no success.

        Args:
            status: of HTTP.
            message: the server's own words.
            headers: with names in lower case.
        """
        where, said = self.where, self._key.redact(message).strip()[:300]
        if status in (401, 403):  # the server's words may hold the key, or a part of it
            hint = f"Check {self._hosting.key_setting}."
            return ModelError(f"{where} refused the key.", hint=hint)
        if status == 404:
            return ModelError(
                f"{where} does not know the model {self._model}, or is no such server.",
                hint=f"Check the model's name and {self._hosting.address_setting}.",
            )
        if status == 429 and ("quota" in said or "/ month" in said):
            # More waiting would not help, though the status says so
            return ModelError(f"{where}: the quota of this key is used up.", hint=said)
        if status == 429:
            error = ModelError(
                f"{where} is receiving too many requests.",
                hint="Wait a minute and try again, or lower requests_per_minute.",
            )
            return TransientError(error, retry_after=retry_after(headers))
        if status == 408 or (status or 0) >= 500:
            error = ModelError(f"{where} failed with status {status}.", hint="Try again later.")
            return TransientError(error, retry_after=retry_after(headers))
        refusal = ModelError(f"{where} refused the texts: {said}", hint="Check model and options.")
        long = status == 413 or "token" in said.lower() or "too long" in said.lower()
        return TooMuchError(refusal) if long else refusal
