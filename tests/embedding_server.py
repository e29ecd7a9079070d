"""The embedding endpoints of OpenAI and Cohere on loopback, for tests.

Every request is checked against the provider's documented schema: what breaks it is answered with
400 and noted in `violations`. Vectors come from the text by arithmetic, so that a test knows them.
"""

import base64
import hashlib
import json
import threading
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np

from rag_core.embedders import open_embedder
from rag_core.embedders.batching import Backoff

KEY = "sk-test-4f1d9c7b2e"
OPENAI_MODELS = {"text-embedding-3-small": 1536, "text-embedding-3-large": 3072}
COHERE_MODELS = {"embed-v4.0": 1536, "embed-english-v3.0": 1024}
OPENAI_FIELDS = {"input", "model", "dimensions", "encoding_format", "user"}
COHERE_LENGTHS = [("embed-v4.0", length) for length in (256, 512, 1024, 1536)]
COHERE_FIELDS = {
    *("model", "input_type", "texts", "images", "inputs", "max_tokens", "output_dimension"),
    *("embedding_types", "truncate", "priority"),
}


@dataclass
class Fault:
    """One answer that is not as it should be; `what` is a status or one of the words below."""

    what: int | str  # "hang" "drop" "count" "dimension" "nan" "json" "shuffle"
    headers: dict[str, str] = field(default_factory=dict)
    message: str = "no"
    code: str | None = None


@dataclass
class EmbeddingServer:
    """`faults` are used up one a request; `max_tokens` counts words, a whole request's too."""

    url: str = ""
    faults: deque[Fault] = field(default_factory=deque)
    requests: list[dict] = field(default_factory=list)
    violations: list[str] = field(default_factory=list)
    max_text_words: int = 8191
    max_request_words: int = 300_000
    answer_lists: bool = False  # ignore "base64", as some compatible servers do
    released: threading.Event = field(default_factory=threading.Event)

    @property
    def sizes(self) -> list[int]:
        """How many texts each request had."""
        return [len(body.get("input", body.get("texts"))) for body in self.requests]


def vector_of(text: str, dimension: int, kind: str = "") -> np.ndarray:
    """Return the unit vector the server gives for a text."""
    seed = int.from_bytes(hashlib.sha256(f"{kind}\0{text}".encode()).digest()[:8], "big")
    vector = np.random.default_rng(seed).normal(size=dimension).astype(np.float32)
    return vector / np.linalg.norm(vector)


def openai_violation(body: dict, server: EmbeddingServer) -> str | None:
    texts, length = body.get("input"), body.get("dimensions")
    if set(body) - OPENAI_FIELDS:
        return f"unknown fields {set(body) - OPENAI_FIELDS}"
    if not isinstance(body.get("model"), str):
        return "model is required"
    if not isinstance(texts, list) or not 1 <= len(texts) <= 2048:
        return "input holds 1 to 2048 texts"
    if not all(isinstance(text, str) and text for text in texts):
        return "a text is a string that is not empty"
    if body.get("encoding_format", "float") not in ("float", "base64"):
        return "encoding_format is float or base64"
    native = OPENAI_MODELS.get(body["model"], 8)
    if length is not None and not (isinstance(length, int) and 1 <= length <= native):
        return "dimensions is out of range"
    return too_long(texts, server)


def cohere_violation(body: dict, server: EmbeddingServer) -> str | None:
    texts, length = body.get("texts"), body.get("output_dimension")
    if set(body) - COHERE_FIELDS:
        return f"unknown fields {set(body) - COHERE_FIELDS}"
    if body.get("model") not in COHERE_MODELS:
        return "model is required"
    if body.get("input_type") not in ("search_document", "search_query"):
        return "input_type is required"
    if not isinstance(texts, list) or not 1 <= len(texts) <= 96:
        return "texts holds 1 to 96 texts"
    if not all(isinstance(text, str) and text for text in texts):
        return "a text is a string that is not empty"
    if body.get("embedding_types", ["float"]) != ["float"]:
        return "embedding_types is not what this server gives"
    if body.get("truncate", "END") not in ("NONE", "START", "END"):
        return "truncate is NONE, START or END"
    if length is not None and (
        body["model"] != "embed-v4.0" or length not in (256, 512, 1024, 1536)
    ):
        return "output_dimension is out of range"
    return too_long(texts, server)


def too_long(texts: list[str], server: EmbeddingServer) -> str | None:
    words = [len(text.split()) for text in texts]
    if max(words) > server.max_text_words:
        return f"maximum input length is {server.max_text_words} tokens"
    if sum(words) > server.max_request_words:
        return f"maximum request size is {server.max_request_words} tokens per request"
    return None


class Handler(BaseHTTPRequestHandler):
    @property
    def state(self) -> EmbeddingServer:
        return self.server.state

    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.state.requests.append(body)
        fault = self.state.faults.popleft() if self.state.faults else Fault(200)
        if fault.what == "hang":
            self.state.released.wait(30)
        if fault.what in ("hang", "drop"):
            self.close_connection = True
            self.connection.close()
        elif isinstance(fault.what, int) and fault.what != 200:
            self._fail(fault)
        else:
            self._embed(body, str(fault.what))

    def _fail(self, fault):
        error = {"message": fault.message, "type": "test", "param": None, "code": fault.code}
        wrapped = {"error": error} if "/v1/" in self.path else {"message": fault.message}
        self._json(fault.what, wrapped, fault.headers)

    def _embed(self, body, fault):
        openai = self.path == "/v1/embeddings"
        if not openai and self.path != "/v2/embed":
            self._fail(Fault(404))
            return
        if self.headers["Authorization"] != f"Bearer {KEY}":
            self._fail(Fault(401, message=f"no such key: {self.headers['Authorization']}"))
            return
        broken = (openai_violation if openai else cohere_violation)(body, self.state)
        if broken:
            self.state.violations.append(broken)
            self._fail(Fault(400, message=broken))
            return
        if openai:
            length = body.get("dimensions") or OPENAI_MODELS.get(body["model"], 8)
            texts, kind = body["input"], ""
        else:
            length = body.get("output_dimension") or COHERE_MODELS[body["model"]]
            texts, kind = body["texts"], body["input_type"]
        vectors = [vector_of(text, length, kind) * 3 for text in texts]  # not of unit length
        if fault == "count":
            vectors = vectors[:-1]
        elif fault == "dimension":
            vectors = [vector[:-1] for vector in vectors]
        elif fault == "nan":
            vectors[0][0] = np.nan
        self._vectors(body, vectors, fault)

    def _vectors(self, body, vectors, fault):
        if fault == "json":
            self._raw(200, b"<html>a proxy says hello</html>")
        elif "/v1/" in self.path:
            packed = body.get("encoding_format") == "base64" and not self.state.answer_lists
            data = [
                {
                    "object": "embedding",
                    "index": index,
                    "embedding": base64.b64encode(vector.tobytes()).decode()
                    if packed
                    else vector.tolist(),
                }
                for index, vector in enumerate(vectors)
            ]
            if fault == "shuffle":
                data.reverse()
            usage = {"prompt_tokens": 1, "total_tokens": 1}
            values = {"object": "list", "data": data, "model": body["model"], "usage": usage}
            self._json(200, values)
        else:
            values = {
                "id": "e",
                "response_type": "embeddings_by_type",
                "embeddings": {"float": [vector.tolist() for vector in vectors]},
                "texts": body["texts"],
                "meta": {"api_version": {"version": "2"}, "billed_units": {"input_tokens": 1}},
            }
            self._json(200, values)

    def _json(self, status, values, headers=None):
        self._raw(status, json.dumps(values).encode(), headers)

    def _raw(self, status, data, headers=None):
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)


@contextmanager
def embedding_server(*faults: Fault, **behaviour) -> Iterator[EmbeddingServer]:
    state = EmbeddingServer(faults=deque(faults), **behaviour)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.state = state
    server.daemon_threads = True
    state.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield state
    finally:
        state.released.set()
        server.shutdown()
        server.server_close()
        thread.join()


# -- the embedders under test, opened on the server -------------------------------------------

NAMES = {"openai": "openai:text-embedding-3-small", "cohere": "cohere:embed-v4.0"}
AT_ONCE = {"openai": 2048, "cohere": 96}
QUICK = Backoff(attempts=4, first=0.01, patience=5)


def opened(provider, server, **options):
    path = "/v1" if provider == "openai" else ""
    chosen = {"api_key": KEY, "backoff": QUICK, "dimensions": 256, **options}
    return open_embedder(NAMES[provider], base_url=server.url + path, **chosen)


def expected(provider, text, kind="document", dimension=256):
    return vector_of(text, dimension, "" if provider == "openai" else f"search_{kind}")
