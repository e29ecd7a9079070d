"""What a mean over questions is worth: intervals, differences between two settings, and ties.

Every draw comes from a fixed seed: the same figures give the same interval (law 4).

Sources: Efron and Tibshirani, "An Introduction to the Bootstrap", 1993 (percentile intervals);
Smucker, Allan and Carterette, "A comparison of statistical significance tests for information
retrieval evaluation", CIKM 2007 (the randomisation test, and why to pair).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

Doubles = npt.NDArray[np.float64]
Verdict = Literal["better", "worse", "tie"]
RESAMPLES = 10_000
FEWEST = 1_000
LEVEL = 0.95
_SEED = 20_020
_EXACT = 14  # differing questions up to which all 2^n assignments are counted instead of drawn
_DRAWN = 20_000_000  # numbers drawn for one figure: with more questions, fewer resamples do
_AT_ONCE = 2_000_000  # numbers drawn in one portion: 16 MB
_Z_LEVEL, _Z_POWER = (
    1.959964,
    0.841621,
)  # two-sided 5 per cent, and a chance of 80 per cent to see it
_ROUNDING = 1e-12


@dataclass(frozen=True, slots=True)
class Interval:
    """A mean, and where it lies with 95 per cent confidence: from `low` to `high`."""

    mean: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Comparison:
    """One setting against another on the same questions.

    `difference` is the mean of first minus second, with its interval by paired bootstrap; `p` is
    the chance of a difference at least as large if the two were alike (randomisation test).
    `verdict` is of the first: "tie" unless p is below 0.05 and the interval leaves out 0.
    `more_questions` is about how many more would show a difference of this size four times out of
    five; None where it is shown already, or where there is none to show.
    """

    difference: Interval
    p: float
    questions: int
    verdict: Verdict
    more_questions: int | None


def bootstrap(values: Sequence[float]) -> Interval:
    """Return the mean with its 95 per cent percentile interval over resampled questions.

    10,000 resamples; from 2,000 questions on fewer, but never under 1,000.

    Raises:
        ValueError: for no values.
    """
    sample = _checked(values)
    count = len(sample)
    rng = np.random.default_rng(_SEED)
    means = np.concatenate(
        [
            sample[rng.integers(0, count, (rows, count))].mean(axis=1)
            for rows in _portions(_draws(count), count)
        ]
    )
    low, high = np.quantile(means, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    mean = float(sample.mean())
    # Rounding must not push the mean of equal values out of its own interval.
    return Interval(mean, min(float(low), mean), max(float(high), mean))


def randomisation_test(first: Sequence[float], second: Sequence[float]) -> float:
    """Return the two-sided p of the paired randomisation test, above 0 and at most 1.

    Under the hypothesis that the two settings are alike, each question's difference could as well
    have the other sign. With up to 14 questions that differ, all assignments of signs are counted;
    with more, 10,000 are drawn, and the one that was seen is counted among them.

    Raises:
        ValueError: for unequal lengths or no values.
    """
    differences = _paired(first, second)
    differing = differences[np.abs(differences) > _ROUNDING]
    if not len(differing):
        return 1.0
    seen = abs(float(differing.sum())) - _ROUNDING * len(differing)
    if len(differing) <= _EXACT:
        codes = np.arange(2 ** len(differing))[:, np.newaxis]
        signs = 1 - 2 * ((codes >> np.arange(len(differing))) & 1)
        return float((np.abs(signs @ differing) >= seen).mean())
    rng, extreme = np.random.default_rng(_SEED), 1
    draws = _draws(len(differing))
    for rows in _portions(draws, len(differing)):
        signs = 1 - 2 * rng.integers(0, 2, (rows, len(differing)))
        extreme += int((np.abs(signs @ differing) >= seen).sum())
    return extreme / (draws + 1)


def compare(first: Sequence[float], second: Sequence[float]) -> Comparison:
    """Compare two settings by one metric, question by question.

    Args:
        first: the metric of each question under the one setting.
        second: the same questions, in the same order, under the other.

    Raises:
        ValueError: for unequal lengths or no values.
    """
    differences = _paired(first, second)
    interval = bootstrap(differences.tolist())
    p = randomisation_test(first, second)
    if p < 1 - LEVEL and (interval.low > 0 or interval.high < 0):
        verdict: Verdict = "better" if interval.mean > 0 else "worse"
    else:
        verdict = "tie"
    more = more_questions(differences.tolist()) if verdict == "tie" else None
    return Comparison(interval, p, len(differences), verdict, more)


def more_questions(differences: Sequence[float]) -> int | None:
    """Return about how many more questions would decide a tie, at least 1, or None.

    The usual sample size of a paired test: n = ((z_level + z_power) * deviation / mean)^2, at 5 per
    cent and a power of 80 per cent, less those there are. It takes the difference that was seen for
    the true one, which few questions cannot know: read it as an order of magnitude. None when there
    is no difference at all.

    Raises:
        ValueError: for no values.
    """
    sample = _checked(differences)
    mean = float(sample.mean())
    if abs(mean) <= _ROUNDING:
        return None
    spread = float(sample.std(ddof=1)) if len(sample) > 1 else abs(mean)
    needed = math.ceil(((_Z_LEVEL + _Z_POWER) * spread / mean) ** 2)
    return max(1, needed - len(sample))


def _draws(width: int) -> int:
    return min(RESAMPLES, max(FEWEST, _DRAWN // width))


def _portions(resamples: int, width: int) -> Iterator[int]:
    most = max(1, _AT_ONCE // width)
    for start in range(0, resamples, most):
        yield min(most, resamples - start)


def _paired(first: Sequence[float], second: Sequence[float]) -> Doubles:
    if len(first) != len(second):
        raise ValueError(f"{len(first)} and {len(second)} values cannot be paired")
    differences: Doubles = _checked(first) - _checked(second)
    return differences


def _checked(values: Sequence[float]) -> np.ndarray[Any, np.dtype[np.float64]]:
    if not len(values):
        raise ValueError("there are no values")
    return np.asarray(values, dtype=np.float64)
