"""Qdrant's REST interface on loopback, for tests: what it keeps is in the client's own memory mode.

Every request is checked against the client's models of the published schema, which refuse unknown
fields; what breaks them is answered with 400 and noted in `violations`. Stopping the server keeps
what it holds, as a disk would.
"""

import json
import threading
import time
import warnings
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, unquote, urlsplit

from pydantic import TypeAdapter, ValidationError
from qdrant_client import QdrantClient, models

VERSION = "1.20.0"
MOST_BYTES = 32 * 2**20  # a server's own limit of a request
WRITES = {("PUT", "points"), ("POST", "points/delete")}


@dataclass
class Qdrant:
    """`die_after` counts writes: the next one after them is applied by half, and never answered."""

    port: int = 0
    key: str | None = None
    die_after: int | None = None
    violations: list[str] = field(default_factory=list)
    created: list[models.CreateCollection] = field(default_factory=list)
    engine: QdrantClient = field(default_factory=lambda: QdrantClient(":memory:"))
    lock: threading.RLock = field(default_factory=threading.RLock)
    server: ThreadingHTTPServer | None = None

    @property
    def url(self) -> str:
        return f"qdrant+http://127.0.0.1:{self.port}"

    def start(self) -> None:
        while self.server is not None:  # it is just ending
            time.sleep(0.01)
        self.server = ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        self.server.daemon_threads = True
        self.server.state = self
        self.port = self.server.server_port
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def stop(self) -> None:
        if self.server is not None:
            self.server.dead = True
            self.server.shutdown()
            self.server.server_close()
            self.server = None


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    @property
    def state(self) -> Qdrant:
        return self.server.state

    def log_message(self, *_):
        pass

    def do_GET(self):
        self._serve("GET")

    def do_PUT(self):
        self._serve("PUT")

    def do_POST(self):
        self._serve("POST")

    def do_DELETE(self):
        self._serve("DELETE")

    def _serve(self, verb):
        size = int(self.headers.get("Content-Length") or 0)
        body = self.rfile.read(size)
        if getattr(self.server, "dead", False):  # a connection that outlived its server
            self.close_connection = True
            self.connection.close()
            return
        parts = urlsplit(self.path)
        wait = parse_qs(parts.query).get("wait") == ["true"]
        try:
            if self.headers.get("api-key") != self.state.key:
                raise PermissionError("Must provide an API key")
            if size > MOST_BYTES:
                raise ValueError("Payload too large")
            pieces = [unquote(piece) for piece in parts.path.strip("/").split("/") if piece]
            with self.state.lock, warnings.catch_warnings():
                warnings.simplefilter("ignore", UserWarning)
                result = self._answer(verb, pieces, body, wait)
        except ConnectionAbortedError:
            self.close_connection = True
            self.connection.close()
        except PermissionError as error:
            self._json(401, {"status": {"error": str(error)}, "time": 0.0})
        except FileExistsError as error:
            self._json(409, {"status": {"error": str(error)}, "time": 0.0})
        except KeyError as error:
            self._json(404, {"status": {"error": f"Not found: {error}"}, "time": 0.0})
        except (ValidationError, ValueError) as error:
            self.state.violations.append(str(error))
            self._json(400, {"status": {"error": str(error)}, "time": 0.0})
        else:
            self._json(200, result)

    def _answer(self, verb, pieces, body, wait):
        if not pieces:
            return {"title": "qdrant", "version": VERSION, "commit": "0"}
        name, what = pieces[1], "/".join(pieces[2:])
        if (verb, what) in WRITES and not wait:
            raise ValueError("a write whose end is not waited for")
        result = getattr(self, f"_{verb.lower()}_{what.replace('/', '_')}")(name, body)
        return {"result": plain(result), "status": "ok", "time": 0.0}

    # -- collections ----------------------------------------------------------------------

    def _get_exists(self, name, _):
        return {"exists": self.state.engine.collection_exists(name)}

    def _get_(self, name, _):
        self._known(name)
        info = plain(self.state.engine.get_collection(name))
        asked = next(each for known, each in reversed(self.state.created) if known == name)
        info["config"]["params"]["shard_number"] = asked.shard_number or 1
        info["config"]["params"]["replication_factor"] = asked.replication_factor or 1
        info["config"]["hnsw_config"] |= plain(asked.hnsw_config) or {}
        return info

    def _put_(self, name, body):
        asked = models.CreateCollection.model_validate_json(body)
        if self.state.engine.collection_exists(name):
            raise FileExistsError(f"Collection `{name}` already exists!")
        self.state.engine.create_collection(
            name, vectors_config=asked.vectors, metadata=asked.metadata
        )
        self.state.created.append((name, asked))
        return True

    def _delete_(self, name, _):
        return self.state.engine.delete_collection(name)

    def _put_index(self, name, body):
        self._known(name)
        models.CreateFieldIndex.model_validate_json(body)
        return {"operation_id": 1, "status": "completed"}

    # -- points ---------------------------------------------------------------------------

    def _put_points(self, name, body):
        self._known(name)
        points = models.PointsList.model_validate_json(body).points
        if self.state.die_after is not None:
            self.state.die_after -= 1
            if self.state.die_after < 0:
                self.state.engine.upsert(name, points[: len(points) // 2])
                threading.Thread(target=self.state.stop).start()
                raise ConnectionAbortedError
        return self.state.engine.upsert(name, points)

    def _post_points_delete(self, name, body):
        self._known(name)
        selector = TypeAdapter(models.PointsSelector).validate_json(body)
        return self.state.engine.delete(name, selector)

    def _post_points(self, name, body):
        asked = models.PointRequest.model_validate_json(body)
        return self.state.engine.retrieve(
            name,
            asked.ids,
            with_payload=asked.with_payload,
            with_vectors=asked.with_vector or False,
        )

    def _post_points_query(self, name, body):
        self._known(name)
        asked = models.QueryRequest.model_validate_json(body)
        if asked.limit is None or asked.limit < 1:
            raise ValueError("limit: must be at least 1")
        return self.state.engine.query_points(
            name,
            query=asked.query,
            query_filter=asked.filter,
            limit=asked.limit,
            with_payload=asked.with_payload,
        )

    def _post_points_scroll(self, name, body):
        asked = models.ScrollRequest.model_validate_json(body)
        points, after = self.state.engine.scroll(
            name,
            scroll_filter=asked.filter,
            limit=asked.limit,
            offset=asked.offset,
            with_payload=asked.with_payload,
            with_vectors=asked.with_vector or False,
        )
        return {"points": plain(points), "next_page_offset": after}

    def _post_points_count(self, name, body):
        asked = models.CountRequest.model_validate_json(body)
        if not asked.exact:
            raise ValueError("a count that is a guess")
        return self.state.engine.count(name)

    def _known(self, name):
        if not self.state.engine.collection_exists(name):
            raise KeyError(f"Collection `{name}` doesn't exist!")

    def _json(self, status, values):
        data = json.dumps(values).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)


def plain(value):
    if hasattr(value, "model_dump"):
        return value.model_dump(mode="json", exclude_none=True)
    return [plain(each) for each in value] if isinstance(value, list) else value


@contextmanager
def qdrant_server(**behaviour):
    state = Qdrant(**behaviour)
    state.start()
    try:
        yield state
    finally:
        state.stop()
