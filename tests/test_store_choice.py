"""Which store a collection is in, what is written down of it, and going over to another."""

import pytest
from hash_embedder import HashEmbedder
from store_servers import engine

from rag_core import AccessError, Document, RagPipeline, SettingsError
from rag_core.access import acting_as
from rag_core.errors import Cancelled, StoreError
from rag_core.store_choice import check_url, masked, secrets_of, with_password, without_secrets
from rag_core.store_moves import health, move_to, try_store, use_store


@pytest.fixture
def pipeline(tmp_path):
    with RagPipeline.open(tmp_path / "home", embedder=HashEmbedder()) as opened:
        opened.ingest(
            Document.from_text(f"boat{n}.txt", f"Boat {n} has a rope and {n} oars. " * 40)
            for n in range(5)
        )
        yield opened


def found(pipeline):
    return [hit.chunk for hit in pipeline.search("rope", mode="vector").hits]


@pytest.mark.parametrize(
    ("url", "kept", "shown"),
    [
        ("postgresql://u:p%40w@h:5432/db?m=16", "postgresql://u@h:5432/db?m=16", "u:•••@h"),
        ("postgresql://u@h/d?password=s3&a=b%20c", "postgresql://u@h/d?a=b%20c", "password=•••&a"),
        ("postgresql:///d?host=/tmp/a&password=s3", "postgresql:///d?host=/tmp/a", "=•••"),
        ("chroma+https://:s3@h?tenant=a", "chroma+https://h?tenant=a", ":•••@h"),
        ("chroma:///a/b", "chroma:///a/b", "chroma:///a/b"),
        ("faiss:///x?index=ivf", "faiss:///x?index=ivf", "faiss:///x?index=ivf"),
        ("pinecone://ix?namespace=n", "pinecone://ix?namespace=n", "namespace=n"),
        ("qdrant+http://127.0.0.1:6333", "qdrant+http://127.0.0.1:6333", "6333"),
    ],
)
def test_a_url_is_kept_and_shown_without_its_password(url, kept, shown):
    assert without_secrets(url) == kept
    assert shown in masked(url)
    assert "p%40w" not in masked(url)
    assert "s3" not in masked(url) + kept
    check_url(url)


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://u:s3/x@h/db",  # the password's slash ends the host
        "postgresql://u:s3?x@h/db",
        "postgresql://u:s3#x@h/db",
        "postgresql://[s3",
        "postgres-s3://h",
        "faiss://s3/x",
        "chroma://",
        "s3",
        "",
    ],
)
def test_a_url_that_cannot_be_right_is_refused_and_not_repeated(url):
    with pytest.raises(SettingsError) as raised:
        check_url(url)
    said = str(raised.value) + masked(url)
    assert "s3" not in said.replace("postgres-s3", "")


def test_a_password_typed_apart_goes_into_the_url_as_it_must():
    url = with_password("postgresql://user@h:5432/db?m=16", "a@b/c:d#e")
    assert url == "postgresql://user:a%40b%2Fc%3Ad%23e@h:5432/db?m=16"
    assert secrets_of(url) == ["a%40b%2Fc%3Ad%23e", "a@b/c:d#e"]
    assert with_password("postgresql:///db", "x") == "postgresql:///db"


def test_a_collection_moves_to_a_server_and_is_found_there_from_then_on(pipeline, tmp_path):
    before = found(pipeline)
    embedded = pipeline.embedder.inner.embedded
    with engine("chroma+http", tmp_path / "server") as server:
        tried = try_store(pipeline, server.url)
        kept = sum(info.chunks for info in pipeline.documents())
        assert (tried.health.chunks, tried.missing) == (0, kept)
        with pytest.raises(StoreError, match=f"lacks {kept}"):
            use_store(pipeline, server.url)
        assert pipeline.store_choice.source == "home"
        assert move_to(pipeline, server.url).chunks == kept
        assert try_store(pipeline, server.url).missing == 0
        use_store(pipeline, server.url)
        assert pipeline.store_choice.source == "chosen"
        assert health(pipeline).address == server.url.removeprefix("chroma+http://")
        assert found(pipeline) == before
        assert pipeline.embedder.inner.embedded == embedded
        pipeline.ingest([Document.from_text("new.txt", "A new rope. " * 40)])
        assert pipeline.store().count() == kept + 1
        with RagPipeline.open(
            tmp_path / "home", collection="other", embedder=HashEmbedder()
        ) as other:
            assert other.store_choice.source == "home"
        server.stop()
        assert not health(pipeline).ok
        with pytest.raises(StoreError, match="lacks 1"):  # the folder has not got the new one
            use_store(pipeline, pipeline.home.chroma_url)


def test_the_choice_outlives_the_process_and_the_environment_goes_before_it(
    pipeline, tmp_path, monkeypatch
):
    url = f"faiss://{tmp_path}/faiss"
    move_to(pipeline, url)
    use_store(pipeline, url)
    pipeline.close()
    with RagPipeline.open(tmp_path / "home", embedder=HashEmbedder()) as again:
        assert again.store_choice.shown == url
        assert found(again)
        monkeypatch.setenv("RAGSCOPE_STORE", f"chroma://{tmp_path}/elsewhere")
        assert again.store_choice.source == "environment"
        with pytest.raises(SettingsError, match="goes before"):
            use_store(again, url)


def test_a_password_is_never_written_down(pipeline, tmp_path):
    with engine("postgresql", tmp_path) as server:
        url = server.url + ("&" if "?" in server.url else "?") + "password=never-on-disk"
        move_to(pipeline, url)
        use_store(pipeline, url)
        assert "never-on-disk" in pipeline.store_choice.url
        assert "never-on-disk" not in repr(pipeline.store_choice)
        assert found(pipeline)
        pipeline.close()
    for path in (tmp_path / "home").rglob("*"):
        assert path.is_dir() or b"never-on-disk" not in path.read_bytes(), path


def test_an_error_does_not_repeat_the_password(pipeline):
    url = "postgresql://user@127.0.0.1:1/db?password=never-shown&sslmode=never-shown"
    with pytest.raises(StoreError) as raised:
        try_store(pipeline, url)
    assert "never-shown" not in raised.value.message + raised.value.hint


def test_a_move_that_was_stopped_goes_on_and_others_wait_for_nothing(pipeline, tmp_path):
    url = f"chroma://{tmp_path}/other"

    def stop(progress):
        raise Cancelled

    with pytest.raises(Cancelled):
        move_to(pipeline, url, on_progress=stop)
    assert found(pipeline)
    assert move_to(pipeline, url).copied == sum(info.chunks for info in pipeline.documents())
    assert move_to(pipeline, url).copied == 0


@pytest.mark.parametrize("who", ["viewer", "editor"])
@pytest.mark.parametrize("act", [try_store, use_store, move_to])
def test_only_an_admin_goes_to_another_store(pipeline, tmp_path, who, act):
    with acting_as(who), pytest.raises(AccessError):
        act(pipeline, f"faiss://{tmp_path}/faiss")
    assert not (tmp_path / "faiss").exists()
