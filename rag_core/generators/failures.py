"""What goes wrong at a chat server, as a plain message with a next step."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rag_core.errors import ModelError
from rag_core.generators.addresses import is_openai

if TYPE_CHECKING:
    from openai import APIStatusError

TIMEOUT_SECONDS = 60.0
_TOO_LONG = ("context length", "context_length", "context window", "context size", "too long")


@contextmanager
def errors_as_ours(base_url: str | None, *, timeout: float = TIMEOUT_SECONDS) -> Iterator[None]:
    """Turn what the openai package raises into a ModelError; no key is ever in the message."""
    import httpx
    import openai

    where = base_url if base_url and not is_openai(base_url) else "OpenAI"
    try:
        yield
    except openai.APIStatusError as error:
        raise _refusal(where, error) from error
    except (openai.APITimeoutError, httpx.TimeoutException) as error:
        raise ModelError(
            f"{where} did not answer within {timeout:.0f} s.",
            hint="Ask again, or choose a smaller model.",
        ) from error
    except openai.APIConnectionError as error:
        raise ModelError(
            f"{where} cannot be reached.", hint="Check the address and that the server runs."
        ) from error
    except httpx.TransportError as error:
        raise ModelError("The answer broke off half-way.", hint="Ask again.") from error
    except (json.JSONDecodeError, UnicodeDecodeError, AttributeError, TypeError) as error:
        # The package takes what a server sends as it comes, so a wrong shape shows itself here.
        raise ModelError(
            f"{where} sent what cannot be read as an answer.",
            hint="Check that the address is that of an OpenAI-compatible server, then ask again.",
        ) from error
    except openai.OpenAIError as error:
        raise ModelError(
            f"{where} failed in the middle of its answer.", hint="Ask again."
        ) from error


def _refusal(where: str, error: APIStatusError) -> ModelError:
    code = error.status_code
    if code in (401, 403):
        return ModelError(
            f"{where} refused the key.",
            hint="Check the key, in the model settings or OPENAI_API_KEY.",
        )
    if code == 404:
        return ModelError(
            f"{where} does not know this model or address.",
            hint="Choose a model from the server's list (RAGSCOPE_CHAT_MODEL), and check the "
            "address (OPENAI_BASE_URL): it usually ends in /v1.",
        )
    if code == 429:
        return ModelError(
            f"{where} is receiving too many requests, or the quota is used up.",
            hint=f"Wait {_wait(error)} and ask again.",
        )
    if code in (400, 413) and any(sign in str(error).lower() for sign in _TOO_LONG):
        return ModelError(
            f"The question with its sources is too long for the model at {where}.",
            hint="Ask for fewer sources, or set the model's context window in the settings.",
        )
    if code >= 500:
        return ModelError(f"{where} failed (status {code}).", hint="Ask again in a moment.")
    return ModelError(
        f"{where} refused the request (status {code}).", hint="Check the model and its settings."
    )


def _wait(error: APIStatusError) -> str:
    seconds = error.response.headers.get("retry-after", "")
    return f"{seconds} s" if seconds.isdigit() else "a moment"
