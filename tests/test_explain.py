"""Why is this here: the parts of an explanation add up to what the search said."""

import pytest
from hash_embedder import HashEmbedder

from rag_core import Document, RagPipeline, UnknownDocumentError
from rag_core.fusion import normalised
from rag_core.retrieval import FUSIONS, SearchOptions

TEXTS = [
    "The ferry leaves from the old pier at seven. The ferry is old.",
    "Bread rises on a ferry as it does on land.",
    "A pier of iron stands in the sea.",
    "Bees keep their brood warm in winter.",
]
QUERY = "ferry to the iron pier"


@pytest.fixture
def pipeline(tmp_path):
    with RagPipeline.open(tmp_path, embedder=HashEmbedder()) as pipeline:
        pipeline.ingest(Document.from_text(f"{n}.txt", text) for n, text in enumerate(TEXTS))
        yield pipeline


def explained(pipeline, options, rank=1):
    result = pipeline.search_with(QUERY, options)
    hit = result.hits[rank - 1]
    return result, hit, pipeline.explain(result, hit.chunk.id, options)


# -- BM25 -----------------------------------------------------------------------------------


def test_the_terms_add_up_to_the_keyword_score(pipeline):
    options = SearchOptions(mode="keyword")
    for rank in (1, 2, 3):
        _, hit, why = explained(pipeline, options, rank)
        assert sum(term.score for term in why.keyword) == pytest.approx(hit.score, rel=1e-6)
        for term in why.keyword:
            assert (term.score > 0) == (term.frequency > 0)
        assert why.cosine is None
        assert why.placing.rank == rank
    assert [term.term for term in why.keyword] == ["ferri", "iron", "pier"]


# -- cosine ---------------------------------------------------------------------------------


def test_links_name_the_best_match_of_every_query_token_and_its_place(pipeline):
    _, hit, why = explained(pipeline, SearchOptions(mode="vector"))
    story = why.cosine
    assert story.cosine == pytest.approx(hit.score, abs=1e-5)
    assert [link.asked for link in story.links] == QUERY.split()
    text = pipeline.document(hit.chunk.document_id).text
    for link in story.links:
        assert text[link.span.start : link.span.end] == link.found
        if link.asked in text.lower().split():
            assert link.found.lower() == link.asked
            assert link.similarity == pytest.approx(1.0, abs=1e-5)
    assert story.maxsim == pytest.approx(sum(link.similarity for link in story.links) / 5)
    assert why.keyword is None


def test_the_shares_of_a_bag_of_words_add_up_to_its_cosine(pipeline):
    # HashEmbedder's vector is the sum of its tokens' vectors, so here nothing is left over.
    result = pipeline.search(QUERY, mode="vector", k=4)
    for hit in result.hits:
        story = pipeline.explain(result, hit.chunk.id, SearchOptions(mode="vector")).cosine
        assert sum(part.share for part in story.shares) == pytest.approx(story.pooled, abs=1e-5)
        assert story.pooled == pytest.approx(story.cosine, abs=1e-3)
        assert "".join(part.text for part in story.shares) in hit.chunk.text.replace(
            " ", ""
        ).replace(".", "")


def test_with_the_real_model_the_shares_are_near_the_cosine(tmp_path, embedder):
    with RagPipeline.open(tmp_path, embedder=embedder) as pipeline:
        pipeline.ingest(Document.from_text(f"{n}.txt", text) for n, text in enumerate(TEXTS))
        result = pipeline.search(QUERY, k=4)
        for hit in result.hits:
            story = pipeline.explain(result, hit.chunk.id, SearchOptions()).cosine
            assert story.pooled == pytest.approx(story.cosine, abs=0.1)
        best = max(story_of(pipeline, result, result.hits[0]).shares, key=lambda part: part.share)
    assert best.text.lower() in QUERY


def story_of(pipeline, result, hit):
    return pipeline.explain(result, hit.chunk.id, SearchOptions()).cosine


class Hosted:
    """An embedder without token vectors, as one on a server."""

    def __init__(self):
        inner = HashEmbedder()
        self.name, self.fingerprint, self.dimension = "hosted", "f", inner.dimension
        self.embed_documents, self.embed_query = inner.embed_documents, inner.embed_query


def test_without_token_vectors_the_cosine_stands_alone(tmp_path):
    with RagPipeline.open(tmp_path, embedder=Hosted()) as pipeline:
        pipeline.ingest([Document.from_text("a", TEXTS[0])])
        _, hit, why = explained(pipeline, SearchOptions(mode="vector"))
    assert why.cosine.cosine == pytest.approx(hit.score, abs=1e-5)
    assert (why.cosine.links, why.cosine.shares, why.cosine.pooled) == ((), (), None)


# -- fusion, reranking ----------------------------------------------------------------------


@pytest.mark.parametrize("fusion", FUSIONS)
@pytest.mark.parametrize("weights", [(1.0, 1.0), (0.2, 3.0), (0.0, 1.0)])
def test_the_terms_of_a_fusion_add_up_to_its_score(pipeline, fusion, weights):
    options = SearchOptions(fusion=fusion, weights=weights, rrf_k=7)
    result = pipeline.search_with(QUERY, options)
    for hit in result.hits:
        story = pipeline.explain(result, hit.chunk.id, options).placing.fusion
        assert (story.total, story.rank, story.method) == (hit.score, hit.rank, fusion)
        assert sum(term.value for term in story.terms) == pytest.approx(hit.score)
        assert [term.side for term in story.terms] == ["vector", "keyword"]
        for term in story.terms:
            assert term.value == pytest.approx(term.weight * term.credit)
            assert term.score == hit.scores.get(term.side)


def test_a_fusion_is_written_out_with_its_ranks(pipeline):
    _, _, why = explained(pipeline, SearchOptions(fusion="rrf"))
    vector, keyword = why.placing.fusion.terms
    total = 1 / (60 + vector.rank) + 1 / (60 + keyword.rank)
    assert why.placing.fusion.written == (
        f"1 / (60 + {vector.rank}) + 1 / (60 + {keyword.rank}) = {total:.4g}"
    )
    _, hit, why = explained(pipeline, SearchOptions(k=4, fusion="rrf"), rank=4)
    assert hit.chunk.text == TEXTS[3]  # holds no term of the query
    assert why.placing.fusion.written == f"1 / (60 + 4) = {1 / 64:.4g}"
    assert why.placing.fusion.terms[1].rank is None


def test_a_convex_fusion_is_written_out_with_its_normalised_scores(pipeline):
    options = SearchOptions(fusion="convex", weights=(3.0, 1.0))
    result, hit, why = explained(pipeline, options)
    sides = [stage for stage in result.stages if stage.name in ("vector", "keyword")]
    credit = [normalised((h.chunk.id, h.score) for h in side.hits)[hit.chunk.id] for side in sides]
    assert why.placing.fusion.written == (
        f"0.75 · {credit[0]:.4g} + 0.25 · {credit[1]:.4g} = {hit.score:.4g}"
    )


class Backwards:
    name = "backwards"

    def rerank(self, query, hits):
        return list(reversed(hits))


def test_moves_say_the_rank_before_and_after(pipeline):
    options = SearchOptions(k=4, rerank=Backwards(), diversity=1.0)
    result = pipeline.search_with(QUERY, options)
    last = result.stages[3].hits[-1]
    moves = pipeline.explain(result, last.chunk.id, options).placing.moves
    assert [(move.stage, move.before) for move in moves] == [("rerank", 4), ("diversity", 1)]
    assert moves[0].after == 1


def test_a_chunk_that_some_stage_found_is_explained_though_it_is_no_hit(pipeline):
    options = SearchOptions(k=1)
    result = pipeline.search_with(QUERY, options)
    second = result.stages[-1].hits[1].chunk
    why = pipeline.explain(result, second.id, options)
    assert (why.placing.chunk, why.placing.rank, why.placing.fusion.rank) == (second, None, 2)


def test_what_was_not_found_or_is_gone_is_said(pipeline):
    options = SearchOptions()
    result = pipeline.search_with(QUERY, options)
    with pytest.raises(ValueError, match="'nobody'"):
        pipeline.explain(result, "nobody", options)
    chunk = result.hits[0].chunk
    pipeline.delete([chunk.document_id])
    with pytest.raises(UnknownDocumentError, match="not indexed any more"):
        pipeline.explain(result, chunk.id, options)
