"""How fast chunkers are, and whether their offsets are right: ours against named peers, one run.

    pip install -r requirements.txt -r benchmarks/requirements.txt
    python benchmarks/chunking.py [--million 6] [--rounds 5] [--size 1000]

Every splitter cuts the same text into chunks of the same size in characters, with its own default
settings besides; chonkie counts with its character tokenizer. Rounds are interleaved, so that a
busy moment of the machine hits all alike, and the best round of each counts. Ours build their Chunk
objects, ids and offsets included. An offset is right when the text at it is the chunk.
"""

from __future__ import annotations

import argparse
import gc
import importlib.metadata
import platform
import random
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from rag_core.chunkers import make_chunker  # noqa: E402
from rag_core.datatypes import Document  # noqa: E402

WORDS = {
    "en": "the river keeps a slow pace under old bridges and every morning boats carry flour salt "
    "letters people to markets where children count coins while their parents argue about prices "
    "of wool quite loudly Dr. Miller paid 3.5 percent more than last year",
    "de": "der alte Müller zählt seine Säcke und schreibt jede Lieferung in ein großes Buch das "
    "seit vielen Jahren auf dem Tisch liegt während draußen Regen gegen Fenster schlägt",
    "fr": "la boulangère ouvre sa boutique très tôt et prépare déjà les premières commandes avant "
    "que le village ne soit réveillé par les cloches de l'église voisine",
    "ru": "старый мост через реку строили долго и каждый камень привозили на лодках из соседней "
    "деревни где жили лучшие каменщики этого края",
    "ar": "كان الجسر القديم يصل بين ضفتي النهر وكان التجار يعبرون كل صباح إلى السوق ومعهم "
    "الملح والطحين والرسائل",
    "hi": "पुराना पुल नदी के दोनों किनारों को जोड़ता था और हर सुबह व्यापारी बाज़ार जाते समय नमक आटा "
    "और चिट्ठियाँ साथ ले जाते थे",
}
STOPS = {"hi": "।"}
IDEOGRAPHS = (
    "河流在旧桥下缓缓流过每天早晨船只把面粉盐和信件运到市场孩子们数着硬币大人谈论羊毛的价格"
)
KANA = "朝の市場では子どもたちが硬貨を数え大人は羊毛の値段について話している"


def prose(rng: random.Random, language: str) -> str:
    """Return a paragraph of 2 to 9 sentences."""
    words = WORDS[language].split()
    lines = []
    for _ in range(rng.randrange(2, 10)):
        chosen = [rng.choice(words) for _ in range(rng.randrange(5, 24))]
        if len(chosen) > 12:
            chosen[6] += ","
        text = " ".join(chosen)
        lines.append(text[0].upper() + text[1:] + STOPS.get(language, rng.choice("....?!")))
    return " ".join(lines)


def block(rng: random.Random) -> str:
    """Return one block of the mixed text: prose, wrapped prose, a list, a table, code, emoji."""
    kind = rng.choice([*WORDS, *WORDS, "en", "en", "zh", "ja", "wrapped", "list", "table", "code"])
    if kind in WORDS:
        return prose(rng, kind)
    if kind in ("zh", "ja"):
        signs = IDEOGRAPHS if kind == "zh" else KANA
        return "".join(
            "".join(rng.choices(signs, k=rng.randrange(8, 40))) + rng.choice("。。！，")
            for _ in range(rng.randrange(3, 12))
        )
    if kind == "wrapped":
        words, lines = prose(rng, "en").split(), [""]
        for word in words:
            if len(lines[-1]) + len(word) > 70:
                lines.append("")
            lines[-1] += (" " if lines[-1] else "") + word
        return "\n".join(lines)
    if kind == "list":
        return "\n".join(f"- {prose(rng, 'en')[:80]} 👩‍🌾" for _ in range(rng.randrange(3, 9)))
    if kind == "table":
        return "\n".join(f"| {n} | {rng.random():.4f} | café |" for n in range(12))
    return "\n".join(f"    value_{n} = compute(value_{n}, {rng.random():.3f})" for n in range(15))


def documents(length: int) -> tuple[str, int]:
    """Return the samples and what test documents are at hand, repeated; and their real length."""
    paths = [*sorted((ROOT / "samples" / "library").glob("*.[mt][dx]*"))]
    paths += sorted((ROOT.parent / "shared" / "data" / "wiki10" / "docs").glob("*.txt"))
    text = "\n\n".join(path.read_text(encoding="utf-8") for path in paths)
    return (text * (length // len(text) + 1))[:length], len(text)


def mixed_text(length: int) -> str:
    """Return about `length` characters of made-up blocks in many scripts."""
    rng = random.Random(20)
    parts: list[str] = []
    total = 0
    while total < length:
        parts.append(block(rng))
        total += len(parts[-1]) + 2
    return "\n\n".join(parts)


def ours(strategy: str, text: str, **params: Any) -> Callable[[], list[tuple[int, str]]]:
    """Return a run of one of our strategies; the document is made before the clock starts."""
    document = Document.from_text("mixed", text)
    chunker = make_chunker(strategy, **params)
    return lambda: chunker.chunk(document)  # type: ignore[return-value]


def langchain(text: str, size: int, overlap: int, *, offsets: bool) -> Callable[[], Any]:
    """Return a run of LangChain's recursive splitter."""
    from langchain_text_splitters import RecursiveCharacterTextSplitter

    splitter = RecursiveCharacterTextSplitter(
        chunk_size=size, chunk_overlap=overlap, add_start_index=offsets
    )
    if offsets:
        return lambda: splitter.create_documents([text])
    return lambda: splitter.split_text(text)


def chonkie(name: str, text: str, size: int) -> Callable[[], Any]:
    """Return a run of one of chonkie's chunkers."""
    import chonkie

    kind = getattr(chonkie, name)
    chunker = kind(tokenizer="character", chunk_size=size)
    return lambda: chunker.chunk(text)


def semantic_text_splitter(text: str, size: int) -> Callable[[], Any]:
    """Return a run of the Rust splitter, with character offsets."""
    from semantic_text_splitter import TextSplitter

    splitter = TextSplitter(size)
    return lambda: splitter.chunk_indices(text)


def offset_and_text(chunk: Any) -> tuple[int | None, str]:
    """Return what a chunk of any splitter says about itself."""
    if isinstance(chunk, tuple):
        return chunk
    if isinstance(chunk, str):
        return None, chunk
    if hasattr(chunk, "page_content"):
        return chunk.metadata["start_index"], chunk.page_content
    return getattr(chunk, "start", getattr(chunk, "start_index", None)), chunk.text


def verdict(text: str, chunks: Iterable[Any]) -> str:
    """Say how many offsets point at their chunk's text."""
    pairs = [offset_and_text(chunk) for chunk in chunks]
    if any(at is None for at, _ in pairs):
        return "none given"
    wrong = sum(text[at : at + len(piece)] != piece for at, piece in pairs)
    return f"{wrong} of {len(pairs)} wrong" if wrong else "all right"


def measure(runs: dict[str, Callable[[], Any]], text: str, rounds: int) -> dict[str, float]:
    """Print a line for each run; return its speed in million characters a second."""
    # A first run, not timed, warms up and is checked. What one splitter made is gone before the
    # next one runs: else the collector would walk through it on the other's time.
    said = {name: checked(text, run()) for name, run in runs.items()}
    seconds = {name: float("inf") for name in runs}
    for _ in range(rounds):
        for name, run in runs.items():
            gc.collect()
            start = time.perf_counter()
            chunks = run()
            seconds[name] = min(seconds[name], time.perf_counter() - start)
            del chunks
    speeds = {name: len(text) / 1e6 / value for name, value in seconds.items()}
    for name, speed in speeds.items():
        print(f"  {name:32s} {speed:8.1f} Mchar/s   {said[name]}")
    return speeds


def checked(text: str, chunks: list[Any]) -> str:
    """Say how many chunks there are and whether their offsets are right."""
    return f"{len(chunks):6d} chunks, offsets {verdict(text, chunks)}"


def fastest(speeds: dict[str, float], peers: list[str]) -> list[str]:
    """Return the fastest peer, and the fastest that gives offsets where that is another one."""
    given = [peer for peer in peers if peer != "LangChain recursive"]
    found = (max(peers, key=speeds.__getitem__), max(given, key=speeds.__getitem__))
    return list(dict.fromkeys(found))


def ratio(speeds: dict[str, float], mine: str, peer: str) -> None:
    """Print how many times as fast as a peer ours is."""
    print(f"  -> {mine}: {speeds[mine] / speeds[peer]:.2f} times as fast as {peer}")


def compare(text: str, size: int, rounds: int) -> None:
    """Run everybody on one text and print what came of it."""
    peers = {
        "LangChain recursive": langchain(text, size, 0, offsets=False),
        "LangChain recursive, offsets": langchain(text, size, 0, offsets=True),
        "chonkie recursive": chonkie("RecursiveChunker", text, size),
        "chonkie sentence": chonkie("SentenceChunker", text, size),
        "semantic-text-splitter": semantic_text_splitter(text, size),
    }
    mine = {
        "ours recursive": ours("recursive", text, size=size, overlap=0),
        "ours fixed, words": ours("fixed", text, size=size * 3 // 20, overlap=0),
        "ours fixed, characters": ours("fixed", text, size=size, overlap=0, unit="characters"),
        "ours sentence": ours("sentence", text, size=size, overlap=0, unit="characters"),
        "ours sentence, 5 at a time": ours("sentence", text, size=5, overlap=0),
        "ours paragraph": ours("paragraph", text, size=size),
        "ours markdown": ours("markdown", text, size=size),
    }
    print("  no overlap")
    speeds = measure(mine | peers, text, rounds)
    for name in ("ours recursive", "ours fixed, words", "ours fixed, characters"):
        for peer in fastest(speeds, list(peers)):
            ratio(speeds, name, peer)
    for name in ("ours sentence", "ours sentence, 5 at a time"):
        ratio(speeds, name, "chonkie sentence")

    print("  an overlap of 150 characters, for those that can")
    lapping = {
        "ours recursive": ours("recursive", text, size=size, overlap=150),
        "ours fixed, characters": ours("fixed", text, size=size, overlap=150, unit="characters"),
        "LangChain recursive": langchain(text, size, 150, offsets=False),
        "LangChain recursive, offsets": langchain(text, size, 150, offsets=True),
    }
    speeds = measure(lapping, text, rounds)
    for peer in ("LangChain recursive", "LangChain recursive, offsets"):
        ratio(speeds, "ours recursive", peer)


def main() -> None:
    """Run everything on both texts and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--million", type=float, default=6.0, help="characters, in millions")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--size", type=int, default=1000, help="characters a chunk")
    options = parser.parse_args()
    length = int(options.million * 1e6)
    names = ("langchain-text-splitters", "chonkie", "semantic-text-splitter")
    print(", ".join(f"{name} {importlib.metadata.version(name)}" for name in names))
    print(f"Python {platform.python_version()}; size {options.size}, best of {options.rounds}")
    plain, real = documents(length)
    mixed = mixed_text(length)
    print(f"documents: {real:,} characters of English prose and Markdown, repeated to {length:,}")
    compare(plain, options.size, options.rounds)
    print(f"mixed scripts: {len(mixed):,} characters in short blocks with a blank line between")
    compare(mixed, options.size, options.rounds)
    print("both, one after the other")
    compare(f"{plain}\n\n{mixed}", options.size, options.rounds)


if __name__ == "__main__":
    main()
