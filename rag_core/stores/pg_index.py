"""How a pgvector table is indexed: what the url asks for, and the SQL that makes and tunes it."""

from __future__ import annotations

from dataclasses import dataclass, field
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from psycopg import sql

from rag_core.errors import SettingsError
from rag_core.stores.common import take_options

INDEX_FROM = 10_000  # chunks; below, reading every vector takes a few milliseconds and is exact
MAX_DIMENSION = 2_000  # what pgvector can index as `vector`
_BUILD = {"hnsw": {"m": 16, "ef_construction": 64}, "ivfflat": {"lists": 100}, "none": {}}
_SEARCH = {"hnsw": {"ef_search": 100}, "ivfflat": {"probes": 10}, "none": {}}
_MOST = {"m": 100, "ef_construction": 1_000, "ef_search": 1_000, "lists": 32_768, "probes": 32_768}
OPTIONS: dict[str, type[int] | type[str]] = {
    "index": str,
    "index_from": int,
    **dict.fromkeys(_MOST, int),
}


@dataclass(frozen=True, slots=True)
class Index:
    """An index by name: "hnsw", "ivfflat" or "none"; see pgvector for what the numbers mean."""

    kind: str
    index_from: int = INDEX_FROM
    build: dict[str, int] = field(default_factory=dict, hash=False)
    search: dict[str, int] = field(default_factory=dict, hash=False)

    def create(self, name: sql.Identifier, table: sql.Identifier) -> sql.Composed:
        """Return the statement that builds it."""
        settings = sql.SQL(", ").join(
            sql.SQL("{} = {}").format(sql.Identifier(key), sql.Literal(value))
            for key, value in self.build.items()
        )
        return sql.SQL(
            "CREATE INDEX IF NOT EXISTS {} ON {} USING {} (embedding vector_cosine_ops) WITH ({})"
        ).format(name, table, sql.Identifier(self.kind), settings)

    def tuning(self, k: int) -> tuple[str, list[str]]:
        """Return a statement, and its parameters, that tunes the transaction for k hits.

        An HNSW scan gives ef_search rows at most before it has to look further.
        """
        values = dict(self.search)
        if self.kind == "hnsw":
            values["ef_search"] = min(max(values["ef_search"], k), _MOST["ef_search"])
        pairs = [(f"{self.kind}.{key}", str(value)) for key, value in values.items()]
        # Filters throw rows away after the scan: it goes on until enough are left.
        order = "strict_order" if self.kind == "hnsw" else "relaxed_order"
        pairs.append((f"{self.kind}.iterative_scan", order))
        calls = ", ".join("set_config(%s, %s, true)" for _ in pairs)  # true: SET LOCAL
        return f"SELECT {calls}", [text for pair in pairs for text in pair]


def index_of(url: str, dimension: int) -> Index:
    """Return the index a url asks for.

    Raises:
        SettingsError: for an unknown kind, or a number out of pgvector's range.
    """
    asked = take_options(urlsplit(url).query, OPTIONS)
    kind = str(asked.pop("index", "hnsw"))
    if kind not in _BUILD:
        raise SettingsError(
            f"The store's option index is {kind!r}.", hint=f"Known are {', '.join(_BUILD)}."
        )
    index_from = int(asked.pop("index_from", INDEX_FROM))
    known = {**_BUILD[kind], **_SEARCH[kind]}
    for name, value in asked.items():
        if name not in known or int(value) > _MOST[name]:
            raise SettingsError(
                f"The store's option {name}={value} does not fit an {kind} index.",
                hint=f"It takes {', '.join(known) or 'no options'}; {name} goes to {_MOST[name]}.",
            )
    if dimension > MAX_DIMENSION:
        return Index("none", index_from)
    chosen = {name: int(asked.get(name, value)) for name, value in known.items()}
    return Index(
        kind,
        index_from,
        {name: chosen[name] for name in _BUILD[kind]},
        {name: chosen[name] for name in _SEARCH[kind]},
    )


def conninfo(url: str) -> str:
    """Return the url without our options: what is left is for libpq."""
    parts = urlsplit(url)
    pairs = parse_qsl(parts.query, keep_blank_values=True)
    left = urlencode([(name, value) for name, value in pairs if name not in OPTIONS])
    return urlunsplit(parts._replace(scheme="postgresql", query=left))
