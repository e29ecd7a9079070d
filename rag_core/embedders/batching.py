"""Sending many texts to a server that counts: batches, a rate limit, and trying again.

Nothing here knows a provider. Time comes from a `Clock`, so that a minute passes in a test at once.
"""

from __future__ import annotations

import email.utils
import math
import queue
import random
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

from rag_core.errors import RagError

Result = TypeVar("Result")
Pulse = Callable[[], None]
"""Called several times a second while nothing else happens; what it raises ends the waiting."""

MINUTE = 60.0
PULSE_SECONDS = 0.2


class Clock(Protocol):
    """Where time comes from."""

    def now(self) -> float:
        """Return seconds since some fixed moment; never goes back."""
        ...

    def sleep(self, seconds: float) -> None:
        """Let this much time pass."""
        ...


class SystemClock:
    """Real time."""

    def now(self) -> float:
        """Return seconds since some fixed moment; never goes back."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """Let this much time pass."""
        time.sleep(seconds)


class TransientError(Exception):
    """A request failed in a way that may pass; `error` is what to raise when it does not.

    `retry_after` is what the server asked for, in seconds.
    """

    def __init__(self, error: RagError, *, retry_after: float | None = None) -> None:
        self.error = error
        self.retry_after = retry_after
        super().__init__(str(error))


class TooMuchError(Exception):
    """The server finds a request, or a text in it, too long; `error` is what to raise for one."""

    def __init__(self, error: RagError) -> None:
        self.error = error
        super().__init__(str(error))


@dataclass(frozen=True, slots=True)
class Amount:
    """What one request costs of a rate limit; also the limit itself, for a minute."""

    requests: float = math.inf
    inputs: float = math.inf
    tokens: float = math.inf


class RateLimit:
    """At most `limit` in any 60 seconds, by a window that slides. Thread-safe."""

    def __init__(self, limit: Amount, clock: Clock) -> None:
        self._limit = limit
        self._clock = clock
        self._taken: deque[tuple[float, Amount]] = deque()
        self._lock = threading.Lock()

    def take(self, amount: Amount) -> float:
        """Take the amount and return 0, or take nothing and return the seconds until it may fit.

        An amount above the limit itself is let through once the window is empty: waiting longer
        would not help it.
        """
        with self._lock:
            now = self._clock.now()
            while self._taken and now - self._taken[0][0] >= MINUTE:
                self._taken.popleft()
            left = [
                self._limit.requests - sum(taken.requests for _, taken in self._taken),
                self._limit.inputs - sum(taken.inputs for _, taken in self._taken),
                self._limit.tokens - sum(taken.tokens for _, taken in self._taken),
            ]
            wanted = [amount.requests, amount.inputs, amount.tokens]
            if self._taken and any(want > rest for want, rest in zip(wanted, left, strict=True)):
                return self._taken[0][0] + MINUTE - now
            self._taken.append((now, amount))
            return 0.0


@dataclass(frozen=True, slots=True)
class Backoff:
    """How often to try, and how long to wait in between, in seconds.

    The wait doubles from `first` up to `longest`, then is shortened by chance to between a half
    and the whole, so that clients that failed together do not return together. A server's own
    Retry-After comes before all that, up to `patience`; a longer one ends the work.
    """

    attempts: int = 6
    first: float = 0.5
    longest: float = 30.0
    patience: float = 120.0

    def seconds(self, failures: int, retry_after: float | None, chance: float) -> float:
        """Return the wait after this many failures (from 1); `chance` lies in [0, 1)."""
        if retry_after is not None:
            return retry_after
        whole: float = min(self.longest, self.first * 2.0 ** (failures - 1))
        return whole * (0.5 + chance / 2)


class Courier:
    """Sends requests one by one: waits for its turn, and tries again what failed for a moment."""

    def __init__(
        self,
        limit: Amount,
        *,
        backoff: Backoff | None = None,
        clock: Clock | None = None,
        chance: Callable[[], float] = random.random,
    ) -> None:
        self._clock = clock or SystemClock()
        self._rate = RateLimit(limit, self._clock)
        self._backoff = backoff or Backoff()
        self._chance = chance

    def send(self, call: Callable[[], Result], amount: Amount, pulse: Pulse | None) -> Result:
        """Return what `call` returns.

        Raises:
            RagError: the error inside the last `TransientError`, when all attempts failed.
        """
        failures = 0
        while True:
            while wait := self._rate.take(amount):
                self._sleep(wait, pulse)
            try:
                return call() if pulse is None else in_background(call, pulse)
            except TransientError as failure:
                failures += 1
                asked = failure.retry_after
                if failures >= self._backoff.attempts or (asked or 0) > self._backoff.patience:
                    raise failure.error from None
            self._sleep(self._backoff.seconds(failures, asked, self._chance()), pulse)

    def _sleep(self, seconds: float, pulse: Pulse | None) -> None:
        end = self._clock.now() + seconds
        # In slices, so that a person who cancels does not wait for the wait to end
        while (left := end - self._clock.now()) > 0:
            if pulse is not None:
                pulse()
            self._clock.sleep(min(left, PULSE_SECONDS))


def in_background(call: Callable[[], Result], pulse: Pulse) -> Result:
    """Return what `call` returns, with `pulse` called while it runs.

    When `pulse` raises, the call is left to end by itself in a thread that keeps nothing alive.
    """
    outcome: queue.SimpleQueue[tuple[Result | None, BaseException | None]] = queue.SimpleQueue()

    def run() -> None:
        try:
            outcome.put((call(), None))
        except BaseException as error:  # handed to the caller, whatever it is
            outcome.put((None, error))

    threading.Thread(target=run, name="embedding-request", daemon=True).start()
    while True:
        try:
            result, error = outcome.get(timeout=PULSE_SECONDS)
        except queue.Empty:
            pulse()
            continue
        if error is not None:
            raise error
        return result  # type: ignore[return-value]  # None only if that is what the call returned


def pack(sizes: Sequence[int], *, inputs: int, tokens: int) -> Iterator[range]:
    """Yield runs of neighbours, each of at most `inputs` sizes that add up to at most `tokens`.

    A size above `tokens` makes a run of its own.
    """
    start, total = 0, 0
    for place, size in enumerate(sizes):
        if place > start and (place - start >= inputs or total + size > tokens):
            yield range(start, place)
            start, total = place, 0
        total += size
    if start < len(sizes):
        yield range(start, len(sizes))


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Return the seconds that a server's answer asks to wait; None if it asks for nothing.

    Args:
        headers: with names in lower case; Retry-After in seconds or as a date (RFC 9110), or
            retry-after-ms.
    """
    for name, unit in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        try:
            seconds = float(headers.get(name, "")) * unit
        except ValueError:
            continue
        return seconds if 0 < seconds < math.inf else None
    date = email.utils.parsedate_tz(headers.get("retry-after", ""))
    seconds = email.utils.mktime_tz(date) - time.time() if date else 0.0
    return seconds if seconds > 0 else None
