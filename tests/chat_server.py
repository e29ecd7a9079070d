"""An OpenAI-compatible chat server on loopback, for tests: it checks requests and can misbehave."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class ChatServer:
    """Streams `pieces`, `delay` seconds apart, or answers a `status` other than 200 instead."""

    pieces: list[str] = field(default_factory=lambda: ["Hello", " there", " [1]."])
    delay: float = 0.0
    status: int = 200
    break_after: int | None = None
    headers: dict[str, str] = field(default_factory=dict)
    message: str = "no"
    raw: bytes | None = None
    reply: str = "rewritten"
    refused: dict[str, str] = field(default_factory=dict)  # a parameter, and what is said of it
    models: list[str] = field(default_factory=lambda: ["tiny-chat"])
    requests: list[dict] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    url: str = ""


@contextmanager
def chat_server(**behaviour) -> Iterator[ChatServer]:  # noqa: C901 - a server of its own
    state = ChatServer(**behaviour)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_):
            pass

        def do_GET(self):
            models = [{"id": name, "object": "model"} for name in state.models]
            self._json(200, {"object": "list", "data": models})

        def do_POST(self):
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            state.requests.append(body)
            state.keys.append(self.headers.get("Authorization", ""))
            assert body["model"]
            assert all(set(m) == {"role", "content"} for m in body["messages"])
            for name in (name for name in state.refused if name in body):
                self._json(400, {"error": {"message": state.refused[name], "type": "test"}})
                return
            if state.status != 200:
                self._json(state.status, {"error": {"message": state.message, "type": "test"}})
                return
            if not body.get("stream"):
                message = {"role": "assistant", "content": state.reply}
                choice = {"index": 0, "message": message, "finish_reason": "stop"}
                self._json(200, {"id": "c", "object": "chat.completion", "choices": [choice]})
                return
            self.send_response(200)
            self.send_header("Content-Type", "text/event-stream")
            self.send_header("Connection", "close")
            self.end_headers()
            self._stream()

        def _stream(self):
            if state.raw is not None:
                self.wfile.write(state.raw)
                self.close_connection = True
                return
            for number, piece in enumerate(state.pieces):
                if state.break_after == number:
                    self.connection.close()
                    return
                self._event({"choices": [{"index": 0, "delta": {"content": piece}}]})
                time.sleep(state.delay)
            self._event({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]})
            with suppress(BrokenPipeError, ConnectionResetError):
                self.wfile.write(b"data: [DONE]\n\n")
            self.close_connection = True

        def _event(self, values):
            event = {"id": "c", "object": "chat.completion.chunk", "created": 0, "model": "m"}
            with suppress(BrokenPipeError, ConnectionResetError):  # the client gave up
                self.wfile.write(f"data: {json.dumps(event | values)}\n\n".encode())
                self.wfile.flush()

        def _json(self, status, values):
            data = json.dumps(values).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            for name, value in state.headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(data)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    state.url = f"http://127.0.0.1:{server.server_port}/v1"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield state
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
