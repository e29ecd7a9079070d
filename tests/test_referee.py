"""The referee: sentences, numbers, quotations and citations held against their sources."""

import pytest

from rag_core.datatypes import Chunk, Document, SearchHit
from rag_core.figures import figures
from rag_core.referee import review

TOWER = (
    "The Sandovey tower was built in 1889 by Ada Quill. It has twelve rooms and cost 1,234 crowns."
)
BREAD = "Rye bread needs a sour dough. The dough rests for 14 hours in a cool cellar."


def hits(*texts):
    found = []
    for rank, text in enumerate(texts, start=1):
        document = Document.from_text(f"{rank}.txt", text)
        found.append(SearchHit(Chunk.cut(document, 0, 0, len(text)), rank, 1.0))
    return found


def verdicts(answer, embedder):
    return [s.verdict for s in review(answer, hits(TOWER, BREAD), embedder).sentences]


@pytest.mark.parametrize(
    ("answer", "verdict"),
    [
        ("The tower was built in 1889 by Ada Quill [1].", "supported"),
        ("The tower was built in 1889 by Ada Quill. [1]", "supported"),
        ("It cost 1234 crowns and has 12 rooms [1].", "supported"),
        ("The tower was built in 1887 by Ada Quill [1].", "unsupported"),
        ("The tower was built 14 hours ago by Ada Quill [1].", "weak"),
        ("Elephants paint landscapes near Paris [1].", "unsupported"),
        ("The tower was built in 1889 by Ada Quill.", "uncited"),
        ("The tower was built in 1889 by Ada Quill [7].", "uncited"),
    ],
)
def test_a_sentence_is_held_against_what_it_cites(embedder, answer, verdict):
    assert verdicts(answer, embedder) == [verdict]


def test_a_sentence_citing_the_wrong_source_is_not_supported(embedder):
    (sentence,) = review("The dough rests in a cellar [1].", hits(TOWER, BREAD), embedder).sentences
    assert sentence.verdict != "supported"
    assert sentence.cited == (1,)


def test_places_are_offsets_into_the_answer(hash_embedder):
    answer = "First words [1]. Built in 1777, it stands [1][9]."
    found = review(answer, hits(TOWER), hash_embedder)
    first, second = found.sentences
    assert answer[first.start : first.end] == "First words [1]."
    (number,) = second.stray_numbers
    assert (answer[number.start : number.end], number.elsewhere) == ("1777", ())
    (invented,) = found.invented
    assert (answer[invented.start : invented.end], invented.number) == ("[9]", 9)


@pytest.mark.parametrize(
    ("answer", "label"),
    [
        ("“was built in 1889 by Ada Quill” [1]", "verbatim"),
        ('"was built in 1889 by Ada Quill" [1]', "verbatim"),
        ("«was built in 1889 by Ada Quill» [2]", "misattributed"),
        ("“The Sandovey tower … cost 1,234 crowns” [1]", "stitched"),
        ("“cost 1,234 crowns … The Sandovey tower” [1]", "absent"),
        ("“was built in 1890 by Ada Quill” [1]", "absent"),
    ],
)
def test_quotations_are_looked_up(hash_embedder, answer, label):
    (quotation,) = review(answer, hits(TOWER, BREAD), hash_embedder).quotations
    assert quotation.label == label


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("1,234 and 1234", ["1234", "1234"]),
        ("3.50 m, 3.5 m, 007", ["3.5", "3.5", "7"]),
        ("Twelve of one", ["12"]),
        ("in 1889.", ["1889"]),
        ("no numbers", []),
    ],
)
def test_numbers_are_read_alike_however_written(text, values):
    assert [figure.value for figure in figures(text)] == values


class Sentences:
    """An embedder that gives no vectors of tokens, as hosted ones do."""

    def __init__(self, embedder):
        self.embed_documents = embedder.embed_documents


@pytest.mark.parametrize("way", ["embed_tokens", "embed_documents"])
def test_a_long_answer_embeds_every_text_once(hash_embedder, monkeypatch, way):
    seen, embed = [], getattr(hash_embedder, way)
    monkeypatch.setattr(hash_embedder, way, lambda texts: (seen.append(texts), embed(texts))[1])
    embedder = hash_embedder if way == "embed_tokens" else Sentences(hash_embedder)
    answer = " ".join(f"The tower has {n} rooms." for n in range(40)) + " The bread rests [2]."
    found = review(answer, hits(TOWER, BREAD), embedder)
    assert len(found.sentences) == 41
    (texts,) = seen
    assert len(texts) == len(set(texts)) > 41
