"""Sweeps: every setting of a grid over one question set, in an index of their own.

Work is shared. A chunking is cut and embedded once (and embedded once ever: vectors are cached in
the home), a way of searching is run once for all k, as its k best begin those of any larger k. Each
run is written down when it is through, so that a sweep resumes where it was cancelled or killed
and gives the same table; seconds are measured, and belong to the run that was written.

Latencies are of the search alone: the questions' vectors are made before, for all settings alike.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby
from typing import Any

from rag_core.collection_settings import chunker_from
from rag_core.datatypes import Chunk, content_id
from rag_core.embedders import open_embedder
from rag_core.embedders.cached import CachedEmbedder
from rag_core.errors import ModelError, SettingsError
from rag_core.evaluation.answering import (
    Answerer,
    Answering,
    Asked,
    StoredAnswer,
    write_answers,
)
from rag_core.evaluation.evaluate import tokens_of
from rag_core.evaluation.grid import Grid, Setting
from rag_core.evaluation.memory_index import MemoryIndex
from rag_core.evaluation.questions import Dataset, Question, placed, texts_of
from rag_core.evaluation.runs import QuestionRun, TokenCount, ask, depth_for, level_of
from rag_core.evaluation.saved import Cell, SavedSweep, SavedSweeps, answer_log, table_of
from rag_core.evaluation.sweep_log import StoredRun, SweepLog
from rag_core.evaluation.table import SweepTable
from rag_core.evaluation.versions import answer_version, code_version
from rag_core.home import Home
from rag_core.keyword import KeywordIndex
from rag_core.late_interaction import TokenCache
from rag_core.protocols import Embedder, OnProgress, Progress, Reranker, TokenEmbedder
from rag_core.rerankers import (
    CrossEncoderReranker,
    LateInteractionReranker,
    open_cross_encoder,
)
from rag_core.retrieval import RERANKED, Retriever, SearchOptions

OpenModel = Callable[[str], Embedder]


@dataclass(frozen=True, slots=True)
class SweepProgress(Progress):
    """How far a sweep is, in questions asked; `seconds_left` is a guess, None before there is one.

    `name` says which setting is at work.
    """

    seconds_left: float | None = None


def run_sweep(
    home: Home,
    dataset: Dataset,
    grid: Grid,
    *,
    open_model: OpenModel = open_embedder,
    unit: str = "characters",
    answering: Answering | None = None,
    on_progress: OnProgress | None = None,
) -> SweepTable:
    """Run what is not on record yet, and return the table of all settings.

    No collection is read or changed; the results and the vectors' cache lie in the home.

    Args:
        home: where results are kept.
        dataset: with its documents.
        grid: what to try.
        open_model: makes an embedder of a name.
        unit: what chunk quality counts, "characters" or "tokens". Sweeps over tokens are not kept
            as past ones.
        answering: also answer every question under every setting, the unanswerable ones too.
        on_progress: called after every question and batch; raising `Cancelled` in it stops the
            sweep, and what was finished stays.

    Raises:
        SettingsError: for a dataset without documents, or whose questions are about none of them.
        ModelError: when a model cannot be had or cannot do what a setting asks of it.
        HomeError: when results cannot be kept.
    """
    start = time.perf_counter()
    texts = texts_of(dataset.documents)
    questions, skipped = placed(dataset.questions, texts.get)
    judged = [question for question in questions if question.judged]
    if not judged:
        raise SettingsError(
            "No question of this set can be judged by its documents.",
            hint="Give the documents with the questions. " + "; ".join(skipped[:3]),
        )
    data, code = dataset.sha256, code_version()
    log = SweepLog(home.path, name=dataset.name, data=data, code=code)
    asked = judged if answering is None else questions
    sweep = _Sweep(home, dataset, asked, grid, open_model, log, on_progress)
    stored = sweep.run()
    ruler = tokens_of(texts.get) if unit == "tokens" else None
    cells = tuple(
        Cell(sweep.key(setting), setting.k, setting.label, setting.as_dict())
        for setting in grid.settings()
    )
    answers = [] if answering is None else _answered(sweep, stored, answering, texts)
    writer, judge, version = answers[0].key[3:] if answers else ("", "", "")
    record = SavedSweep(
        SavedSweep.id_of(data, code, cells, writer, judge), dataset.name, data, code, time.time(),
        time.perf_counter() - start, tuple(grid.ks), cells, tuple(asked), tuple(skipped), writer,
        judge, version,
    )  # fmt: skip
    if ruler is None:
        SavedSweeps(home.path).save(record)
    return table_of(record, stored, answers, ruler)


@dataclass
class _Sweep:
    """A sweep at work."""

    home: Home
    dataset: Dataset
    questions: Sequence[Question]
    grid: Grid
    open_model: OpenModel
    log: SweepLog
    on_progress: OnProgress | None
    models: dict[str, CachedEmbedder] = field(default_factory=dict)
    count: TokenCount = field(default_factory=TokenCount)
    done: int = 0
    fresh: int = 0
    total: int = 0
    began: float = 0.0

    def run(self) -> dict[str, StoredRun]:
        """Run what is missing and return every run of the grid, by key."""
        stored = self.log.runs()
        wanted = {self.key(setting): setting for setting in self.grid.settings()}
        missing = [setting for key, setting in wanted.items() if key not in stored]
        self.total = len(wanted) * len(self.questions)
        self.done = self.total - len(missing) * len(self.questions)
        self.began = time.perf_counter()
        for (model, chunker), group in groupby(missing, lambda each: (each.model, each.chunker)):
            settings = list(group)
            chunks, search = self._index(model, chunker, settings[0])
            for setting in settings:
                runs = tuple(self._asked(setting, chunks, search))
                run = StoredRun(self.key(setting), setting.as_dict(), len(chunks), runs)
                self.log.append(run)
                stored[run.key] = run
        return stored

    def key(self, setting: Setting) -> str:
        """Return what names a run: everything that decides it, so settings of other k share it."""
        every = not all(question.judged for question in self.questions)
        return content_id(
            json.dumps({**setting.as_dict(), "k": self._depth(setting)}, sort_keys=True),
            self.model(setting.model).fingerprint,
            *(["unanswerable, too"] if every else []),
        )

    def _depth(self, setting: Setting) -> int:
        """Return how many chunks to ask for: one depth for every k that sees the same order."""
        # A reranker reads max(k, RERANKED). A fixed depth lets another grid find the run, too.
        return max(RERANKED, depth_for(level_of(self.questions), setting.k))

    def model(self, name: str) -> CachedEmbedder:
        """Return the embedder of this name, made once, before the home's cache."""
        if name not in self.models:
            try:
                opened = self.open_model(name)
            except ValueError as error:
                raise SettingsError(f"There is no such model: {error}.") from error
            self.models[name] = (
                opened
                if isinstance(opened, CachedEmbedder)
                else CachedEmbedder(opened, self.home.vectors, self.home.passages)
            )
        return self.models[name]

    def _index(
        self, model: str, chunker: str, setting: Setting
    ) -> tuple[list[Chunk], Callable[[str, SearchOptions, Reranker | None], Any]]:
        """Cut and embed every document; return the chunks and what searches them."""
        embedder, values = self.model(model), json.loads(chunker)
        name = values.pop("name")
        cutter = chunker_from(name, values, embedder=embedder)
        chunks = []
        for number, document in enumerate(self.dataset.documents, start=1):
            chunks += [
                replace(chunk, metadata={**chunk.metadata, "name": document.name})
                for chunk in cutter.chunk(document)
            ]
            if number % 50 == 0:
                self._tell("chunking", setting)
        store = MemoryIndex(embedder.dimension)
        if any(each.mode != "keyword" for each in self.grid.settings()):
            vectors = embedder.embed_documents(
                [chunk.text for chunk in chunks],
                on_progress=lambda step: self._tell(
                    "embedding", setting, f"{step.done:,} of {step.total:,} texts"
                ),
            )
            store.upsert(chunks, vectors)
            for question in self.questions:
                embedder.embed_query(question.text)
        keywords = KeywordIndex(chunks)
        retriever = Retriever(embedder=embedder, store=lambda: store, keywords=lambda: keywords)

        def search(query: str, options: SearchOptions, reranker: Reranker | None) -> Any:  # noqa: ANN401
            return retriever.search(query, options, reranker=reranker)

        return chunks, search

    def _asked(
        self, setting: Setting, chunks: Sequence[Chunk], search: Callable[..., Any]
    ) -> Iterator[QuestionRun]:
        reranker = _reranker(setting.rerank, self.model(setting.model))
        options = SearchOptions(mode=setting.mode, k=self._depth(setting), rerank=reranker)
        by_name: dict[str, list[Chunk]] = {}
        for chunk in chunks:
            by_name.setdefault(str(chunk.metadata["name"]), []).append(chunk)
        self._tell("searching", setting)
        for run in ask(
            self.questions,
            lambda text: search(text, options, reranker),
            lambda name: by_name.get(name, ()),
            self.count,
        ):
            self.done += 1
            self.fresh += 1
            self._tell("searching", setting)
            yield run

    def _tell(self, stage: str, setting: Setting, how_far: str = "") -> None:
        if self.on_progress is None:
            return
        spent = time.perf_counter() - self.began
        left = spent / self.fresh * (self.total - self.done) if self.fresh else None
        search = (how_far,) if how_far else (setting.mode, setting.rerank)
        label = ", ".join(filter(None, (setting.chunking_label, *search)))
        self.on_progress(SweepProgress(stage, self.done, self.total, label, seconds_left=left))


def _answered(
    sweep: _Sweep, stored: Mapping[str, StoredRun], plan: Answering, texts: Mapping[str, str]
) -> list[StoredAnswer]:
    """Return the answers of every setting to every question, written where they are missing."""
    asked = {question.id: question for question in sweep.questions}
    log = answer_log(sweep.home.path, sweep.dataset.name, sweep.dataset.sha256, code_version())
    found: list[StoredAnswer] = []
    for model, group in groupby(sweep.grid.settings(), lambda each: each.model):
        answerer = Answerer(plan, sweep.model(model), texts.__getitem__, log, answer_version())
        wanted = [
            Asked(key, asked[run.id], run.retrieved[: setting.k], setting.label)
            for setting in group
            if setting.k == max(sweep.grid.ks) or not plan.deepest
            for key in [sweep.key(setting)]
            for run in stored[key].runs
        ]
        found += write_answers(answerer, wanted, sweep.on_progress, _answering)
    return found


def _answering(done: int, total: int, label: str, left: float) -> Progress:
    return SweepProgress("answering", done, total, label, seconds_left=left)


def _reranker(choice: str | None, embedder: CachedEmbedder) -> Reranker | None:
    if choice is None:
        return None
    kind, colon, model = choice.partition(":")
    if kind == CrossEncoderReranker.name:
        return open_cross_encoder(model) if colon else open_cross_encoder()
    if not isinstance(embedder, TokenEmbedder):
        raise ModelError(
            f"{embedder.name} does not show the vectors of its tokens.",
            hint="Late interaction needs a local model, such as all-MiniLM-L6-v2.",
        )
    return LateInteractionReranker(TokenCache(embedder))
