"""Batches, the rate limit and trying again, by pencil: only time is not real."""

import email.utils
import threading
import time

import pytest

from rag_core import Cancelled, ModelError
from rag_core.embedders.batching import (
    Amount,
    Backoff,
    Courier,
    RateLimit,
    TransientError,
    in_background,
    pack,
    retry_after,
)


class FakeClock:
    """Time that passes when somebody sleeps, and then all at once."""

    def __init__(self):
        self.time = 1000.0

    def now(self):
        return self.time

    def sleep(self, seconds):
        assert seconds > 0
        self.time += seconds

    @property
    def passed(self):
        return self.time - 1000.0


class Flaky:
    """Fails as told, one failure a call, then answers; notes when it was called."""

    def __init__(self, clock, *failures):
        self.clock = clock
        self.failures = list(failures)
        self.calls = []

    def __call__(self):
        self.calls.append(round(self.clock.passed, 6))
        if self.failures:
            raise self.failures.pop(0)
        return "answer"


@pytest.fixture
def clock():
    return FakeClock()


def failing(retry_after=None):
    return TransientError(ModelError("The server failed."), retry_after=retry_after)


# -- packing --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sizes", "inputs", "tokens", "runs"),
    [
        ([], 2, 10, []),
        ([1, 1, 1, 1, 1], 2, 10, [(0, 2), (2, 4), (4, 5)]),
        ([4, 6, 1], 9, 10, [(0, 2), (2, 3)]),  # 4 + 6 fills ten exactly
        ([4, 7, 1], 9, 10, [(0, 1), (1, 3)]),
        ([50, 1, 1], 9, 10, [(0, 1), (1, 3)]),  # what fits nowhere goes alone
        ([1, 50, 1], 9, 10, [(0, 1), (1, 2), (2, 3)]),
    ],
)
def test_requests_hold_what_the_provider_allows(sizes, inputs, tokens, runs):
    packed = list(pack(sizes, inputs=inputs, tokens=tokens))
    assert [(run.start, run.stop) for run in packed] == runs


# -- rate limit -----------------------------------------------------------------------------


def test_no_sixty_seconds_hold_more_than_the_limit(clock):
    rate = RateLimit(Amount(requests=2, tokens=100), clock)
    one = Amount(requests=1, inputs=1, tokens=40)
    assert rate.take(one) == 0
    clock.sleep(10)
    assert rate.take(one) == 0
    assert rate.take(one) == 50  # the first leaves the window 60 s after it came
    clock.sleep(50)
    assert rate.take(one) == 0
    assert rate.take(one) == 10


def test_tokens_and_inputs_are_limited_too(clock):
    rate = RateLimit(Amount(inputs=100, tokens=1000), clock)
    assert rate.take(Amount(1, 10, 900)) == 0
    assert rate.take(Amount(1, 10, 101)) == 60
    assert rate.take(Amount(1, 91, 10)) == 60
    assert rate.take(Amount(1, 90, 100)) == 0


def test_what_is_above_the_limit_waits_for_an_empty_window_only(clock):
    rate = RateLimit(Amount(tokens=100), clock)
    assert rate.take(Amount(1, 1, 500)) == 0
    assert rate.take(Amount(1, 1, 500)) == 60
    clock.sleep(60)
    assert rate.take(Amount(1, 1, 500)) == 0


def test_without_a_limit_nothing_waits(clock):
    rate = RateLimit(Amount(), clock)
    assert not any(rate.take(Amount(1, 2048, 300_000)) for _ in range(1000))


def test_a_courier_waits_for_its_turn(clock):
    courier = Courier(Amount(requests=3), clock=clock)
    call = Flaky(clock)
    for _ in range(7):
        courier.send(call, Amount(1, 1, 1), None)
    assert call.calls == [0, 0, 0, 60, 60, 60, 120]


# -- trying again ---------------------------------------------------------------------------


def test_waits_double_up_to_the_longest_and_vary_by_chance():
    backoff = Backoff(first=0.5, longest=3)
    assert [backoff.seconds(n, None, 1.0) for n in (1, 2, 3, 4, 99)] == [0.5, 1, 2, 3, 3]
    assert backoff.seconds(2, None, 0.0) == 0.5
    assert backoff.seconds(1, 17.0, 0.3) == 17  # the server knows best


def test_what_fails_for_a_moment_is_tried_again(clock):
    courier = Courier(Amount(), clock=clock, chance=lambda: 0.5)
    call = Flaky(clock, failing(), failing(retry_after=7), failing())
    assert courier.send(call, Amount(1, 1, 1), None) == "answer"
    # three quarters of 0.5 s; then as asked; then three quarters of 2 s
    assert call.calls == [0, 0.375, 7.375, 8.875]


def test_after_the_last_attempt_the_error_says_what_failed(clock):
    courier = Courier(Amount(), backoff=Backoff(attempts=3), clock=clock, chance=lambda: 1.0)
    call = Flaky(clock, *[failing() for _ in range(9)])
    with pytest.raises(ModelError, match="The server failed"):
        courier.send(call, Amount(1, 1, 1), None)
    assert call.calls == [0, 0.5, 1.5]


def test_a_server_that_asks_for_an_hour_is_not_waited_for(clock):
    courier = Courier(Amount(), clock=clock)
    with pytest.raises(ModelError):
        courier.send(Flaky(clock, failing(retry_after=3600)), Amount(1, 1, 1), None)
    assert clock.passed == 0


def test_other_errors_are_not_tried_again(clock):
    call = Flaky(clock, ModelError("refused"), ModelError("refused"))
    with pytest.raises(ModelError, match="refused"):
        Courier(Amount(), clock=clock).send(call, Amount(1, 1, 1), None)
    assert call.calls == [0]


def test_every_attempt_counts_against_the_rate(clock):
    courier = Courier(Amount(requests=2), clock=clock, chance=lambda: 1.0)
    call = Flaky(clock, failing(), failing())
    courier.send(call, Amount(1, 1, 1), None)
    assert call.calls == [0, 0.5, 60]


# -- cancelling -----------------------------------------------------------------------------


@pytest.fixture
def cancelled_after_5_seconds(clock):
    def pulse():
        if clock.passed > 5:
            raise Cancelled

    return pulse


def test_cancelling_ends_the_wait_before_another_try(clock, cancelled_after_5_seconds):
    call = Flaky(clock, failing(retry_after=100))
    with pytest.raises(Cancelled):
        Courier(Amount(), clock=clock).send(call, Amount(1, 1, 1), cancelled_after_5_seconds)
    assert 5 < clock.passed < 6
    assert call.calls == [0]


def test_cancelling_ends_the_wait_for_a_turn(clock, cancelled_after_5_seconds):
    courier, call = Courier(Amount(requests=1), clock=clock), Flaky(clock)
    courier.send(call, Amount(1, 1, 1), None)
    with pytest.raises(Cancelled):
        courier.send(call, Amount(1, 1, 1), cancelled_after_5_seconds)
    assert 5 < clock.passed < 6
    assert call.calls == [0]


def test_cancelling_does_not_wait_for_a_silent_server():
    release, begun = threading.Event(), time.monotonic()

    def pulse():
        raise Cancelled

    with pytest.raises(Cancelled):
        in_background(lambda: release.wait(30), pulse)
    assert time.monotonic() - begun < 15
    release.set()


def test_what_happens_in_the_background_comes_back():
    assert in_background(lambda: 7, lambda: None) == 7
    with pytest.raises(ZeroDivisionError):
        in_background(lambda: 1 // 0, lambda: None)


# -- Retry-After ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"retry-after": "7"}, 7),
        ({"retry-after": "0.5"}, 0.5),
        ({"retry-after-ms": "250", "retry-after": "9"}, 0.25),
        ({"retry-after": "0"}, None),
        ({"retry-after": "-3"}, None),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "inf"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "Wed, 21 Oct 2015 07:28:00 GMT"}, None),
    ],
)
def test_retry_after_in_every_form(headers, seconds):
    assert retry_after(headers) == seconds


def test_retry_after_as_a_date():
    date = email.utils.formatdate(time.time() + 100, usegmt=True)
    assert 90 < retry_after({"retry-after": date}) <= 100
