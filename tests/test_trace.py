"""Where did it die: a passage lost at every step in turn, and one that got through."""

import pytest
from hash_embedder import HashEmbedder

from rag_core import Document, RagPipeline, Span, make_chunker
from rag_core.retrieval import SearchOptions

QUERY = "ferry pier"
PASSAGE = "the ferry leaves from the old pier"
FILL = "Bread rises for hours. Bees keep warm. Towers stand on iron feet. Rain falls on the hills."


def document(name, text, **metadata):
    return Document.from_text(name, text, metadata=metadata)


def place(document, text=PASSAGE):
    start = document.text.index(text)
    return Span(document.id, start, start + len(text))


@pytest.fixture
def pipeline(tmp_path):
    with RagPipeline.open(tmp_path, embedder=HashEmbedder()) as pipeline:
        yield pipeline


GOLD = document("gold.txt", f"In short, {PASSAGE}.", year=2020)
OTHERS = [document(f"{n}.txt", f"{FILL} Number word{n}.", year=1999) for n in range(8)]
# Each says nothing but the query's own words, so both sides prefer them.
RIVALS = [document(f"rival{n}.txt", f"{QUERY} {QUERY} {n}") for n in range(4)]


def states(trace):
    return [(step.name, step.status) for step in trace.steps]


def step(trace, name):
    return next(step for step in trace.steps if step.name == name)


def test_a_passage_that_is_found_did_not_die(pipeline):
    pipeline.ingest([GOLD, *OTHERS])
    trace = pipeline.trace(QUERY, place(GOLD))
    assert states(trace) == [
        ("loaded", "ok"),
        ("cut", "ok"),
        ("read", "ok"),
        ("indexed", "ok"),
        ("ranked", "ok"),
        ("fusion", "ok"),
    ]
    assert trace.died_at is None
    assert trace.rank == 1
    assert trace.chunk == trace.result.hits[0].chunk
    assert step(trace, "loaded").text == PASSAGE
    assert step(trace, "loaded").document == "gold.txt"
    assert [part.span for part in step(trace, "cut").parts] == [place(GOLD)]
    assert [(side.side, side.rank, side.passed) for side in step(trace, "ranked").sides] == [
        ("vector", 1, True),
        ("keyword", 1, True),
    ]


def test_a_chunk_can_be_named_by_its_id(pipeline):
    pipeline.ingest([GOLD, *OTHERS])
    (chunk,) = pipeline.chunks(GOLD.id)
    trace = pipeline.trace(QUERY, chunk.id)
    assert (trace.chunk, trace.rank, trace.died_at) == (chunk, 1, None)


@pytest.mark.parametrize("lost", [Span("nobody", 0, 5), "nobody", Span(GOLD.id, 5, 10_000)])
def test_what_is_not_loaded_reaches_nothing(pipeline, lost):
    pipeline.ingest([GOLD])
    trace = pipeline.trace(QUERY, lost, options=SearchOptions(rerank="late-interaction"))
    assert states(trace)[0] == ("loaded", "failed")
    assert {status for _, status in states(trace)[1:]} == {"not reached"}
    assert states(trace)[-2:] == [("fusion", "not reached"), ("rerank", "not reached")]
    assert trace.died_at is trace.steps[0]
    assert (trace.chunk, trace.rank) == (None, None)


def test_white_space_and_an_empty_query_are_mistakes(pipeline):
    pipeline.ingest([document("a.txt", "one   two")])
    (info,) = pipeline.documents()
    with pytest.raises(ValueError, match="3 to 6 is white space"):
        pipeline.trace(QUERY, Span(info.id, 3, 6))
    with pytest.raises(ValueError, match="empty"):
        pipeline.trace("  ", Span(info.id, 0, 3))
    assert step(pipeline.trace(QUERY, Span(info.id, 3, 8)), "loaded").text == "tw"


def test_a_filter_shuts_it_out(pipeline):
    pipeline.ingest([GOLD, *OTHERS])
    trace = pipeline.trace(QUERY, place(GOLD), options=SearchOptions(where={"year": 1999}))
    assert trace.died_at is step(trace, "filtered")
    assert step(trace, "ranked").status == "not reached"
    passed = pipeline.trace(QUERY, place(GOLD), options=SearchOptions(where={"year": 2020}))
    assert step(passed, "filtered").status == "ok"
    assert passed.died_at is None


def test_a_passage_cut_in_two_names_the_chunks_that_hold_its_parts(pipeline):
    chunker = make_chunker("fixed", unit="characters", size=30, overlap=0)
    pipeline.ingest([GOLD], chunker=chunker)
    trace = pipeline.trace("bread", place(GOLD), options=SearchOptions(mode="keyword"))
    cut = step(trace, "cut")
    assert trace.died_at is cut
    assert len(cut.parts) > 1
    words = " ".join(GOLD.text[part.span.start : part.span.end] for part in cut.parts).split()
    assert words == PASSAGE.split()
    biggest = max(part.span.end - part.span.start for part in cut.parts)
    followed = next(part for part in cut.parts if part.chunk == trace.chunk)
    assert followed.span.end - followed.span.start == biggest


def test_of_chunks_that_hold_it_whole_the_one_that_got_furthest_is_followed(pipeline):
    text = "Alpha beta gamma delta. The old pier. Quartz zebra violin comet."
    twice = document("twice.txt", text)
    chunker = make_chunker("fixed", unit="characters", size=40, overlap=20)
    pipeline.ingest([twice], chunker=chunker)
    whole = place(twice, "old pier")
    for query, end in (("alpha beta", "pier."), ("quartz old pier", "violin")):
        trace = pipeline.trace(query, whole, options=SearchOptions(k=1))
        holders = [part for part in step(trace, "cut").parts if part.span == whole]
        assert len(holders) == 2
        assert trace.rank == 1
        assert end in trace.chunk.text


def test_what_the_model_did_not_read_is_named(tmp_path):
    embedder = HashEmbedder()
    embedder.max_tokens = 20
    long = document("long.txt", f"{FILL} {FILL} And then {PASSAGE}.")
    with RagPipeline.open(tmp_path, embedder=embedder) as pipeline:
        pipeline.ingest([long], chunker=make_chunker("fixed", unit="characters", size=900))
        pipeline.ingest(RIVALS)
        found = step(pipeline.trace(QUERY, place(long)), "read")
        early = step(pipeline.trace(QUERY, place(long, "Bread rises")), "read")
    assert (found.status, found.read) == ("failed", 20)
    assert found.tokens > 20
    assert found.unseen == place(long)
    assert (early.status, early.unseen) == ("ok", None)


class Forgetful:
    """A store whose search overlooks some chunks, as an approximate index can."""

    def __init__(self, store, overlooked):
        self._store, self._overlooked = store, overlooked

    def __getattr__(self, name):
        return getattr(self._store, name)

    def query(self, vector, k, where=None):
        found = self._store.query(vector, k + len(self._overlooked), where)
        return [hit for hit in found if hit.chunk.id not in self._overlooked][:k]


@pytest.mark.parametrize("most", [20_000, 3])
def test_what_the_index_overlooked_is_told_from_what_is_truly_far(pipeline, monkeypatch, most):
    monkeypatch.setattr("rag_core.trace.MOST_COMPARED", most)
    pipeline.ingest([GOLD, *OTHERS])
    (gold,) = pipeline.chunks(GOLD.id)
    monkeypatch.setattr(pipeline, "_store", Forgetful(pipeline.store(), {gold.id}))
    trace = pipeline.trace(QUERY, place(GOLD), options=SearchOptions(mode="vector", k=1))
    found = step(trace, "indexed")
    assert trace.died_at is found
    assert (found.wanted, found.returned) == (1, None)
    assert found.exact_rank == (1 if most > 3 else None)
    own = pipeline.embedder.embed_query(QUERY) @ pipeline.vectors([gold])[0]
    assert found.cosine == pytest.approx(float(own), abs=1e-5)
    far = pipeline.trace("iron feet", place(GOLD), options=SearchOptions(mode="vector", k=3))
    assert step(far, "indexed").status == "ok"
    assert far.died_at is step(far, "ranked")


def test_what_others_outrank_names_them_and_its_rank(pipeline):
    pipeline.ingest([GOLD, *RIVALS, *OTHERS])
    options = SearchOptions(k=2, candidates=3)
    trace = pipeline.trace(QUERY, place(GOLD), options=options)
    ranked = step(trace, "ranked")
    assert trace.died_at is ranked
    assert step(trace, "indexed").exact_rank == 5
    assert [(side.rank, side.limit, side.passed) for side in ranked.sides] == [(5, 3, False)] * 2
    rivals = {rival.name for rival in RIVALS}
    assert {hit.chunk.metadata["name"] for hit in ranked.sides[0].above} <= rivals
    assert {hit.chunk.metadata["name"] for hit in ranked.sides[1].above} == rivals
    assert states(trace)[-1] == ("fusion", "not reached")


def test_a_side_that_does_not_match_has_no_rank(pipeline):
    pipeline.ingest([GOLD, *OTHERS])
    trace = pipeline.trace("xylophone", place(GOLD), options=SearchOptions(mode="keyword"))
    (side,) = step(trace, "ranked").sides
    assert (side.rank, side.passed, side.above) == (None, False, ())
    assert [name for name, _ in states(trace)] == ["loaded", "cut", "ranked"]


def test_fused_out(pipeline):
    pipeline.ingest([GOLD, *RIVALS, *OTHERS])
    trace = pipeline.trace(QUERY, place(GOLD), options=SearchOptions(k=2))
    fusion = step(trace, "fusion")
    assert trace.died_at is fusion
    assert (fusion.before, fusion.after, fusion.limit) == (None, 5, 2)
    assert fusion.above == trace.result.stages[-1].hits[:4]


class Backwards:
    name = "backwards"

    def rerank(self, query, hits):
        return list(reversed(hits))


def test_reranked_out(pipeline):
    pipeline.ingest([GOLD, *OTHERS])
    trace = pipeline.trace(QUERY, place(GOLD), options=SearchOptions(k=2, rerank=Backwards()))
    step_ = step(trace, "rerank")
    assert trace.died_at is step_
    assert (step(trace, "fusion").status, step(trace, "fusion").limit) == ("ok", 20)
    assert (step_.before, step_.after, step_.limit) == (1, 9, 2)
    assert len(step_.above) == 5


def test_put_off_for_saying_the_same_again(pipeline):
    twin = document("twin.txt", f"In short, {PASSAGE}.")
    pipeline.ingest([GOLD, twin, *OTHERS])
    options = SearchOptions(k=2, diversity=0.3, mode="vector")
    traces = [pipeline.trace(QUERY, place(each), options=options) for each in (GOLD, twin)]
    (shown,) = [trace for trace in traces if trace.rank]
    (lost,) = [trace for trace in traces if not trace.rank]
    assert shown.rank == 1
    assert lost.died_at is step(lost, "diversity")
    assert step(lost, "diversity").before == 2
