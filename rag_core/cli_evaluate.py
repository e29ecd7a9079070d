"""The command `python -m rag_core evaluate`: figures for people and for their CI."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import click

from rag_core.cli_figures import check_suffix, fulfilled, parse_bar, show, show_paper, write
from rag_core.cli_options import common
from rag_core.errors import HomeError, SettingsError
from rag_core.evaluation import (
    KS,
    Answering,
    Dataset,
    EvaluationReport,
    Grid,
    Judge,
    SweepTable,
    cloze_questions,
    collection_dataset,
    evaluate,
    load_beir,
    load_folder,
    load_questions,
    load_samples,
    load_squad,
    parse_grid,
    run_sweep,
)
from rag_core.evaluation.metrics import METRICS
from rag_core.evaluation.paper import paper_table
from rag_core.evaluation.sweep import SweepProgress
from rag_core.evaluation.table import ANSWERS
from rag_core.generators.chat import chat_from_env
from rag_core.home import Home, home_from_env
from rag_core.pipeline import RagPipeline
from rag_core.protocols import OnProgress, Progress
from rag_core.retrieval import MODES, Mode
from rag_core.terminal import ProgressBar, errors_shown, note, one_line, plain

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)
SORTS = (
    *METRICS, *(f"document {name}" for name in METRICS), "chunk iou", "chunk recall", *ANSWERS,
)  # fmt: skip
_ONE = "chunker=recursive " + f"k={','.join(map(str, KS))}"


@dataclass(frozen=True)
class Sources:
    """Where the questions come from: at most one of these."""

    squad: Path | None
    beir: Path | None
    questions: Path | None
    samples: bool
    documents: Path | None

    def dataset(self) -> Dataset | None:
        """Return the questions with their documents, or None when a collection is meant."""
        if sum(map(bool, (self.squad, self.beir, self.questions, self.samples))) > 1:
            raise click.UsageError("Give one of --squad, --beir, --questions and --samples.")
        if self.documents and not self.questions:
            raise click.UsageError("--documents go with --questions.")
        if self.squad:
            return load_squad(self.squad)
        if self.beir:
            return load_beir(self.beir)
        if self.samples:
            return load_samples()
        if self.questions and self.documents:
            return load_questions(self.questions, documents=load_folder(self.documents))
        return None


@click.command("evaluate")
@click.option("--squad", type=_FILE, metavar="FILE", help="SQuAD 1.1 or 2.0.")
@click.option("--beir", type=_FOLDER, metavar="DIR", help="A BEIR folder.")
@click.option("--questions", type=_FILE, metavar="FILE", help="Questions as CSV or JSON lines.")
@click.option("--documents", type=_FOLDER, metavar="DIR", help="What --questions are about.")
@click.option("--samples", is_flag=True, help="The sample library and its questions.")
@click.option("--paper", type=_FOLDER, metavar="DIR", help="Chroma's chunking evaluation data.")
@click.option(
    "--cloze",
    type=click.IntRange(min=1),
    metavar="N",
    help="Ask N sentences of a collection, with a blank.",
)
@click.option(
    "--grid", "grids", multiple=True, metavar="SPEC", help='"default", or "size=200 k=5".'
)
@click.option("--mode", type=click.Choice(MODES), default="hybrid", show_default=True)
@click.option("--rerank", metavar="NAME", help='Such as "late-interaction".')
@click.option("--answers", is_flag=True, help="Answer the questions, too.")
@click.option("--judge", is_flag=True, help="Let the chat model judge the answers, named as such.")
@click.option("--limit", type=click.IntRange(min=1), metavar="N", help="The first N questions.")
@click.option("--sort", type=click.Choice(SORTS), default="ndcg", help="What a grid is sorted by.")
@click.option(
    "--fail-under", "bars", multiple=True, metavar="METRIC=VALUE", help="Such as ndcg@10=0.6."
)
@click.option(
    "--report", "reports", multiple=True, type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE", help="Write it as .md, .csv or .html.",
)  # fmt: skip
@common
def evaluate_command(
    squad: Path | None,
    beir: Path | None,
    questions: Path | None,
    documents: Path | None,
    samples: bool,
    paper: Path | None,
    cloze: int | None,
    grids: tuple[str, ...],
    mode: Mode,
    rerank: str | None,
    answers: bool,
    judge: bool,
    limit: int | None,
    sort: str,
    bars: tuple[str, ...],
    reports: tuple[Path, ...],
    home: Path | None,
    collection: str,
    as_json: bool,
) -> None:
    """Measure how well questions are served; compare settings with --grid.

    With --squad, --beir, --samples, or --questions and --documents, the documents are indexed apart
    from every collection, and what was run is kept in the home: run it again to resume. Without
    documents, a collection is measured as it is, by --questions or by its own question set; with
    --grid its documents are tried in other ways, and the collection stays as it is.

    Exit code 1 when the figures are --fail-under (of a grid: of its best setting).

    JSON: name, settings [label, chunker, mode, rerank, model, k], metrics {name: mean, low, high},
    latency_p50, by_question; of a grid: name, seconds, rows of these with tied, pareto, p.
    """
    wanted = [parse_bar(text) for text in bars]
    for path in reports:
        check_suffix(path)
    sources = Sources(squad, beir, questions, samples, documents)
    with errors_shown(), ProgressBar(1, quiet=as_json) as bar:
        if paper:
            _paper(paper, home, bar, as_json)
            return
        dataset = sources.dataset()
        answering = _answering(answers, judge, sort)
        if answering and not grids:
            answering = replace(answering, deepest=True)
        found: EvaluationReport | SweepTable
        if dataset is None:
            asked = _Asked(questions, cloze, limit, grids, mode, rerank, answering)
            found = _collection(home, collection, asked, _shown(bar))
        else:
            if cloze:
                raise click.UsageError("--cloze asks about a collection: leave out the documents.")
            grid = _grid(grids, mode, rerank)
            found = _swept(home, dataset.first(limit), grid, answering, bar)
            found = found if grids else found.reports[-1]
        for path in reports:
            write(path, found, sort)
        show(found, sort, as_json=as_json)
        settings = found.reports if isinstance(found, SweepTable) else (found,)
        kept = fulfilled(wanted, settings)
    if not kept:
        raise SystemExit(1)


@dataclass(frozen=True)
class _Asked:
    """What a collection is asked, and how."""

    questions: Path | None
    cloze: int | None
    limit: int | None
    grids: tuple[str, ...]
    mode: Mode
    rerank: str | None
    answering: Answering | None

    def dataset(self, pipeline: RagPipeline) -> Dataset:
        """Return the questions of the file, or the collection's own, with its documents."""
        found = collection_dataset(pipeline)
        if self.questions:
            found = load_questions(self.questions, documents=found.documents)
        elif self.cloze:
            made = cloze_questions(found.documents, self.cloze)
            found = Dataset(f"{found.name}, cloze", tuple(made), found.documents)
        if not found.questions:
            raise SettingsError(
                f"The collection {pipeline.collection!r} has no questions.",
                hint="Write some on the Evaluation page, or give --questions FILE or --cloze N.",
            )
        return found.first(self.limit)


def _answering(answers: bool, judge: bool, sort: str) -> Answering | None:
    """Return how the questions are answered, or None where they are only searched for."""
    if sort in ANSWERS and not answers:
        raise click.UsageError(f"--sort {sort} goes with --answers.")
    if judge and not answers:
        raise click.UsageError("--judge goes with --answers.")
    if not judge:
        return Answering() if answers else None
    model = chat_from_env()
    if model is None:
        raise SettingsError(
            "There is no chat model to judge answers.",
            hint="Set OPENAI_API_KEY, or OPENAI_BASE_URL for a server of your own.",
        )
    return Answering(judge=Judge(model))


def _grid(told: tuple[str, ...], mode: Mode, rerank: str | None) -> Grid:
    """Return the grid that was asked for, or a single way of searching at every usual k."""
    return (
        parse_grid(told) if told else parse_grid([f"mode={mode} {_ONE} rerank={rerank or 'none'}"])
    )


def _collection(
    home: Path | None, collection: str, asked: _Asked, on_progress: OnProgress
) -> EvaluationReport | SweepTable:
    folder = home or home_from_env()
    if not folder.exists():  # it is not created just to find nothing in it
        raise HomeError(
            f"There is no data folder {folder}.",
            hint="Index something first, with: ingest PATH, or give documents with the questions.",
        )
    with RagPipeline.open(folder, collection=collection) as pipeline:
        dataset = asked.dataset(pipeline)
        if asked.grids:
            grid = parse_grid(asked.grids)
            return run_sweep(
                pipeline.home, dataset, grid, answering=asked.answering, on_progress=on_progress
            )
        try:
            return evaluate(
                pipeline,
                dataset,
                mode=asked.mode,
                rerank=asked.rerank,
                answers=asked.answering is not None,
                judge=asked.answering.judge if asked.answering else None,
                on_progress=on_progress,
            )
        except ValueError as error:
            raise click.UsageError(plain(str(error))) from None


def _swept(
    home: Path | None, dataset: Dataset, grid: Grid, answering: Answering | None, bar: ProgressBar
) -> SweepTable:
    for remark in dataset.notes:
        note(one_line(remark))
    folder = Home.open(home or home_from_env())
    try:
        return run_sweep(folder, dataset, grid, answering=answering, on_progress=_shown(bar))
    except KeyboardInterrupt:
        note("Stopped; run it again to go on.")
        raise
    finally:
        folder.close()


def _paper(data: Path, home: Path | None, bar: ProgressBar, as_json: bool) -> None:
    folder = Home.open(home or home_from_env())
    try:
        rows = paper_table(folder, data, on_progress=_shown(bar))
    finally:
        folder.close()
    show_paper(rows, as_json=as_json)


def _shown(bar: ProgressBar) -> OnProgress:
    def show(progress: Progress) -> None:
        left = progress.seconds_left if isinstance(progress, SweepProgress) else None
        said = progress.name if left is None else f"{progress.name}, about {left:,.0f} s left"
        bar.update(Progress(progress.stage, progress.done, progress.total, said))

    return show
