"""The commands about stores: `python -m rag_core store | move`."""

from __future__ import annotations

from contextlib import closing
from dataclasses import asdict
from pathlib import Path

import click

from rag_core.catalog import Model
from rag_core.cli_options import common
from rag_core.errors import HomeError
from rag_core.home import Home, home_from_env
from rag_core.moving import move as move_chunks
from rag_core.protocols import VectorStore
from rag_core.store_choice import store_choice
from rag_core.stores import open_store
from rag_core.stores.health import check_health
from rag_core.terminal import ProgressBar, errors_shown, note, plain, print_json


@click.command()
@click.option("--to", "target", required=True, metavar="URL", help="Such as postgresql://...")
@click.option("--from", "source", metavar="URL", help="[default: RAGSCOPE_STORE, or the folder]")
@common
def move(
    target: str, source: str | None, home: Path | None, collection: str, as_json: bool
) -> None:
    """Copy a collection's chunks and vectors to another store, and check the copy.

    Nothing is embedded again and nothing is removed. Run it again to finish a move that was
    stopped; then set RAGSCOPE_STORE to the new url.

    JSON: collection, chunks, copied, queries, overlap, seconds.
    """
    with errors_shown(), closing(_opened(home)) as folder:
        model = folder.catalog.model(collection)
        if model is None:
            raise HomeError(
                f"The collection {collection!r} is empty.", hint="There is nothing to move."
            )
        origin = source or store_choice(folder, collection).url
        if origin == target:
            raise click.UsageError("--to is where the collection is already.")
        with (
            folder.writing,
            closing(_store(origin, folder.catalog.key(collection), model)) as old,
            closing(_store(target, folder.catalog.key(collection), model)) as new,
            ProgressBar(1, quiet=as_json) as bar,
        ):
            report = move_chunks(
                old,
                new,
                known=lambda ids: folder.catalog.known(collection, ids),
                on_progress=bar.update,
            )
            bar.step()
    if as_json:
        print_json(collection=collection, **asdict(report))
        return
    click.echo(
        f"Moved {report.chunks:,} chunks ({report.copied:,} copied now) in {report.seconds:.1f} s; "
        f"{report.queries} sampled queries agree to {report.overlap:.0%}."
    )
    note("Set RAGSCOPE_STORE to the new url to use it; the old store is as it was.")


@click.command()
@common
def store(home: Path | None, collection: str, as_json: bool) -> None:
    """Say which store a collection is in, and whether it answers.

    JSON: collection, engine, version, address, ok, chunks, seconds, index, problem, hint.
    """
    with errors_shown(), closing(_opened(home)) as folder:
        model = folder.catalog.model(collection)
        if model is None:
            raise HomeError(
                f"The collection {collection!r} is empty.", hint="It is in no store yet."
            )
        url = store_choice(folder, collection).url
        with closing(_store(url, folder.catalog.key(collection), model)) as opened:
            health = check_health(opened)
    if as_json:
        print_json(collection=collection, **asdict(health))
        return
    chunks = "unknown" if health.chunks is None else f"{health.chunks:,}"
    click.echo(plain(f"{health.engine} {health.version}  {health.address}"))
    click.echo(plain(f"chunks: {chunks}"))
    for name, value in health.index.items():
        click.echo(plain(f"{name}: {value}"))
    click.echo(plain(f"answers in {health.seconds * 1000:.0f} ms" if health.ok else health.problem))


def _opened(home: Path | None) -> Home:
    folder = home or home_from_env()
    if not folder.exists():
        raise HomeError(
            f"There is no data folder {folder}.", hint="Check --home and RAGSCOPE_HOME."
        )
    return Home.open(folder)


def _store(url: str, collection: str, model: Model) -> VectorStore:
    try:
        return open_store(
            url, collection=collection, dimension=model.dimension, fingerprint=model.fingerprint
        )
    except ValueError as error:
        raise click.UsageError(plain(str(error))) from None
