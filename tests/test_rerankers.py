"""Rerankers: a real cross-encoder, trained here, and late interaction."""

import json
import shutil
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from hash_embedder import HashEmbedder
from tiny_cross_encoder import THINGS, save_tiny_cross_encoder

from rag_core import Document, ModelError, RagPipeline
from rag_core.datatypes import Chunk, SearchHit
from rag_core.late_interaction import TokenCache
from rag_core.rerankers import (
    BATCH,
    DEFAULT_CROSS_ENCODER,
    RERANKERS,
    CrossEncoderReranker,
    LateInteractionReranker,
    open_cross_encoder,
)


def hits_of(*texts):
    documents = [Document.from_text(f"{n}.txt", text) for n, text in enumerate(texts)]
    return [
        SearchHit(Chunk.cut(document, 0, 0, len(document.text)), rank, 1 / rank, {"vector": 1.0})
        for rank, document in enumerate(documents, start=1)
    ]


SENTENCES = [f"the {thing} is old" for thing in THINGS]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return str(save_tiny_cross_encoder(tmp_path_factory.mktemp("cross-encoder")))


@pytest.fixture(scope="module")
def cross_encoder(folder):
    return CrossEncoderReranker(folder)


# -- cross-encoder --------------------------------------------------------------------------


@pytest.mark.parametrize("thing", THINGS)
def test_the_text_that_matches_comes_first(cross_encoder, thing):
    hits = cross_encoder.rerank(f"a {thing}", hits_of(*SENTENCES))
    assert hits[0].chunk.text == f"the {thing} is old"
    assert hits[0].score > 0.9
    assert hits[1].score < 0.5
    assert [hit.rank for hit in hits] == list(range(1, len(THINGS) + 1))
    assert all(0 <= hit.score <= 1 for hit in hits)
    assert hits[0].scores == {"vector": 1.0, "cross-encoder": hits[0].score}


def test_batches_and_neighbours_change_no_score(cross_encoder):
    many = hits_of(*(SENTENCES * (2 * BATCH // len(SENTENCES) + 1)))
    assert len(many) > 2 * BATCH
    together = {hit.chunk.id: hit.score for hit in cross_encoder.rerank("a comet", many)}
    for hit in many[:5]:
        (alone,) = cross_encoder.rerank("a comet", [hit])
        assert together[hit.chunk.id] == pytest.approx(alone.score, abs=1e-5)


def test_equal_texts_stand_in_order_of_id(cross_encoder):
    ids = [hit.chunk.id for hit in cross_encoder.rerank("a comet", hits_of(*["old comet"] * 5))]
    assert ids == sorted(ids)


def test_the_score_is_the_sigmoid_whatever_the_model_is_set_to(folder, tmp_path, cross_encoder):
    raw = shutil.copytree(folder, tmp_path / "raw")
    config = json.loads((raw / "config.json").read_text())
    config["sentence_transformers"] = {"activation_fn": "torch.nn.modules.linear.Identity"}
    (raw / "config.json").write_text(json.dumps(config))
    again = CrossEncoderReranker(str(raw)).rerank("a violin", hits_of(*SENTENCES))
    assert again == cross_encoder.rerank("a violin", hits_of(*SENTENCES))


@pytest.mark.parametrize("text", ["", " ", "comet \ud800", "comet " * 500, "彗星"])
def test_every_text_gets_a_score(cross_encoder, text):
    (hit,) = cross_encoder.rerank(text or "x", hits_of(text))
    assert 0 <= hit.score <= 1


def test_nothing_to_rerank_loads_nothing():
    assert CrossEncoderReranker("no/such-model").rerank("x", []) == []


def test_many_threads_load_one_model_and_agree(folder):
    reranker, hits = CrossEncoderReranker(folder), hits_of(*SENTENCES)
    found, models = [], []

    def work():
        found.append(reranker.rerank("a bread", hits))
        models.append(id(reranker._model()))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(found) == 4
    assert len(set(models)) == 1
    assert all(hits == found[0] for hits in found)


# -- a cross-encoder that cannot be had -----------------------------------------------------


def test_a_model_that_is_not_here_says_how_to_get_it_and_what_works_without():
    with pytest.raises(ModelError, match=DEFAULT_CROSS_ENCODER) as caught:
        CrossEncoderReranker().rerank("x", hits_of("text"))
    assert f"hf download {DEFAULT_CROSS_ENCODER} --local-dir" in caught.value.hint
    assert "late-interaction" in caught.value.hint


WITHOUT_NETWORK = """
import socket, sys, time
sys.path.insert(0, sys.argv[1])
import sentence_transformers, torch
def refuse(*args, **kwargs):
    raise socket.gaierror(socket.EAI_AGAIN, "no network")
socket.getaddrinfo = refuse
from rag_core.errors import ModelError
from rag_core.rerankers import CrossEncoderReranker
start = time.perf_counter()
try:
    CrossEncoderReranker().load()
except ModelError as error:
    print(time.perf_counter() - start)
"""


def test_without_a_network_it_fails_in_seconds_though_no_setting_says_offline(tmp_path):
    root = Path(__file__).parents[1]
    run = subprocess.run(
        [sys.executable, "-c", WITHOUT_NETWORK, str(root)],
        env={"HF_HOME": str(tmp_path), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert float(run.stdout) < 5


def test_a_folder_asks_no_server(folder, monkeypatch):
    def refuse(*args, **kwargs):
        raise AssertionError("a server was asked")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    start = time.perf_counter()
    CrossEncoderReranker(folder).load()
    assert time.perf_counter() - start < 10


@pytest.mark.parametrize("name", ["/no/such/folder", "a b c"])
def test_what_is_no_name_and_no_folder_is_said(name):
    with pytest.raises(ModelError, match="neither a folder here nor a name"):
        CrossEncoderReranker(name).load()


def test_a_folder_without_a_model_is_said(tmp_path):
    with pytest.raises(ModelError, match=r"config\.json"):
        CrossEncoderReranker(str(tmp_path)).load()
    (tmp_path / "config.json").write_text("{")
    with pytest.raises(ModelError, match="cannot be loaded"):
        CrossEncoderReranker(str(tmp_path)).load()


def test_a_model_of_another_kind_is_refused_instead_of_judging_by_chance(folder, tmp_path):
    other = shutil.copytree(folder, tmp_path / "embedder")
    config = json.loads((other / "config.json").read_text())
    (other / "config.json").write_text(json.dumps({**config, "architectures": ["BertModel"]}))
    with pytest.raises(ModelError, match="BertModel"):
        CrossEncoderReranker(str(other)).load()


def test_a_model_of_several_outputs_is_refused(tmp_path):
    three = save_tiny_cross_encoder(tmp_path, outputs=3)
    with pytest.raises(ModelError, match="3 outputs"):
        CrossEncoderReranker(str(three)).load()


def test_an_empty_name_is_a_mistake():
    with pytest.raises(ValueError, match="empty"):
        CrossEncoderReranker(" ")


# -- through a pipeline ---------------------------------------------------------------------


@pytest.fixture
def pipeline(tmp_path):
    with RagPipeline.open(tmp_path, embedder=HashEmbedder()) as pipeline:
        pipeline.ingest(Document.from_text(f"{n}.txt", text) for n, text in enumerate(SENTENCES))
        yield pipeline


def test_a_search_can_name_a_folder(pipeline, folder):
    result = pipeline.search("near ferry", k=3, rerank=f"cross-encoder:{folder}")
    assert result.stages[-1].name == "rerank"
    assert result.hits[0].chunk.text == "the ferry is old"
    assert len(result.stages[-1].hits) == len(SENTENCES)
    assert set(result.hits[0].scores) == {"vector", "keyword", "fusion", "cross-encoder"}


def test_collections_share_a_loaded_model(folder):
    assert open_cross_encoder(folder) is open_cross_encoder(folder)


def test_every_named_reranker_is_known_and_another_is_not(pipeline):
    with pytest.raises(ModelError, match=DEFAULT_CROSS_ENCODER):
        pipeline.search("ferry", rerank="cross-encoder")
    assert pipeline.search("ferry", rerank="late-interaction").hits
    with pytest.raises(ValueError, match=f"known are {', '.join(RERANKERS)}"):
        pipeline.search("ferry", rerank="cross encoder")
    with pytest.raises(ValueError, match="empty"):
        pipeline.search("ferry", rerank="cross-encoder:")


# -- late interaction -----------------------------------------------------------------------


def test_late_interaction_reads_each_text_once():
    class Counting(HashEmbedder):
        read = 0

        def embed_tokens(self, texts):
            self.read += len(texts)
            return super().embed_tokens(texts)

    embedder = Counting()
    reranker = LateInteractionReranker(TokenCache(embedder))
    first = reranker.rerank("an old comet", hits_of(*SENTENCES))
    assert embedder.read == len(SENTENCES) + 1
    assert reranker.rerank("an old comet", hits_of(*SENTENCES)) == first
    assert embedder.read == len(SENTENCES) + 1
    assert first[0].chunk.text == "the comet is old"
