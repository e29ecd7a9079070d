"""The command line: `python -m rag_core ingest | search | ask | ...`; `--help` names all."""

from __future__ import annotations

import contextlib
import difflib
import io
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import click

from rag_core.catalog import DocumentInfo
from rag_core.cli_evaluate import evaluate_command
from rag_core.cli_index import INDEX_COMMANDS
from rag_core.cli_options import common, question_options
from rag_core.cli_stores import move, store
from rag_core.costs import estimate, said
from rag_core.errors import HomeError, LoadError, UnknownDocumentError
from rag_core.folders import Found, find_files, read_file
from rag_core.home import home_from_env, reading_catalog
from rag_core.loaders import LOADERS, Limits
from rag_core.pipeline import RagPipeline
from rag_core.protocols import OnProgress
from rag_core.reports import FileReport, IngestReport
from rag_core.retrieval import MODES, Mode
from rag_core.terminal import (
    ProgressBar,
    errors_shown,
    json_citation,
    json_document,
    json_hit,
    note,
    one_line,
    plain,
    print_json,
    show_document,
    show_hit,
    show_report,
    show_sources,
)

_EPILOG = """\b
Exit codes
  0  done; a search that finds nothing is done too
  1  a file failed, a document is unknown, or you said no
  2  wrong usage: an option, a filter or a setting
  3  the data folder is in use by another process, or cannot be used
  4  a model or a vector store cannot be had

Messages go to stderr, results to stdout. With --json the result is one object with the keys that
each command's help names; a command that ends with an error message prints none."""
_EXISTING = click.Path(exists=True, path_type=Path)


@click.group(epilog=_EPILOG, context_settings={"help_option_names": ["-h", "--help"]})
def main() -> None:
    """Index documents, search them, and ask questions about them."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a terminal may know fewer letters than documents
            stream.reconfigure(errors="replace")


@main.command()
@click.argument("paths", nargs=-1, required=True, metavar="PATH...", type=_EXISTING)
@click.option("--yes", is_flag=True, help="Do not ask before paying for embeddings.")
@common
def ingest(
    paths: tuple[Path, ...], yes: bool, home: Path | None, collection: str, as_json: bool
) -> None:
    """Index files, and the files in folders and their subfolders.

    A file in a folder is named by its path in it. Hidden files and files of unknown types in
    folders are skipped, with a note. A file of the same name is replaced; an unchanged one costs
    nothing. Files that an earlier run left unfinished are finished first.

    JSON: files [name, status (added, replaced, unchanged, failed), document_id, pages, characters,
    chunks, embedded, kept, removed, seconds, notes, same_as, error, hint], skipped [name, reason],
    chunks, failed, seconds.
    """
    with errors_shown(), RagPipeline.open(home, collection=collection) as pipeline:
        try:
            found = find_files(paths, known=LOADERS, leave_out=pipeline.home.path)
        except ValueError as error:
            raise click.UsageError(f"{plain(str(error))}; give a folder that holds both.") from None
        _agree(pipeline, found, ask=not yes and sys.stdin.isatty())
        report = _ingest(pipeline, found, quiet=as_json)
        if as_json:
            print_json(
                files=[asdict(file) for file in report.files],
                skipped=[{"name": name, "reason": reason} for name, reason in found.skipped],
                chunks=report.chunks,
                failed=len(report.failed),
                seconds=report.seconds,
            )
        else:
            for path, reason in found.skipped:
                note(f"skipped    {one_line(path)}  ({reason})")
    if report.failed:
        raise SystemExit(1)


@main.command()
@click.argument("query")
@click.option("--mode", type=click.Choice(MODES), default="hybrid", show_default=True)
@click.option("--rerank", metavar="NAME", help='Read the best again, such as "late-interaction".')
@question_options
@common
def search(
    query: str,
    mode: Mode,
    rerank: str | None,
    k: int,
    where: Mapping[str, Any] | None,
    home: Path | None,
    collection: str,
    as_json: bool,
) -> None:
    """Print the passages that fit QUERY best.

    JSON: query, mode, hits [rank, score, scores, chunk_id, document_id, name, page, start, end,
    text, metadata], stages [name, seconds, hits], seconds.
    """
    with errors_shown(), _opened(home, collection) as pipeline:
        try:
            result = pipeline.search(query, mode=mode, k=k, where=where, rerank=rerank)
        except ValueError as error:
            raise click.UsageError(plain(str(error))) from None
    if as_json:
        print_json(
            query=query,
            mode=mode,
            hits=[json_hit(hit) for hit in result.hits],
            stages=[
                {"name": stage.name, "seconds": stage.seconds, "hits": len(stage.hits)}
                for stage in result.stages
            ],
            seconds=result.seconds,
        )
        return
    for hit in result.hits:
        show_hit(hit)
    if not result.hits:
        note("Nothing found.")


@main.command()
@click.argument("question")
@question_options
@common
def ask(
    question: str,
    k: int,
    where: Mapping[str, Any] | None,
    home: Path | None,
    collection: str,
    as_json: bool,
) -> None:
    """Answer QUESTION from the documents, with citations.

    JSON: question, answer, found, model, citations [number, name, page, document_id, chunk_id,
    start, end, text], seconds (of the search).
    """
    with errors_shown(), _opened(home, collection) as pipeline:
        stream = pipeline.stream(question, k=k, where=where)
        if not as_json:
            for piece in stream:
                click.echo(plain(piece), nl=False)
            click.echo()
        answer = stream.answer
    if as_json:
        print_json(
            question=question,
            answer=answer.text,
            found=answer.found,
            model=answer.model,
            citations=[json_citation(citation) for citation in answer.citations],
            seconds=answer.result.seconds,
        )
        return
    show_sources(answer)


@main.command()
@common
def documents(home: Path | None, collection: str, as_json: bool) -> None:
    """List what is indexed; works beside a running app too.

    JSON: collection, documents [id, name, characters, pages, chunks, size, added_at, metadata,
    notes].
    """
    folder = home or home_from_env()
    with errors_shown(), reading_catalog(folder) as catalog:
        infos = catalog.documents(collection) if catalog else []
        if catalog is None:
            note(f"There is no data folder {folder} yet.")
        elif collection not in catalog.collections():
            note(f"There is no collection {collection!r} in {folder}.")
    if as_json:
        print_json(collection=collection, documents=[json_document(info) for info in infos])
        return
    for info in infos:
        show_document(info)


@main.command()
@click.argument("names", nargs=-1, required=True, metavar="NAME_OR_ID...")
@click.option("--yes", is_flag=True, help="Do not ask.")
@common
def delete(
    names: tuple[str, ...], yes: bool, home: Path | None, collection: str, as_json: bool
) -> None:
    """Delete documents with every trace of them; an unknown one stops it all.

    JSON: deleted [id, name].
    """
    with errors_shown(), _opened(home, collection) as pipeline:
        chosen = _chosen(pipeline.documents(), names)
        listed = ", ".join(one_line(info.name) for info in chosen)
        if not yes:
            click.confirm(f"Delete {listed}?", abort=True, err=True)
        pipeline.delete([info.id for info in chosen])
    if as_json:
        print_json(deleted=[{"id": info.id, "name": info.name} for info in chosen])
    else:
        click.echo(f"Deleted {listed}.")


for command in (evaluate_command, move, store, *INDEX_COMMANDS):
    main.add_command(command)


# -- work -------------------------------------------------------------------------------------


def _opened(home: Path | None, collection: str) -> RagPipeline:
    folder = home or home_from_env()
    if not folder.exists():  # it is not created just to find nothing in it
        raise HomeError(
            f"There is no data folder {folder}.",
            hint="Index something first, with: ingest PATH, or check --home and RAGSCOPE_HOME.",
        )
    return RagPipeline.open(folder, collection=collection)


def _agree(pipeline: RagPipeline, found: Found, *, ask: bool) -> None:
    if not pipeline.embedder.remote:
        return
    price = estimate(pipeline, _readable(found))
    if price:
        note(said(price, pipeline.embedder.name))
        if ask:
            click.confirm("Go on?", abort=True, err=True)


def _readable(found: Found) -> Iterator[tuple[str, bytes]]:
    for path, name in found.files:
        with contextlib.suppress(LoadError):  # it is reported when its turn comes
            yield name, read_file(path, name, Limits.from_env().max_bytes)


def _ingest(pipeline: RagPipeline, found: Found, *, quiet: bool) -> IngestReport:
    left = pipeline.unfinished()
    jobs = [partial(pipeline.process, upload) for upload in left]
    jobs += [partial(_ingest_file, pipeline, path, name) for path, name in found.files]
    reports: list[FileReport] = []
    with ProgressBar(len(jobs), quiet=quiet) as bar:
        for job in jobs:
            try:
                reports.append(job(on_progress=bar.update))
            except KeyboardInterrupt:
                note(f"Stopped after {len(reports)} of {len(jobs)} files; run it again to go on.")
                raise
            bar.step()
            if not quiet:
                show_report(reports[-1])
    return IngestReport(tuple(reports))


def _ingest_file(
    pipeline: RagPipeline, path: Path, name: str, on_progress: OnProgress
) -> FileReport:
    try:
        data = read_file(path, name, Limits.from_env().max_bytes)
    except LoadError as error:
        return FileReport(name, "failed", error=error.message, hint=error.hint)
    return pipeline.process(pipeline.accept(name, data), on_progress=on_progress)


def _chosen(infos: Sequence[DocumentInfo], names: Sequence[str]) -> list[DocumentInfo]:
    known = {info.name: info for info in infos} | {info.id: info for info in infos}
    for name in names:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            raise UnknownDocumentError(
                f"No document is called {name!r}, and none has it as its id.",
                hint=f"Did you mean {near[0]!r}?" if near else "List them with: documents",
            )
    return list({known[name].id: known[name] for name in names}.values())
