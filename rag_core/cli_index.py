"""The commands about the index over time: sync, rebuild, verify, repair, drift, backup, restore."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import click

from rag_core.cli_options import common
from rag_core.errors import HomeError
from rag_core.home import home_from_env
from rag_core.index_manager import (
    IndexManager,
    Problem,
    SyncPlan,
)
from rag_core.index_manager import (
    backup as write_backup,
)
from rag_core.index_manager import (
    restore as read_backup,
)
from rag_core.pipeline import RagPipeline
from rag_core.protocols import Progress
from rag_core.reports import FileReport
from rag_core.terminal import (
    ProgressBar,
    errors_shown,
    note,
    one_line,
    print_json,
    show_report,
)

_HOME = click.option(
    "--home",
    type=click.Path(file_okay=False, path_type=Path),
    help="The data folder.  [default: RAGSCOPE_HOME, or ./.ragscope]",
)
_SHOWN = 20  # problems that are printed; --json has them all


@click.command()
@click.argument(
    "folder", metavar="DIR", type=click.Path(exists=True, file_okay=False, path_type=Path)
)
@click.option("--dry-run", is_flag=True, help="Say what would change, and change nothing.")
@click.option("--empty", is_flag=True, help="Remove everything if the folder holds nothing.")
@common
def sync(
    folder: Path, dry_run: bool, empty: bool, home: Path | None, collection: str, as_json: bool
) -> None:
    """Make the documents that come from DIR like the files in it, by content.

    New files are added, changed ones replaced; documents that came from DIR by an earlier sync and
    are not there any more are removed. Whatever came otherwise stays.

    JSON: dry_run, added, replaced, removed, unchanged [name], skipped [name, reason],
    files [as ingest].
    """
    with errors_shown(), RagPipeline.open(home, collection=collection) as pipeline:
        manager = IndexManager(pipeline)
        files: tuple[FileReport, ...] = ()
        if dry_run:
            plan = manager.plan_sync(folder)
        else:
            with ProgressBar(1, quiet=as_json) as bar:
                report = manager.sync(folder, empty=empty, on_progress=bar.update)
                bar.step()
            plan, files = report.plan, report.files
    failed = [file for file in files if file.status == "failed"]
    if as_json:
        print_json(dry_run=dry_run, **_json_plan(plan), files=[asdict(file) for file in files])
    else:
        for file in files:
            show_report(file)
        _show_plan(plan, done=not dry_run)
    if failed:
        raise SystemExit(1)


@click.command()
@click.option("--model", metavar="NAME", help="Embed with another model from now on.")
@common
def rebuild(model: str | None, home: Path | None, collection: str, as_json: bool) -> None:
    """Make the index anew beside the old one, and go over to it once it is found whole.

    One that was stopped is gone on with. The old index is removed when the new one is in use.

    JSON: collection, chunks, seconds, given_back (bytes).
    """
    with errors_shown(), _opened(home, collection) as pipeline:
        manager = IndexManager(pipeline)
        work = manager.rebuild(model)
        with ProgressBar(1, quiet=as_json) as bar:
            while work.busy:
                found = work.wait(0.2)
                bar.update(Progress(found.stage, found.done, found.total))
            bar.step()
        ended = work.wait()
        if ended.state != "done":
            raise HomeError(f"The rebuild {ended.state}: {ended.error}", hint=ended.hint)
        given = manager.forget_kept()
        chunks = sum(info.chunks for info in pipeline.documents())
    if as_json:
        print_json(collection=collection, chunks=chunks, seconds=ended.seconds, given_back=given)
    else:
        click.echo(f"Rebuilt {chunks:,} chunks in {ended.seconds:.1f} s.")


@click.command()
@common
def verify(home: Path | None, collection: str, as_json: bool) -> None:
    """Look for missing, orphaned, duplicate or corrupt records and files; exit 1 if there are any.

    JSON: collection, clean, documents, chunks, unfinished, problems [kind, subject, detail].
    """
    with (
        errors_shown(),
        _opened(home, collection) as pipeline,
        ProgressBar(1, quiet=as_json) as bar,
    ):
        found = IndexManager(pipeline).verify(bar.update)
        bar.step()
    if as_json:
        print_json(clean=found.clean, **asdict(found))
    else:
        _show_problems(found.problems)
        click.echo(
            f"{found.documents:,} documents, {found.chunks:,} chunks: "
            + ("nothing is wrong." if found.clean else f"{len(found.problems):,} problems.")
        )
        if found.unfinished:
            note(f"{found.unfinished} accepted files wait to be indexed, with: ingest PATH")
    if not found.clean:
        raise SystemExit(1)


@click.command()
@common
def repair(home: Path | None, collection: str, as_json: bool) -> None:
    """Mend what `verify` finds, from the texts and the originals; exit 1 if something is left.

    JSON: collection, clean, mended, embedded, set_aside, problems [kind, subject, detail].
    """
    with (
        errors_shown(),
        _opened(home, collection) as pipeline,
        ProgressBar(1, quiet=as_json) as bar,
    ):
        done = IndexManager(pipeline).repair(bar.update)
        bar.step()
    if as_json:
        print_json(
            collection=collection,
            clean=done.after.clean,
            mended=done.mended,
            embedded=done.embedded,
            set_aside=done.set_aside,
            problems=[asdict(problem) for problem in done.after.problems],
        )
    else:
        _show_problems(done.after.problems)
        click.echo(
            f"{done.mended:,} problems mended, {len(done.after.problems):,} left; "
            f"{done.embedded:,} chunks put in anew."
        )
        if done.set_aside:
            note(f"The damaged store is kept as {done.set_aside}; delete it when all is well.")
            note("It held every collection: repair the others too, with: repair --collection NAME")
    if not done.after.clean:
        raise SystemExit(1)


@click.command()
@common
def drift(home: Path | None, collection: str, as_json: bool) -> None:
    """Embed the probes again and compare; exit 1 if the model is not what it was.

    Twenty chunks, chosen at the first check, are held against the vectors the index has of them.

    JSON: collection, drifted, lowest, median, model, fingerprint, checked_at, cosines.
    """
    with errors_shown(), _opened(home, collection) as pipeline:
        check = IndexManager(pipeline).check_drift()
    if as_json:
        said = {**asdict(check), "lowest": check.lowest, "median": check.median}
        print_json(collection=collection, drifted=check.drifted, **said)
    else:
        click.echo(
            f"{one_line(check.model)}: cosines from {check.lowest:.5f}, median {check.median:.5f}: "
            + ("it has changed." if check.drifted else "the same model.")
        )
    if check.drifted:
        raise SystemExit(1)


@click.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@_HOME
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def backup(file: Path, home: Path | None, as_json: bool) -> None:
    """Write the whole data folder to FILE, a zip with checksums; also while the app runs.

    JSON: path, files, bytes, size.
    """
    with errors_shown():
        done = write_backup(home or home_from_env(), file)
    if as_json:
        print_json(path=str(done.path), files=done.files, bytes=done.bytes, size=done.size)
    else:
        click.echo(f"Backed up {done.files:,} files, {done.bytes / 2**20:,.1f} MB, to {done.path}.")


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--replace", is_flag=True, help="Set aside a data folder that is not empty.")
@_HOME
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def restore(file: Path, replace: bool, home: Path | None, as_json: bool) -> None:
    """Make the data folder from FILE, once every checksum was found right.

    The vectors' index is made again by: repair, from the cache of vectors that is in the backup.

    JSON: home, files, bytes, set_aside.
    """
    with errors_shown():
        done = read_backup(file, home or home_from_env(), replace=replace)
    if as_json:
        print_json(
            home=str(done.home), files=done.files, bytes=done.bytes, set_aside=done.set_aside
        )
        return
    click.echo(f"Restored {done.files:,} files to {done.home}.")
    if done.set_aside:
        note(f"What was there is now in {done.set_aside}.")
    note("Now make the index of each collection, with: repair --collection NAME")


def _opened(home: Path | None, collection: str) -> RagPipeline:
    folder = home or home_from_env()
    if not folder.exists():
        raise HomeError(
            f"There is no data folder {folder}.", hint="Check --home and RAGSCOPE_HOME."
        )
    return RagPipeline.open(folder, collection=collection)


def _show_problems(problems: Sequence[Problem]) -> None:
    for problem in problems[:_SHOWN]:
        click.echo(f"{problem.kind:<11} {one_line(problem.subject)}  {one_line(problem.detail)}")
    if len(problems) > _SHOWN:
        note(f"and {len(problems) - _SHOWN:,} more")


def _show_plan(plan: SyncPlan, *, done: bool) -> None:
    words = ("added", "replaced", "removed") if done else ("add", "replace", "remove")
    names = plan.added, plan.replaced, plan.removed
    for word, some in zip(words, names, strict=True):
        for name in () if done and word != "removed" else some:
            click.echo(f"{word:<10} {one_line(name)}")
    for name, reason in plan.skipped:
        note(f"skipped    {one_line(name)}  ({reason})")
    counts = ", ".join(f"{len(some):,} {word}" for word, some in zip(words, names, strict=True))
    click.echo(f"{counts}, {len(plan.unchanged):,} unchanged.")


def _json_plan(plan: SyncPlan) -> dict[str, object]:
    return {
        "added": list(plan.added),
        "replaced": list(plan.replaced),
        "removed": list(plan.removed),
        "unchanged": list(plan.unchanged),
        "skipped": [{"name": name, "reason": reason} for name, reason in plan.skipped],
    }


INDEX_COMMANDS = (sync, rebuild, verify, repair, drift, backup, restore)
