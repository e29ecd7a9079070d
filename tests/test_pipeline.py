"""The pipeline as scripts use it: searching, answering, opening and closing, many at once."""

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from hash_embedder import HashEmbedder

from rag_core import (
    Chunk,
    Document,
    FilterError,
    HomeError,
    Message,
    ModelError,
    RagPipeline,
    SettingsError,
    load,
)
from rag_core.embedders.sentence_transformers import SentenceTransformerEmbedder
from rag_core.prompts import NOT_FOUND

FACTS = {
    "tower.txt": "The tower was built in 1889. It is made of iron and 330 metres high.",
    "bread.txt": "Sourdough bread rises for twelve hours. Its starter is fed every morning.",
    "bees.txt": "A hive holds one queen. The bees keep the brood at 35 degrees.",
    "ferry.txt": "The ferry leaves at 7:40 from pier 3. Dogs travel free on the ferry.",
}


@pytest.fixture
def pipeline(tmp_path, hash_embedder):
    with RagPipeline.open(tmp_path / "home", embedder=hash_embedder) as pipeline:
        pipeline.ingest(
            Document.from_text(name, text, metadata={"year": 2000 + n, "kind": name[0]})
            for n, (name, text) in enumerate(FACTS.items())
        )
        yield pipeline


def names(result):
    return [hit.chunk.metadata["name"] for hit in result.hits]


# -- search ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("mode", "stages"),
    [
        ("vector", ["embed", "vector"]),
        ("keyword", ["keyword"]),
        ("hybrid", ["embed", "vector", "keyword", "fusion"]),
    ],
)
def test_every_mode_finds_the_right_document_and_shows_its_stages(pipeline, mode, stages):
    result = pipeline.search("When does the ferry leave?", mode=mode, k=2)
    assert names(result)[0] == "ferry.txt"
    assert [stage.name for stage in result.stages] == stages
    assert [hit.rank for hit in result.hits] == list(range(1, len(result.hits) + 1))
    assert [hit.score for hit in result.hits] == sorted(
        (hit.score for hit in result.hits), reverse=True
    )
    assert result.hits == result.stages[-1].hits[:2]
    assert result.query == "When does the ferry leave?"
    assert result.seconds > 0


def test_hybrid_is_what_is_done_unless_told(pipeline):
    assert pipeline.search("ferry").stages[-1].name == "fusion"


def test_fusion_adds_the_reciprocal_ranks_of_both_sides(pipeline):
    result = pipeline.search("ferry dogs", k=4, fusion="rrf")
    ranks = {
        stage.name: {hit.chunk.id: hit.rank for hit in stage.hits} for stage in result.stages[1:3]
    }
    for hit in result.hits:
        sides = [ranks[side][hit.chunk.id] for side in ranks if hit.chunk.id in ranks[side]]
        assert hit.score == pytest.approx(sum(1 / (60 + rank) for rank in sides))


def test_a_keyword_search_returns_only_what_holds_a_term(pipeline):
    assert names(pipeline.search("ferry xylophone", mode="keyword", k=4)) == ["ferry.txt"]
    assert pipeline.search("xylophone", mode="keyword").hits == ()


def test_k_is_how_many_and_more_than_there_are_is_all(pipeline):
    for k in (1, 2, 4, 100):
        assert len(pipeline.search("the", mode="vector", k=k).hits) == min(k, 4)


@pytest.mark.parametrize("k", [0, -1])
@pytest.mark.parametrize("mode", ["vector", "keyword", "hybrid"])
def test_a_k_below_one_is_refused(pipeline, k, mode):
    with pytest.raises(ValueError, match="at least 1"):
        pipeline.search("ferry", mode=mode, k=k)


@pytest.mark.parametrize("query", ["", "  \n\t"])
def test_an_empty_query_finds_nothing(pipeline, query):
    assert pipeline.search(query).hits == ()


def test_unknown_choices_are_refused_with_the_known_ones(pipeline):
    with pytest.raises(ValueError, match="vector, keyword, hybrid"):
        pipeline.search("ferry", mode="semantic")
    with pytest.raises(ValueError, match="late-interaction"):
        pipeline.search("ferry", rerank="coin-toss")


@pytest.mark.parametrize("mode", ["vector", "keyword", "hybrid"])
@pytest.mark.parametrize(
    ("where", "expected"),
    [
        ({"year": {"$gte": 2002}}, {"bees.txt", "ferry.txt"}),
        ({"name": "tower.txt"}, {"tower.txt"}),
        ({"$or": [{"kind": "t"}, {"year": 2003}]}, {"tower.txt", "ferry.txt"}),
        ({"year": 1900}, set()),
    ],
)
def test_a_filter_means_the_same_in_every_mode(pipeline, mode, where, expected):
    result = pipeline.search("the tower bread bees ferry of is", mode=mode, k=10, where=where)
    assert set(names(result)) <= expected
    if mode != "keyword":
        assert set(names(result)) == expected


@pytest.mark.parametrize("mode", ["vector", "keyword", "hybrid"])
def test_a_malformed_filter_is_said_in_every_mode(pipeline, mode):
    with pytest.raises(FilterError, match=r"\$near"):
        pipeline.search("ferry", mode=mode, where={"year": {"$near": 3}})


def test_a_reranker_reads_the_best_again(pipeline):
    result = pipeline.search("bees brood degrees", k=2, rerank="late-interaction")
    assert result.stages[-1].name == "rerank"
    assert len(result.stages[-1].hits) == 4
    assert names(result)[0] == "bees.txt"
    assert "late-interaction" in result.hits[0].scores


class Backwards:
    name = "backwards"

    def rerank(self, query, hits):
        return list(reversed(hits))


def test_a_search_reads_no_chunk_anew_not_even_after_reopening(tmp_path, monkeypatch):
    texts = {"tower.txt": "The tower has 300 steps. It was built in 1889.", "bees.txt": "Bees hum."}
    with RagPipeline.open(tmp_path) as pipeline:
        pipeline.ingest(Document.from_text(name, text) for name, text in texts.items())
        assert pipeline.home.passages.report().entries == pipeline.store().count() == 2
    read, embed_tokens = [], SentenceTransformerEmbedder.embed_tokens

    def spied(self, some):
        read.extend(some)
        return embed_tokens(self, some)

    monkeypatch.setattr(SentenceTransformerEmbedder, "embed_tokens", spied)
    with RagPipeline.open(tmp_path) as pipeline:
        hits = pipeline.search("How many steps?", rerank="late-interaction").hits
        assert read == ["How many steps?"]
        pipeline.home.passages.clear()
    with RagPipeline.open(tmp_path) as pipeline:  # what is lost is read again
        again = pipeline.search("How many steps?", rerank="late-interaction").hits
        assert read[1:] == ["How many steps?", *(hit.chunk.text for hit in hits)]
        assert pipeline.home.passages.report().entries == 2
    assert [hit.score for hit in again] == pytest.approx([hit.score for hit in hits], abs=0.01)


def test_a_reranker_of_ones_own_is_used(pipeline):
    plain = pipeline.search("the tower", k=4)
    turned = pipeline.search("the tower", k=4, rerank=Backwards())
    assert names(turned) == names(plain)[::-1]


class NoTokens:
    """An embedder that shows no token vectors, as a hosted one."""

    def __init__(self):
        inner = HashEmbedder()
        self.name, self.fingerprint, self.dimension = "hosted", "f", inner.dimension
        self.embed_documents, self.embed_query = inner.embed_documents, inner.embed_query


def test_late_interaction_without_token_vectors_says_what_it_needs(tmp_path):
    with RagPipeline.open(tmp_path, embedder=NoTokens()) as pipeline:
        pipeline.ingest([Document.from_text("a", "Some text.")])
        with pytest.raises(ModelError, match="hosted") as caught:
            pipeline.search("text", rerank="late-interaction")
        assert "all-MiniLM-L6-v2" in caught.value.hint


def test_equal_searches_give_equal_answers(pipeline):
    first, second = (pipeline.search("the ferry and the bees", k=4) for _ in range(2))
    assert first.hits == second.hits


# -- answers --------------------------------------------------------------------------------


def test_an_answer_without_a_chat_model_quotes_and_cites_exactly(pipeline):
    answer = pipeline.answer("When was the tower built?")
    assert answer.found
    assert answer.model == "extractive"
    assert "built in 1889" in answer.text
    citation = answer.citations[0]
    chunk = citation.hit.chunk
    whole = pipeline.document(chunk.document_id).text
    assert whole[citation.span.start : citation.span.end] == "The tower was built in 1889."
    assert answer.prompt.sources[citation.number - 1] == citation.hit
    assert answer.result.hits == answer.prompt.sources


def test_nothing_found_is_said_and_no_model_is_asked(tmp_path, hash_embedder):
    generator = Scripted(["never"])
    with RagPipeline.open(tmp_path, embedder=hash_embedder, generator=generator) as pipeline:
        answer = pipeline.answer("Anything?")
    assert (answer.text, answer.found, answer.citations) == (NOT_FOUND, False, ())
    assert generator.prompts == []


class Scripted:
    """Says its pieces; keeps the prompts and counts the pieces it was asked for."""

    name = "scripted"

    def __init__(self, pieces, error=None):
        self.pieces, self.error = pieces, error
        self.prompts, self.said = [], 0

    def stream(self, prompt):
        self.prompts.append(prompt)
        for piece in self.pieces:
            self.said += 1
            yield piece
        if self.error:
            raise self.error


@pytest.fixture
def scripted(tmp_path, hash_embedder):
    generator = Scripted(["At 7:40 ", "[1], ", "says the table [9]."])
    with RagPipeline.open(tmp_path, embedder=hash_embedder, generator=generator) as pipeline:
        pipeline.ingest([load("ferry.txt", FACTS["ferry.txt"].encode())])
        yield pipeline, generator


def test_a_stream_writes_no_faster_than_it_is_read(scripted):
    pipeline, generator = scripted
    stream = pipeline.stream("When does the ferry leave?")
    assert generator.said == 0
    assert stream.result.hits  # the search is done
    pieces = iter(stream)
    assert next(pieces) == "At 7:40 "
    assert (generator.said, stream.text) == (1, "At 7:40 ")
    answer = stream.answer  # runs it to the end
    assert answer.text == "".join(generator.pieces) == "".join(stream)
    assert generator.said == 3
    assert [citation.number for citation in answer.citations] == [1]


def test_the_prompt_holds_the_sources_the_history_and_the_question(scripted):
    pipeline, generator = scripted
    history = (Message("user", "Hello"), Message("assistant", "Hello!"))
    pipeline.answer("When does the ferry leave?", history=history)
    (prompt,) = generator.prompts
    assert prompt.messages[1:3] == history
    assert FACTS["ferry.txt"] in prompt.messages[-1].content
    assert prompt.messages[-1].content.endswith("Question: When does the ferry leave?")


def test_an_answer_that_broke_off_never_passes_for_a_whole_one(tmp_path, hash_embedder):
    generator = Scripted(["Half an "], ModelError("The server broke off."))
    with RagPipeline.open(tmp_path, embedder=hash_embedder, generator=generator) as pipeline:
        pipeline.ingest([load("ferry.txt", FACTS["ferry.txt"].encode())])
        stream = pipeline.stream("When does the ferry leave?")
        for _ in range(2):
            with pytest.raises(ModelError, match="broke off"):
                _ = stream.answer
        assert stream.text == "Half an "


def test_a_bracketed_number_in_a_quoted_source_is_no_citation(tmp_path, hash_embedder):
    text = "As shown in [2], the “rooms.objects[3]” list grows. Nothing else is known."
    quote = "As shown in [2], the “rooms.objects[3]” list grows."
    generator = Scripted([f"“{quote}” [1] and more [1]"])
    with RagPipeline.open(tmp_path, embedder=hash_embedder, generator=generator) as pipeline:
        for name in ("a", "b", "c"):
            pipeline.ingest([Document.from_text(name, text)])
        answer = pipeline.answer("What does the list do?", k=3)
    chunk = answer.citations[0].hit.chunk
    assert [citation.number for citation in answer.citations] == [1, 1]
    assert [(c.span.start, c.span.end) for c in answer.citations] == [
        (0, len(quote)),
        (chunk.start, chunk.end),
    ]


# -- opening and closing --------------------------------------------------------------------


@pytest.mark.parametrize("name", ["", "ab", "a b", "-ab", "../x", "a" * 64, "ä-collection"])
def test_a_collection_that_stores_cannot_name_is_refused(tmp_path, name):
    with pytest.raises(SettingsError, match="cannot be called"):
        RagPipeline.open(tmp_path / "home", collection=name)
    assert not (tmp_path / "home").exists()


def test_collections_of_one_folder_are_apart(tmp_path):
    with (
        RagPipeline.open(tmp_path, collection="one", embedder=HashEmbedder()) as one,
        RagPipeline.open(tmp_path, collection="two", embedder=HashEmbedder(32)) as two,
    ):
        one.ingest([load("a.txt", b"The first collection.")])
        two.ingest([load("a.txt", b"The first collection."), load("b.txt", b"The second.")])
        assert [len(p.search("collection", k=9).hits) for p in (one, two)] == [1, 2]
        two.delete([info.id for info in two.documents()])
        assert one.search("collection").hits
        (original,) = (tmp_path / "originals").glob("*/*")
        assert original.read_bytes() == b"The first collection."


def test_the_folder_of_the_environment_is_the_default(hash_embedder):
    with RagPipeline.open(embedder=hash_embedder) as pipeline:
        assert str(pipeline.home.path) == os.environ["RAGSCOPE_HOME"]


def test_what_was_indexed_is_there_after_reopening(tmp_path):
    for _ in range(2):
        with RagPipeline.open(tmp_path, embedder=HashEmbedder()) as pipeline:
            pipeline.ingest([load("ferry.txt", FACTS["ferry.txt"].encode())])
            for mode in ("vector", "keyword", "hybrid"):
                assert names(pipeline.search("ferry", mode=mode)) == ["ferry.txt"]


def test_closing_twice_harms_nobody_else(tmp_path, hash_embedder):
    first = RagPipeline.open(tmp_path, embedder=hash_embedder)
    second = RagPipeline.open(tmp_path, embedder=hash_embedder)
    first.close()
    first.close()
    second.ingest([load("a.txt", b"Still open.")])
    assert second.search("open").hits
    second.close()
    with pytest.raises(HomeError, match="closed"):
        second.search("open")


WRITER = """
import sys
sys.path.insert(0, sys.argv[2])
from hash_embedder import HashEmbedder
from rag_core import RagPipeline, load
with RagPipeline.open(sys.argv[1], embedder=HashEmbedder()) as pipeline:
    for n in range(10):
        pipeline.ingest([load(f"{n}.txt", f"Written elsewhere, word{n}.".encode())])
"""


def test_what_another_process_wrote_in_between_is_seen(tmp_path):
    tests = Path(__file__).parent
    with RagPipeline.open(tmp_path, embedder=HashEmbedder()) as pipeline:
        pipeline.ingest([load("here.txt", b"Written here.")])
        assert pipeline.search("written", mode="vector").hits
    subprocess.run(
        [sys.executable, "-c", WRITER, str(tmp_path), str(tests)], check=True, cwd=tests.parent
    )
    with RagPipeline.open(tmp_path, embedder=HashEmbedder()) as pipeline:
        (hit,) = pipeline.search("Written elsewhere, word7.", mode="vector", k=1).hits
        assert hit.chunk.metadata["name"] == "7.txt"
        assert hit.score == pytest.approx(1.0, abs=1e-5)
        pipeline.ingest([load("here.txt", b"Written here again.")])
        assert pipeline.store().count() == 11


# -- many at once ---------------------------------------------------------------------------


@pytest.mark.parametrize("attempt", range(5))
def test_a_first_search_and_a_first_ingest_do_not_wait_for_each_other_for_ever(tmp_path, attempt):
    pipeline = RagPipeline.open(tmp_path, embedder=HashEmbedder())
    gate = threading.Barrier(2)

    def ingest():
        gate.wait()
        pipeline.ingest([load("a.txt", b"Some words.")])

    def search():
        gate.wait()
        pipeline.search("words")

    threads = [threading.Thread(target=work, daemon=True) for work in (ingest, search)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert not any(thread.is_alive() for thread in threads)
    pipeline.close()  # only now: it would wait for them too


class Reader(threading.Thread):
    """Searches until it is told to stop; keeps what went wrong."""

    def __init__(self, pipeline, mode, texts, stays):
        super().__init__()
        self.pipeline, self.mode, self.texts, self.stays = pipeline, mode, texts, stays
        self.over, self.searches, self.error = threading.Event(), 0, None

    def run(self):
        try:
            while not self.over.is_set():
                self.check(self.pipeline.search("paper version words", mode=self.mode, k=100).hits)
                self.searches += 1
        except BaseException as error:
            self.error = error

    def check(self, hits):
        for chunk in (hit.chunk for hit in hits):
            assert self.texts[chunk.document_id][chunk.start : chunk.end] == chunk.text
        assert self.stays in {hit.chunk.document_id for hit in hits}
        assert len({hit.chunk.id for hit in hits}) == len(hits)


def test_searching_while_documents_come_and_go_shows_nothing_unknown(tmp_path):
    """Four readers and a writer: no error, and no chunk that never was."""
    files = [
        load(f"{n}.txt", f"Paper {n} version {v}. {'More words follow. ' * 60}".encode())
        for v in range(6)
        for n in range(3)
    ]
    anchor = load("stays.txt", b"This paper stays: the anchor of more words.")
    texts = {document.id: document.text for document in [*files, anchor]}
    with RagPipeline.open(tmp_path, embedder=HashEmbedder()) as pipeline:
        pipeline.ingest([anchor])
        readers = [
            Reader(pipeline, mode, texts, anchor.id)
            for mode in ("vector", "keyword", "hybrid", "hybrid")
        ]
        for reader in readers:
            reader.start()
        for document in files:
            assert pipeline.ingest([document]).files[0].status in ("added", "replaced")
            if document.name == "1.txt":
                pipeline.delete([document.id])
        for reader in readers:
            reader.over.set()
            reader.join()
        assert [reader.error for reader in readers] == [None] * 4
        assert min(reader.searches for reader in readers) >= 3
        ids = {chunk.id for info in pipeline.documents() for chunk in pipeline.chunks(info.id)}
        assert {chunk.id for chunk in pipeline.store()} == ids


def test_a_store_is_searched_while_its_chunks_come_and_go(tmp_path):
    embedder, errors, over = HashEmbedder(), [], threading.Event()
    with RagPipeline.open(tmp_path, embedder=embedder) as pipeline:
        store = pipeline.store()

        def search():
            asked = embedder.embed_query("paper")
            try:
                while not over.is_set():
                    assert len(store.query(asked, 50)) >= 20
            except BaseException as error:
                errors.append(error)

        def write(version):
            document = Document.from_text("a.txt", "paper " * 20 + str(version))
            chunks = [Chunk.cut(document, n, n * 6, n * 6 + 5) for n in range(20)]
            store.upsert(chunks, embedder.embed_documents([chunk.text for chunk in chunks]))
            return [chunk.id for chunk in chunks]

        old = write(0)
        threads = [threading.Thread(target=search) for _ in range(4)]
        for thread in threads:
            thread.start()
        for version in range(1, 80):
            new = write(version)
            store.delete(old)
            old = new
        over.set()
        for thread in threads:
            thread.join()
        assert errors == []
