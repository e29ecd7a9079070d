"""Sizes, repeats, unseen text and cut answers, on a document of one-word tokens."""

import numpy as np
import pytest

from rag_core import Chunk, Document, Span
from rag_core.chunk_report import READABLE, judge, report
from rag_core.embedders.tokenizer import MAX_TOKENS, default_tokenizer

WORDS = 400
DOCUMENT = Document.from_text("w.txt", " ".join(["word"] * WORDS))  # word n stands at 5n
TOKENS = np.array([(5 * n, 5 * n + 4) for n in range(WORDS)], dtype=np.int64)


def cut(*ranges: tuple[int, int]) -> list[Chunk]:
    return [
        Chunk.cut(DOCUMENT, n, 5 * first, 5 * last - 1) for n, (first, last) in enumerate(ranges)
    ]


def place(first: int, last: int) -> Span:
    return Span(DOCUMENT.id, 5 * first, 5 * last - 1)


def test_sizes():
    found = report(cut((0, 100), (100, 150), (150, 400)), TOKENS)
    assert found.counts == (100, 50, 250)
    assert (found.chunks, found.minimum, found.maximum) == (3, 50, 250)
    assert found.mean == pytest.approx(400 / 3)
    assert found.deviation == pytest.approx(np.std([100, 50, 250]))
    assert (found.repeated, found.past_limit, found.unseen_tokens) == (0.0, 0, 0)


def test_repeats_are_the_share_of_stored_tokens_stored_again():
    found = report(cut((0, 100), (80, 200), (90, 110)), TOKENS)
    # tokens 80-90 twice, 90-100 three times, 100-110 twice: 10 + 20 + 10 repeats of 240 stored
    assert found.repeated == pytest.approx(40 / 240)


def test_text_past_the_limit_is_unseen():
    found = report(cut((0, 300), (300, 400)), TOKENS)
    assert READABLE == 254
    assert found.unseen == (Span(DOCUMENT.id, 5 * 254, 5 * 300 - 1), None)
    assert (found.past_limit, found.unseen_tokens) == (1, 46)


def test_nothing_to_report():
    found = report([], TOKENS)
    assert (found.chunks, found.mean, found.maximum, found.repeated) == (0, 0.0, 0, 0.0)


@pytest.mark.parametrize(
    ("gold", "fate", "chunk", "recall", "precision", "iou"),
    [
        (place(20, 40), "whole", 0, 1.0, 0.2, 20 / 100),
        (place(5, 10), "drowned", 0, 1.0, 0.05, 5 / 100),
        (place(90, 130), "cut", 1, 0.75, 0.3, 30 / 110),
        (place(300, 310), "missing", None, 0.0, 0.0, 0.0),
    ],
)
def test_the_fate_of_an_answer(gold, fate, chunk, recall, precision, iou):
    verdict = judge(cut((0, 100), (100, 200)), gold, TOKENS)
    assert (verdict.fate, verdict.chunk) == (fate, chunk)
    assert (verdict.recall, verdict.precision, verdict.iou) == pytest.approx(
        (recall, precision, iou)
    )


def test_of_two_whole_chunks_the_tighter_one_counts():
    assert judge(cut((0, 200), (10, 60)), place(20, 30), TOKENS).chunk == 1


def test_an_answer_without_a_token_is_named():
    with pytest.raises(ValueError, match="from 4 to 5"):
        judge(cut((0, 10)), Span(DOCUMENT.id, 4, 5), TOKENS)


def test_the_light_tokenizer_agrees_with_the_model(embedder):
    text = "Café Olé: 3.5 USD — 日本 e\u0301 unbelievable\nnew line"
    (expected,) = embedder.token_offsets([text])
    assert np.array_equal(default_tokenizer().offsets(text), expected)
    assert embedder.max_tokens == MAX_TOKENS
