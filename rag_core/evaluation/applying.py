"""Taking over a setting that was measured: how the collection is cut and searched from now on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rag_core.access import require
from rag_core.collection_settings import SearchDefaults, use_search
from rag_core.errors import SettingsError
from rag_core.pipeline import RagPipeline


def use_settings(pipeline: RagPipeline, settings: Mapping[str, Any]) -> list[str]:
    """Make a leaderboard's setting the collection's own.

    Search and Chat take k, mode and reranker at once. The chunking is that of new documents;
    those that are there are searched as they were cut until they are cut again.

    Args:
        pipeline: the collection.
        settings: of an `EvaluationReport`: "chunker", "mode", "k", "rerank" and "model".

    Returns:
        The names of the documents that are cut in another way than this.

    Raises:
        AccessError: for a viewer.
        SettingsError: when it was measured with another model than the collection's, or this
            version knows no such setting; then nothing has changed.
    """
    require("editor", "change a collection's settings")
    if settings["model"] != pipeline.embedder.name:
        raise SettingsError(
            f"This setting was measured with {settings['model']}; the collection is embedded with "
            f"{pipeline.embedder.name}.",
            hint="Rebuild the collection with that model first, or choose another row.",
        )
    chunking = dict(settings["chunker"])
    try:
        search = SearchDefaults(settings["mode"], int(settings["k"]), settings["rerank"])
        pipeline.chunking.use(chunking.pop("name"), **chunking)
    except (KeyError, TypeError, ValueError) as error:
        raise SettingsError(
            f"This setting cannot be used: {error}.", hint="Measure it again, then use it."
        ) from error
    use_search(pipeline.home.settings, pipeline.collection, search)
    return [info.name for info in pipeline.chunking.cut_differently()]
