"""Documents in and out: each wholly there or not at all, and never at a cost that is not due."""

import threading

import pytest
from hash_embedder import HashEmbedder
from test_home import file_size_limit

from rag_core import Cancelled, Document, FingerprintError, ModelError, RagPipeline, load
from rag_core.chunkers import make_chunker
from rag_core.errors import UnknownDocumentError

LONG = " ".join(f"Sentence number {n} stands here." for n in range(300))


@pytest.fixture
def pipeline(tmp_path, hash_embedder):
    with RagPipeline.open(tmp_path / "home", embedder=hash_embedder) as pipeline:
        yield pipeline


def text(name, content):
    return load(name, content.encode())


def put(pipeline, name, content, **more):
    data = content if isinstance(content, bytes) else content.encode()
    return pipeline.process(pipeline.accept(name, data), **more)


def originals(pipeline):
    return sorted(path.read_bytes() for path in (pipeline.home.path / "originals").glob("*/*"))


def in_store(pipeline):
    return sorted(chunk.id for chunk in pipeline.store())


def in_catalog(pipeline):
    return sorted(chunk.id for info in pipeline.documents() for chunk in pipeline.chunks(info.id))


class Stages:
    """Collects progress; raises `error` when the stage `at` has come `times` times."""

    def __init__(self, at="", times=1, error=Cancelled):
        self.seen, self._at, self._left, self._error = [], at, times, error

    def __call__(self, progress):
        self.seen.append(progress)
        self._left -= progress.stage == self._at
        if self._at and self._left == 0:
            raise self._error


# -- in -------------------------------------------------------------------------------------


def test_the_report_says_what_became_of_each_file(pipeline):
    report = pipeline.ingest([text("a.txt", LONG), text("b.txt", "Short.")])
    first, second = report.files
    assert (first.name, first.status, first.characters) == ("a.txt", "added", len(LONG))
    assert first.chunks > 5
    assert report.chunks == first.chunks + second.chunks == len(in_store(pipeline))
    assert report.failed == ()
    assert report.seconds == first.seconds + second.seconds > 0
    assert [info.id for info in pipeline.documents()] == [first.document_id, second.document_id]
    assert pipeline.unfinished() == []


def test_what_is_stored_is_what_was_cut(pipeline):
    put(pipeline, "a.txt", LONG)
    (info,) = pipeline.documents()
    chunks = pipeline.chunks(info.id)
    whole = pipeline.document(info.id).text
    assert [whole[chunk.start : chunk.end] for chunk in chunks] == [chunk.text for chunk in chunks]
    assert pipeline.store().get([chunk.id for chunk in chunks]) == chunks


def test_chunks_know_their_document_and_their_page(pipeline):
    pages = "First page here. Second page here."
    document = Document.from_text(
        "a.pdf", pages, metadata={"title": "T", "odd": None}, pages=((0, 17), (17, len(pages)))
    )
    pipeline.ingest(
        [document], chunker=make_chunker("fixed", size=17, overlap=0, unit="characters")
    )
    first, second = pipeline.chunks(document.id)
    assert first.metadata["name"] == second.metadata["name"] == "a.pdf"
    assert (first.metadata["page"], second.metadata["page"]) == (1, 2)
    assert first.metadata["title"] == "T"
    assert "odd" not in first.metadata


def test_the_same_file_again_costs_nothing(pipeline, hash_embedder):
    first = put(pipeline, "a.txt", LONG)
    paid, stages = hash_embedder.embedded, Stages()
    again = put(pipeline, "a.txt", LONG, on_progress=stages)
    assert (again.status, again.document_id, again.chunks) == (
        "unchanged",
        first.document_id,
        first.chunks,
    )
    assert hash_embedder.embedded == paid
    assert stages.seen == []  # not even read
    assert pipeline.unfinished() == []
    documents = pipeline.ingest([text("a.txt", LONG)])
    assert documents.files[0].status == "unchanged"
    assert hash_embedder.embedded == paid


def test_the_same_file_is_cut_again_by_another_chunker(pipeline):
    put(pipeline, "a.txt", LONG)
    report = put(pipeline, "a.txt", LONG, chunker=make_chunker("fixed", size=100, overlap=10))
    assert report.status == "replaced"
    (info,) = pipeline.documents()
    assert (info.chunker["name"], info.chunker["size"]) == ("fixed", 100)
    assert in_store(pipeline) == in_catalog(pipeline)
    assert originals(pipeline) == [LONG.encode()]
    again = put(pipeline, "a.txt", LONG, chunker=make_chunker("fixed", size=100, overlap=10))
    assert again.status == "unchanged"


def test_a_document_with_other_metadata_is_indexed_again(pipeline):
    pipeline.ingest([Document.from_text("a", "Some text.", metadata={"year": 1})])
    report = pipeline.ingest([Document.from_text("a", "Some text.", metadata={"year": 2})])
    assert report.files[0].status == "replaced"
    assert pipeline.search("text", where={"year": 2}).hits
    assert not pipeline.search("text", where={"year": 1}).hits


def test_a_changed_file_takes_the_place_of_the_old_one(pipeline):
    put(pipeline, "keep.txt", "Nothing happens to me.")
    put(pipeline, "a.txt", LONG + " zyzzyva")
    report = put(pipeline, "a.txt", LONG.replace("299", "quokka"))
    assert report.status == "replaced"
    assert [info.name for info in pipeline.documents()] == ["a.txt", "keep.txt"]
    assert in_store(pipeline) == in_catalog(pipeline)
    assert len(originals(pipeline)) == 2
    assert not pipeline.search("zyzzyva", mode="keyword").hits
    assert pipeline.search("quokka", mode="keyword").hits


def test_two_documents_of_one_name_in_one_ingest_leave_the_later(pipeline):
    report = pipeline.ingest([text("a.txt", "The first."), text("a.txt", "The second.")])
    assert [file.status for file in report.files] == ["added", "replaced"]
    (info,) = pipeline.documents()
    assert pipeline.document(info.id).text == "The second."
    assert originals(pipeline) == [b"The second."]


def test_the_same_content_under_another_name_is_indexed_and_said(pipeline):
    put(pipeline, "a.txt", "The very same words.")
    report = put(pipeline, "b.txt", "The very same words.")
    assert (report.status, report.same_as) == ("added", ("a.txt",))
    assert len(in_store(pipeline)) == 2
    assert originals(pipeline) == [b"The very same words."]
    pipeline.delete([report.document_id])
    assert originals(pipeline) == [b"The very same words."]  # a.txt needs it still


def test_files_of_one_name_in_two_folders_are_two_documents(pipeline):
    put(pipeline, "north/notes.txt", "About the north.")
    put(pipeline, "south/notes.txt", "About the south.")
    assert [info.name for info in pipeline.documents()] == ["north/notes.txt", "south/notes.txt"]
    assert put(pipeline, "north/notes.txt", "About the cold.").status == "replaced"
    assert len(pipeline.documents()) == 2


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("../../etc/a.txt", "etc/a.txt"),
        ("C:\\Users\\me\\a.txt", "C:/Users/me/a.txt"),
        ("/a.txt", "a.txt"),
        ("a\x1b[31m\n.txt", "a[31m.txt"),
        ("caf\udce9.txt", "caf\ufffd.txt"),
    ],
)
def test_names_are_cleaned_for_showing(pipeline, given, shown):
    assert put(pipeline, given, "Text.").name == shown
    assert put(pipeline, given, "Text.").status == "unchanged"
    assert [info.name for info in pipeline.documents()] == [shown]


def test_a_document_of_white_space_is_kept_without_chunks(pipeline):
    document = Document.from_text("blank", " \n ")
    assert pipeline.ingest([document]).files[0].chunks == 0
    assert pipeline.documents()[0].id == document.id
    assert pipeline.search("anything").hits == ()
    pipeline.delete([document.id])


@pytest.mark.parametrize(
    "bad",
    [
        Document.from_text("b", "half \ud800"),
        Document.from_text("\udfff", "text"),
        Document.from_text("b", "text", metadata={"title": "\ud800"}),
    ],
)
def test_half_a_character_is_refused_before_anything_is_accepted(pipeline, bad):
    good = Document.from_text("a", "good")
    with pytest.raises(ValueError, match="lone surrogate"):
        pipeline.ingest([good, bad])
    assert pipeline.unfinished() == pipeline.documents() == []


# -- out ------------------------------------------------------------------------------------


def test_delete_removes_every_trace(pipeline):
    put(pipeline, "a.txt", LONG)
    kept = put(pipeline, "b.txt", "I stay.")
    pipeline.delete([info.id for info in pipeline.documents() if info.name == "a.txt"])
    assert [info.id for info in pipeline.documents()] == [kept.document_id]
    assert in_store(pipeline) == in_catalog(pipeline)
    assert originals(pipeline) == [b"I stay."]
    for mode in ("vector", "keyword", "hybrid"):
        hits = pipeline.search("sentence number", mode=mode, k=50).hits
        assert {hit.chunk.document_id for hit in hits} <= {kept.document_id}


def test_an_unknown_id_deletes_nothing(pipeline):
    report = put(pipeline, "a.txt", "I stay.")
    with pytest.raises(UnknownDocumentError, match="nope"):
        pipeline.delete([report.document_id, "nope"])
    assert len(pipeline.documents()) == len(in_store(pipeline)) == 1
    with pytest.raises(UnknownDocumentError):
        pipeline.document("nope")


def test_a_deleted_file_can_come_back(pipeline):
    report = put(pipeline, "a.txt", "Here again.")
    pipeline.delete([report.document_id, report.document_id])
    assert put(pipeline, "a.txt", "Here again.").status == "added"
    assert in_store(pipeline) == in_catalog(pipeline)


# -- when it does not work ------------------------------------------------------------------


def test_a_file_that_fails_does_not_stop_the_others(pipeline):
    uploads = [
        pipeline.accept("a.txt", b"Good."),
        pipeline.accept("b.pdf", b"no PDF at all"),
        pipeline.accept("c.xyz", b"what is this"),
        pipeline.accept("d.txt", b""),
        pipeline.accept("e.txt", b"Good too."),
    ]
    reports = [pipeline.process(upload) for upload in uploads]
    assert [r.status for r in reports] == ["added", "failed", "failed", "failed", "added"]
    for report in reports[1:4]:
        assert report.error.startswith(report.name)
        assert report.hint
    assert pipeline.unfinished() == []
    assert originals(pipeline) == [b"Good too.", b"Good."]


def test_a_failing_new_version_leaves_the_old_one(pipeline):
    put(pipeline, "a.csv", "name,year\nPim,1999\n")
    report = put(pipeline, "a.csv", b"\0\0\0\0")
    assert report.status == "failed"
    (info,) = pipeline.documents()
    assert "1999" in pipeline.document(info.id).text
    assert in_store(pipeline) == in_catalog(pipeline)
    assert originals(pipeline) == [b"name,year\nPim,1999\n"]


@pytest.mark.parametrize("stage", ["reading", "chunking", "embedding", "storing"])
def test_a_cancelled_file_leaves_nothing(pipeline, stage):
    report = put(pipeline, "a.txt", LONG, on_progress=Stages(stage))
    assert report.status == "cancelled"
    assert pipeline.documents() == pipeline.unfinished() == []
    assert in_store(pipeline) == originals(pipeline) == []


def test_cancelling_between_two_batches_keeps_the_old_version(pipeline, hash_embedder):
    put(pipeline, "a.txt", "The old version.")
    report = put(pipeline, "a.txt", LONG, on_progress=Stages("embedding", times=2))
    assert report.status == "cancelled"
    assert 0 < hash_embedder.embedded < 15
    (info,) = pipeline.documents()
    assert pipeline.document(info.id).text == "The old version."
    assert in_store(pipeline) == in_catalog(pipeline)
    assert originals(pipeline) == [b"The old version."]


def test_a_file_discarded_while_it_is_indexed_does_not_come_back(pipeline):
    upload = pipeline.accept("a.txt", LONG.encode())

    def discard_when_storing(progress):
        if progress.stage == "storing":
            pipeline.discard(upload)

    assert pipeline.process(upload, on_progress=discard_when_storing).status == "cancelled"
    assert pipeline.documents() == []
    assert in_store(pipeline) == originals(pipeline) == []


class Unreachable(HashEmbedder):
    """A model behind a network that is down while `down` is set."""

    down = True

    def embed_documents(self, texts, *, on_progress=None):
        if self.down:
            raise ModelError("The model cannot be reached.", hint="Check the network.")
        return super().embed_documents(texts, on_progress=on_progress)


def test_what_fails_for_a_reason_that_passes_stays_unfinished(tmp_path):
    embedder = Unreachable()
    with RagPipeline.open(tmp_path, embedder=embedder) as pipeline:
        report = put(pipeline, "a.txt", "Worth another try.")
        assert (report.status, report.error) == ("failed", "The model cannot be reached.")
        (upload,) = pipeline.unfinished()
        assert originals(pipeline) == [b"Worth another try."]
        embedder.down = False
        assert pipeline.process(upload).status == "added"
        assert pipeline.unfinished() == []


def test_a_bad_setting_is_not_the_files_fault(pipeline, monkeypatch):
    monkeypatch.setenv("RAGSCOPE_MAX_MB", "many")
    report = put(pipeline, "a.txt", "Text.")
    assert report.status == "failed"
    assert "RAGSCOPE_MAX_MB" in report.hint
    monkeypatch.delenv("RAGSCOPE_MAX_MB")
    (upload,) = pipeline.unfinished()
    assert pipeline.process(upload).status == "added"


def test_a_full_disk_fails_one_file_and_loses_none(pipeline):
    put(pipeline, "a.txt", "Before the disk was full.")
    upload = pipeline.accept("b.txt", LONG.encode())
    with file_size_limit(4096):
        report = pipeline.process(upload)
    assert report.status == "failed"
    assert report.hint
    assert pipeline.unfinished() == [upload]
    assert [info.name for info in pipeline.documents()] == ["a.txt"]
    assert pipeline.process(upload).status == "added"
    assert in_store(pipeline) == in_catalog(pipeline)


# -- one model a collection -----------------------------------------------------------------


def test_another_model_is_refused_and_what_is_there_stays(tmp_path):
    with RagPipeline.open(tmp_path, embedder=HashEmbedder()) as pipeline:
        put(pipeline, "a.txt", "Written by the first model.")
    with RagPipeline.open(tmp_path, embedder=HashEmbedder(salt="-other")) as pipeline:
        report = put(pipeline, "b.txt", "Written by the second.")
        assert report.status == "failed"
        assert "hash-64-other" in report.error
        assert "another collection" in report.hint
        assert pipeline.unfinished() == []
        for mode in ("vector", "hybrid"):
            with pytest.raises(FingerprintError, match="hash-64"):
                pipeline.search("first model", mode=mode)
        assert pipeline.search("first model", mode="keyword").hits
    with RagPipeline.open(tmp_path, embedder=HashEmbedder()) as pipeline:
        assert len(in_store(pipeline)) == 1
        assert pipeline.search("first model").hits


def test_two_models_that_race_for_a_new_collection_never_meet(tmp_path):
    pipelines = [
        RagPipeline.open(tmp_path, embedder=HashEmbedder(salt=salt)) for salt in ("-1", "-2")
    ]
    gate = threading.Barrier(2, timeout=10)

    def meet(progress):
        if progress.stage == "storing":
            gate.wait()  # both have passed the first look at the model

    reports = []
    threads = [
        threading.Thread(
            target=lambda p=p, n=n: reports.append(put(p, f"{n}.txt", LONG, on_progress=meet))
        )
        for n, p in enumerate(pipelines)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(report.status for report in reports) == ["added", "failed"]
    assert len(pipelines[0].documents()) == 1
    for pipeline in pipelines:
        pipeline.close()


# -- at the same time -----------------------------------------------------------------------


def test_threads_that_write_one_name_leave_one_of_the_versions(pipeline):
    versions = [f"Version {n}. {LONG}" for n in range(4)]
    threads = [
        threading.Thread(target=put, args=(pipeline, "a.txt", version)) for version in versions
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    (info,) = pipeline.documents()
    whole = pipeline.document(info.id).text
    assert whole in versions
    assert in_store(pipeline) == in_catalog(pipeline)
    assert originals(pipeline) == [whole.encode()]


def test_the_same_upload_in_two_threads_is_indexed_once(pipeline):
    upload = pipeline.accept("a.txt", LONG.encode())
    reports = []
    threads = [
        threading.Thread(target=lambda: reports.append(pipeline.process(upload))) for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert "added" in [report.status for report in reports]
    assert len(pipeline.documents()) == 1
    assert in_store(pipeline) == in_catalog(pipeline)
    assert originals(pipeline) == [LONG.encode()]
