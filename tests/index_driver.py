"""The program that owns a data folder, serves searches and changes, and rebuilds without end.

Usage: index_driver.py HOME SOCKET

Clients of the socket send (verb, argument) and get ("ok", value) or ("error", text):
  search (query, mode)   -> [(name, text)]
  update (name, text)    -> None, once it is acknowledged
  delete name            -> None
"""

import os
import sys
import threading
import time
from multiprocessing.connection import Client, Listener
from pathlib import Path

from hash_embedder import HashEmbedder

from rag_core import RagError, RagPipeline, load
from rag_core.index_manager import IndexManager

AUTHKEY = b"stress"
# Wide enough that no two of the texts' words look alike
MODELS = [HashEmbedder(256), HashEmbedder(288, "b"), HashEmbedder(320, "c")]


def model_of(home: Path) -> HashEmbedder:
    """Return the model of the home's index, or the first for a new one."""
    from rag_core.home import reading_catalog

    with reading_catalog(home) as catalog:
        model = catalog.model("default") if catalog else None
    named = {one.fingerprint: one for one in MODELS}
    return named[model.fingerprint] if model else MODELS[0]


def call(address: str, verb: str, argument) -> object:
    """Ask the owner once; OSError and EOFError mean that it is gone."""
    with Client(address, authkey=AUTHKEY) as connection:
        connection.send((verb, argument))
        state, value = connection.recv()
    if state == "error":
        raise RuntimeError(value)
    return value


def answer(pipeline: RagPipeline, verb: str, argument) -> object:
    if verb == "search":
        query, mode = argument
        hits = pipeline.search(query, mode=mode, k=5).hits
        return [(hit.chunk.metadata["name"], hit.chunk.text) for hit in hits]
    if verb == "update":
        name, text = argument
        (report,) = IndexManager(pipeline).update([load(name, text.encode())]).files
        if report.error:
            raise RuntimeError(report.error)
        return None
    ids = [info.id for info in pipeline.documents() if info.name == argument]
    IndexManager(pipeline).delete(ids)
    return None


def serve(pipeline: RagPipeline, connection) -> None:
    with connection:
        try:
            verb, argument = connection.recv()
            try:
                reply = ("ok", answer(pipeline, verb, argument))
            except (RagError, ValueError, RuntimeError) as error:
                reply = ("error", f"{type(error).__name__}: {error}")
            connection.send(reply)
        except (OSError, EOFError):
            return  # the client was killed


def rebuild_without_end(pipeline: RagPipeline) -> None:
    manager = IndexManager(pipeline)
    turn = MODELS.index(model_of(pipeline.home.path))
    for index in manager.indexes():
        if index.state == "building" and index.model:  # what a kill left is gone on with
            turn = next(n for n, m in enumerate(MODELS) if m.fingerprint == index.model.fingerprint)
            turn -= 1
    while True:
        turn += 1
        rebuild = manager.rebuild(MODELS[turn % len(MODELS)])
        progress = rebuild.wait()
        sys.stdout.write(f"rebuild {progress.state} {progress.error}\n")
        sys.stdout.flush()
        if progress.state != "done":
            time.sleep(0.2)


def main() -> None:
    home, address = Path(sys.argv[1]), sys.argv[2]
    pipeline = RagPipeline.open(home, embedder=model_of(home))
    for one in MODELS:
        pipeline.home.models[one.fingerprint] = one
    for upload in pipeline.unfinished():
        pipeline.process(upload)
    pipeline.search("ready?")  # warm_up would load what reads answers, which takes ten seconds
    if os.path.exists(address):
        os.unlink(address)
    if "still" not in sys.argv:
        threading.Thread(target=rebuild_without_end, args=[pipeline], daemon=True).start()
    with Listener(address, authkey=AUTHKEY, backlog=32) as listener:
        sys.stdout.write("ready\n")
        sys.stdout.flush()
        while True:
            try:
                connection = listener.accept()
            except (OSError, EOFError):
                continue
            threading.Thread(target=serve, args=[pipeline, connection], daemon=True).start()


if __name__ == "__main__":
    main()
