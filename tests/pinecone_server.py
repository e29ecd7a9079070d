"""Pinecone's control and data plane on loopback, for tests: stateful, and late as the real one is.

Every request is checked against the published limits and field names; what breaks them is answered
with 400 and noted in `violations`. A write is seen by queries and counts `lag` seconds later, by
fetches and lists half of that later. Stopping the server keeps what it holds.
"""

import json
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit

import numpy as np

KEY = "pc-test-8d2f"
VERSION = "2026-07"
FIELDS = {
    "/vectors/upsert": {"vectors", "namespace"},
    "/vectors/delete": {"ids", "deleteAll", "filter", "namespace"},
    "/query": {"topK", "vector", "namespace", "filter", "includeValues", "includeMetadata"},
    "/describe_index_stats": {"filter"},
}
ORDER = {
    "$gt": lambda a, b: a > b,
    "$gte": lambda a, b: a >= b,
    "$lt": lambda a, b: a < b,
    "$lte": lambda a, b: a <= b,
}


def kind(value):
    return bool if isinstance(value, bool) else str if isinstance(value, str) else float


def same(a, b):
    return kind(a) is kind(b) and a == b


def holds(where, metadata):
    ((key, value),) = where.items()
    if key in ("$and", "$or"):
        assert isinstance(value, list), f"{key} takes a list"
        assert value, f"{key} takes a list that is not empty"
        return (all if key == "$and" else any)([holds(part, metadata) for part in value])
    assert not key.startswith("$"), f"unknown operator {key}"
    ((op, operand),) = value.items()
    found = metadata.get(key)
    if op == "$exists":
        return (found is not None) is operand
    if op in ("$in", "$nin"):
        assert isinstance(operand, list), f"{op} takes a list"
        assert 0 < len(operand) <= 10_000, f"{op} takes 1 to 10,000 values"
        is_in = found is not None and any(same(found, each) for each in operand)
        return found is not None and is_in is (op == "$in")
    assert op in ("$eq", "$ne", *ORDER), f"unknown operator {op}"
    if op in ORDER:
        assert kind(operand) is float, f"{op} takes a number"
        return found is not None and kind(found) is float and ORDER[op](found, operand)
    # Whether $ne is met by a record without the field is not published: it is not, here.
    return found is not None and same(found, operand) is (op == "$eq")


@dataclass
class Namespace:
    """What was written, and the states that reads see until they catch up."""

    now: dict = field(default_factory=dict)
    past: list = field(default_factory=list)  # (time of the end of the state, state)

    def write(self, change):
        self.past = [pair for pair in self.past if pair[0] > time.monotonic() - 5]
        self.past.append((time.monotonic(), dict(self.now)))
        change(self.now)

    def seen(self, lag):
        then = time.monotonic() - lag
        return next((state for end, state in self.past if end > then), self.now)


@dataclass
class PineconeServer:
    """`die_after` counts upserts: the next one is applied by half, and never answered."""

    port: int = 0
    lag: float = 0.03
    die_after: int | None = None
    indexes: dict = field(default_factory=dict)
    namespaces: dict = field(default_factory=dict)
    violations: list[str] = field(default_factory=list)
    upserts: list[int] = field(default_factory=list)
    lock: threading.RLock = field(default_factory=threading.RLock)
    server: ThreadingHTTPServer | None = None

    def start(self):
        while self.server is not None:  # it is just ending
            time.sleep(0.01)
        self.server = ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        self.server.daemon_threads = True
        self.server.state = self
        self.port = self.server.server_port
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def stop(self):
        if self.server is not None:
            self.server.dead = True
            self.server.shutdown()
            self.server.server_close()
            self.server = None


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    @property
    def state(self):
        return self.server.state

    def log_message(self, *_):
        pass

    def do_GET(self):
        self._serve("GET")

    def do_POST(self):
        self._serve("POST")

    def do_DELETE(self):
        self._serve("DELETE")

    def _serve(self, verb):
        data = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if getattr(self.server, "dead", False):  # a connection that outlived its server
            self.close_connection = True
            self.connection.close()
            return
        parts = urlsplit(self.path)
        try:
            if self.headers["Api-Key"] != KEY:
                self._json(401, {"error": {"code": "UNAUTHENTICATED", "message": "bad key"}})
                return
            assert self.headers["X-Pinecone-Api-Version"] == VERSION, "an API version is needed"
            assert len(data) <= 2 * 2**20, "a request has at most 2 MB"
            body = json.loads(data) if data else {}
            if parts.path in FIELDS:
                unknown = set(body) - FIELDS[parts.path]
                assert not unknown, f"unknown fields {unknown}"
            with self.state.lock:
                status, answer = self._answer(verb, parts.path, body, parse_qs(parts.query))
        except ConnectionAbortedError:
            self.close_connection = True
            self.connection.close()
        except (AssertionError, KeyError, ValueError) as error:
            self.state.violations.append(f"{verb} {self.path[:80]}: {error!r}")
            self._json(400, {"error": {"code": "INVALID_ARGUMENT", "message": str(error)}})
        else:
            self._json(status, answer)

    def _answer(self, verb, path, body, query):
        if path == "/indexes" and verb == "POST":
            return self._create(body)
        if path.startswith("/indexes/"):
            index = self.state.indexes.get(unquote(path.split("/")[2]))
            missing = {"error": {"code": "NOT_FOUND", "message": "no such index"}}
            return (200, index) if index else (404, missing)
        if path.startswith("/namespaces/"):
            self.state.namespaces.pop(unquote(path.split("/")[2]), None)
            return 200, {}
        name = body.get("namespace") or query.get("namespace", [""])[0]
        space = self.state.namespaces.get(name)
        if path == "/vectors/upsert":
            return self._upsert(self.state.namespaces.setdefault(name, Namespace()), body)
        if path == "/vectors/delete":
            if space is None:
                return 404, {"code": 5, "message": "Namespace not found", "details": []}
            return self._delete(space, body)
        if path == "/describe_index_stats":
            return self._stats()
        if path == "/query":
            return self._query(space or Namespace(), body, name)
        return self._read(space or Namespace(), path, query, name)

    def _read(self, space, path, query, name):
        if path == "/vectors/fetch":
            ids = query["ids"]
            assert len(ids) <= 1000, "a fetch has at most 1,000 ids"
            assert len(self.path) < 8_000, "the address is too long"
            seen = space.seen(self.state.lag * 1.5)
            found = {id_: seen[id_] for id_ in ids if id_ in seen}
            return 200, {"vectors": found, "namespace": name, "usage": {"readUnits": 1}}
        assert path == "/vectors/list", f"no such path {path}"
        limit = int(query.get("limit", ["100"])[0])
        assert 1 <= limit <= 100, "a list has at most 100 ids"
        after = query.get("paginationToken", [""])[0]
        ids = sorted(id_ for id_ in space.seen(self.state.lag * 1.5) if id_ > after)
        page = {"vectors": [{"id": id_} for id_ in ids[:limit]], "namespace": name}
        if len(ids) > limit:
            page["pagination"] = {"next": ids[limit - 1]}
        return 200, page

    def _create(self, body):
        fields = body["schema"]["fields"]
        assert set(fields) == {"_values"}, "one dense field"
        assert fields["_values"]["type"] == "dense_vector", "a dense field"
        assert fields["_values"]["dimension"] > 0, "a dimension"
        assert body["deployment"]["deployment_type"] == "managed", "serverless"
        name = body["name"]
        assert name.replace("-", "").isalnum(), "letters, digits and hyphens"
        if name in self.state.indexes:
            return 409, {"error": {"code": "ALREADY_EXISTS", "message": "it exists"}}
        self.state.indexes[name] = {
            "name": name,
            "host": f"http://127.0.0.1:{self.state.port}",
            "status": {"ready": True, "state": "Ready"},
            "schema": body["schema"],
            "deployment": {"environment": "test", **body["deployment"]},
            "deletion_protection": "disabled",
        }
        return 201, self.state.indexes[name]

    def _upsert(self, space, body):
        records = body["vectors"]
        assert 1 <= len(records) <= 1000, "an upsert has 1 to 1,000 records"
        (index,) = self.state.indexes.values()
        for record in records:
            assert set(record) <= {"id", "values", "metadata"}, f"unknown fields in {set(record)}"
            assert 0 < len(record["id"]) <= 512, "an id has 1 to 512 characters"
            assert len(record["values"]) == index["schema"]["fields"]["_values"]["dimension"]
            assert any(record["values"]), "a dense vector has a value that is not zero"
            metadata = record.get("metadata", {})
            assert len(json.dumps(metadata, ensure_ascii=False).encode()) <= 40_960, "40 KB"
            for key, value in metadata.items():
                assert key, "a key is empty"
                assert not key.startswith("$"), f"a key begins with $: {key}"
                assert isinstance(value, str | int | float | bool), f"{key} is {value!r}"
        dies = False
        if self.state.die_after is not None:
            self.state.die_after -= 1
            dies = self.state.die_after < 0
        taken = records[: len(records) // 2] if dies else records
        space.write(lambda now: now.update({record["id"]: floats(record) for record in taken}))
        if dies:
            threading.Thread(target=self.state.stop).start()
            raise ConnectionAbortedError
        self.state.upserts.append(len(records))
        return 200, {"upsertedCount": len(records)}

    def _delete(self, space, body):
        assert sum(key in body for key in ("ids", "filter", "deleteAll")) == 1, "one selector"
        if "ids" in body:
            assert 1 <= len(body["ids"]) <= 1000, "a delete has 1 to 1,000 ids"
            gone = set(body["ids"])
        else:
            gone = {
                id_ for id_, each in space.now.items() if holds(body["filter"], each["metadata"])
            }
        space.write(lambda now: [now.pop(id_, None) for id_ in gone])
        return 200, {}

    def _stats(self):
        counts = {
            name: {"vectorCount": len(space.seen(self.state.lag))}
            for name, space in self.state.namespaces.items()
        }
        total = sum(count["vectorCount"] for count in counts.values())
        return 200, {"namespaces": counts, "totalVectorCount": total, "indexFullness": 0}

    def _query(self, space, body, name):
        assert 1 <= body["topK"] <= 10_000, "topK is 1 to 10,000"
        seen = list(space.seen(self.state.lag).values())
        if body.get("filter"):
            seen = [each for each in seen if holds(body["filter"], each["metadata"])]
        matches = []
        if seen:
            rows = np.array([each["values"] for each in seen])
            asked = np.array(body["vector"])
            norms = np.linalg.norm(rows, axis=1) * np.linalg.norm(asked)
            scores = rows @ asked / norms
            for row in np.argsort(-scores, kind="stable")[: body["topK"]]:
                match = {"id": seen[row]["id"], "score": float(scores[row])}
                if body.get("includeMetadata"):
                    match["metadata"] = seen[row]["metadata"]
                matches.append(match)
        answer = {"matches": matches, "namespace": name, "usage": {"readUnits": 1}}
        assert len(json.dumps(answer)) <= 4 * 2**20, "an answer has at most 4 MB"
        return 200, answer

    def _json(self, status, values):
        data = json.dumps(values).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


def floats(record):
    """Return the record with its numbers as Pinecone keeps them."""
    metadata = {
        key: float(value) if kind(value) is float else value
        for key, value in record.get("metadata", {}).items()
    }
    return {**record, "metadata": metadata}


@contextmanager
def pinecone_server(**behaviour):
    state = PineconeServer(**behaviour)
    state.start()
    try:
        yield state
    finally:
        state.stop()
