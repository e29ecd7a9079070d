"""A program to be killed: fills a FAISS store and says what was acknowledged, line by line.

Usage: faiss_driver.py URL
"""

import sys

from test_store_conformance import DIMENSION, chunks_and_vectors

from rag_core import open_store

BATCH = 40


def batch(number: int):
    return chunks_and_vectors(BATCH, seed=number)


def say(*words: object) -> None:
    sys.stdout.write(" ".join(map(str, words)) + "\n")
    sys.stdout.flush()


def main() -> None:
    store = open_store(sys.argv[1], collection="test", dimension=DIMENSION, fingerprint="f1")
    for number in range(10_000):
        chunks, vectors = batch(number)
        store.upsert(chunks, vectors)
        say("stored", number)
        if number % 3 == 2:
            store.delete_document(batch(number - 1)[0][0].document_id)
            say("deleted", number - 1)


if __name__ == "__main__":
    main()
