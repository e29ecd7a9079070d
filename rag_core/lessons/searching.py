"""Lessons 4 to 6: an index that skips, two searches joined, and a second, closer reading."""

from __future__ import annotations

from rag_core.ann import AnnIndex, clustered_vectors, exact_answer, random_vectors
from rag_core.lessons.bench import Bench, hits
from rag_core.lessons.lesson import Lesson, Reveal, Row, View, place_of
from rag_core.protocols import FloatArray, IntArray
from rag_core.rerankers import LateInteractionReranker
from rag_core.retrieval import RERANKED as READ_AGAIN

_COLLECTION = ("collection", "stage")
_VECTORS, _QUERIES, _CLUSTERS, _LOOKED = 10_000, 100, 100, 10
_NEIGHBOURS = 10
_CLOCK = "Who made MSC-0217?"
_BED = "Who pays for my accommodation if bad weather strands me away from home on the wrong isle?"


def _approximate(bench: Bench) -> Reveal:
    chance = random_vectors(_VECTORS + _QUERIES, 384, seed=0)
    like_texts = clustered_vectors(_VECTORS + _QUERIES, 384, seed=0)
    wanted = (1, _LOOKED, _CLUSTERS // 2)
    recalls = _recalls(chance, wanted)
    rows = [
        Row(f"{n} of {_CLUSTERS} clusters", 100 * recall, "random vectors", marked=n == _LOOKED)
        for n, recall in zip(wanted, recalls, strict=True)
    ]
    [grouped] = _recalls(like_texts, (_LOOKED,))
    rows.append(Row(f"{_LOOKED} clusters, grouped", 100 * grouped, "vectors grouped as texts are"))
    said = (
        f"Looking into {_LOOKED} of {_CLUSTERS} clusters finds {100 * recalls[1]:.0f} % of the "
        f"true neighbours; where the vectors come in groups, as texts do, {100 * grouped:.0f} %."
    )
    choice = place_of(recalls[1], (0.15, 0.4, 0.75))
    return Reveal(choice, said, "true neighbours found, %", tuple(rows))


def _recalls(drawn: FloatArray, n_probes: tuple[int, ...]) -> list[float]:
    vectors, queries = drawn[:_VECTORS], drawn[_VECTORS:]
    truth = exact_answer(vectors, queries, _NEIGHBOURS)
    index = AnnIndex("ivf", vectors.shape[1], n_clusters=_CLUSTERS)
    index.train(vectors)
    index.add(vectors)
    return [_recall(truth.rows, index.search(queries, _NEIGHBOURS, n_probe=n)[0]) for n in n_probes]


def _recall(true: IntArray, found: IntArray) -> float:
    """Return the share of the true rows, of all queries together, that were found."""
    shared = sum(len(set(a) & set(b)) for a, b in zip(true.tolist(), found.tolist(), strict=True))
    return shared / true.size


APPROXIMATE = Lesson(
    title="Exact and approximate",
    shows=f"{_VECTORS:,} vectors that point anywhere, sorted into {_CLUSTERS} clusters. To be "
    f"quick, a search looks into the {_LOOKED} nearest clusters and skips the other nine tenths.",
    question="How many of a query's ten true neighbours does it find?",
    choices=("About one", "Two or three", "Five or so", "Nearly all ten"),
    why="In many directions, things of pure chance are all about equally far from each other, and "
    "being in the same cluster says little. Texts are kinder: they come in subjects, and a "
    "neighbour mostly lives next door. So an index's recall belongs to your vectors and not to "
    "the index; measure it on them. Below some ten thousand vectors, comparing with all is quick "
    "enough to need no index at all.",
    notes=(
        "Before the reveal ask: what would you have to know about the vectors to answer?",
        "On the page, press Measure before you talk: 50,000 vectors take half a minute.",
        "Then choose Clustered and measure again.",
    ),
    view=View(
        "ann",
        (("size", str(_VECTORS)), ("clusters", str(_CLUSTERS)), ("n_probe", "1, 10, 50")),
    ),
    compute=_approximate,
)


def _fused(bench: Bench) -> Reveal:
    question = bench.question("code-05")
    found = {
        "keyword": bench.by_keyword(question["question"]),
        "vector": bench.by_vector(question["question"]),
        "hybrid": bench.by_both(question["question"]),
    }
    ranks = {name: bench.rank(chunks, question) for name, chunks in found.items()}
    last = len(bench.chunks)
    rows = tuple(
        Row(name, float(rank or last), _told(rank), marked=name == "vector")
        for name, rank in ranks.items()
    )
    said = "The right record: " + ", ".join(f"{row.label} {row.note}" for row in rows) + "."
    choice = place_of(ranks["vector"] or last, (2, 6, 21))
    return Reveal(choice, said, "rank of the right record", rows)


def _told(rank: int | None) -> str:
    return f"at rank {rank}" if rank else "not found"


FUSED = Lesson(
    title="Hybrid search and fusion",
    shows=f"A museum's catalogue among twelve other documents, and the query “{_CLOCK}”. Keyword "
    "search looks for the number letter by letter. Vector search looks for the meaning.",
    question="At which rank does vector search alone bring the right record?",
    choices=("First", "Second to fifth", "Sixth to twentieth", "Beyond the twentieth"),
    why="To the model a catalogue number is a few meaningless pieces, while “who made” is "
    "everywhere. Keywords are the other way round: strong on names and codes, blind to other "
    "words for the same thing. Fusion by rank needs no common scale: each list gives 1 / (60 + "
    "rank). It is a compromise, and it shows: the fused rank lies between the two.",
    notes=(
        "Ask for an example of a code from the room's own work: an order, a paragraph, a part.",
        "Do not oversell fusion: here the record falls behind its keyword rank.",
        "That gap is the way into the next lesson.",
    ),
    view=View(
        "search",
        (
            _COLLECTION, ("q", _CLOCK), ("methods", "keyword"), ("methods", "vector"),
            ("methods", "hybrid"),
        ),
    ),
    compute=_fused,
)  # fmt: skip


def _reranked(bench: Bench) -> Reveal:
    question = bench.question("para-11")
    first = bench.by_both(question["question"])[:READ_AGAIN]
    again = LateInteractionReranker(bench.tokens).rerank(question["question"], hits(first))
    before = bench.rank(first, question)
    after = bench.rank([hit.chunk for hit in again], question)
    rows = (
        Row("hybrid", float(before or READ_AGAIN + 1), _told(before)),
        Row("read again", float(after or READ_AGAIN + 1), _told(after), marked=True),
    )
    said = f"The passage stood {_told(before)}; read again, word by word, it stands {_told(after)}."
    return Reveal(_moved(before, after), said, "rank of the right passage", rows)


def _moved(before: int | None, after: int | None) -> int:
    if before is None or after is None or after > before:
        return 3
    if after == before:
        return 2
    return 0 if after == 1 else 1


RERANKED = Lesson(
    title="Reranking: reading again",
    shows=f"“{_BED}” The ferry company's conditions say it in other words, and hybrid search puts "
    f"the passage far down. Now the best {READ_AGAIN} are read once more, each word of the "
    "question against each word of the passage.",
    question="Where does the passage go?",
    choices=("To the first place", "Up, but not to the first", "It stays", "Down"),
    why="A search has to be quick, so it compares one vector with one vector, made before anybody "
    "asked. With twenty left there is time to look closely: late interaction finds for every "
    "token of the question its best match in the passage. It can only reorder what the first "
    "step let through, so give it enough candidates; and it can be wrong, so measure it.",
    notes=(
        "The passage shares not one telling word with the question: read both aloud.",
        "On the page, open Flow: the line that climbs is the passage.",
        "Be fair: ask it how many stops have a high platform, and it moves the right one down.",
    ),
    view=View(
        "search",
        (
            _COLLECTION, ("q", _BED), ("methods", "hybrid"), ("methods", "late interaction"),
            ("k", str(READ_AGAIN)), ("panel", "Flow"),
        ),
    ),
    compute=_reranked,
)  # fmt: skip
