"""An OpenID Connect provider on loopback, for tests: it signs with RS256 and can misbehave."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlencode, urlsplit

from joserfc import jwt
from joserfc.jwk import RSAKey

CLIENT, SECRET = "ragscope-tests", "a-client-secret-for-tests"


@dataclass
class Provider:
    """Logs everybody in as `email`, unless it `refuses` or `forges`: signs with another key."""

    email: str = "viewer@example.org"
    verified: bool = True
    refuses: bool = False
    forges: bool = False
    url: str = ""
    asked: list[str] = field(default_factory=list)


@contextmanager
def oidc_provider() -> Iterator[Provider]:  # noqa: C901 - a server of its own
    shown, another = RSAKey.generate_key(2048), RSAKey.generate_key(2048)
    state = Provider()
    nonces: dict[str, str] = {}

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_):
            pass

        def do_GET(self):
            parts = urlsplit(self.path)
            state.asked.append(parts.path)
            if parts.path == "/.well-known/openid-configuration":
                self._json(metadata())
            elif parts.path == "/keys":
                key = {**shown.as_dict(private=False), "kid": "one", "use": "sig", "alg": "RS256"}
                self._json({"keys": [key]})
            elif parts.path == "/authorize":
                self._authorize(dict(_pairs(parts.query)))
            else:
                self.send_error(404)

        def do_POST(self):
            form = dict(_pairs(self.rfile.read(int(self.headers["Content-Length"])).decode()))
            state.asked.append(self.path)
            token = id_token(nonces.pop(form["code"]))
            self._json({"access_token": "a", "token_type": "Bearer", "id_token": token})

        def _authorize(self, query):
            assert query["client_id"] == CLIENT
            back = {"state": query["state"]}
            if state.refuses:
                back |= {"error": "access_denied", "error_description": "not today"}
            else:
                code = f"code-{len(state.asked)}"
                nonces[code] = query.get("nonce", "")
                back |= {"code": code}
            self.send_response(302)
            self.send_header("Location", f"{query['redirect_uri']}?{urlencode(back)}")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def _json(self, values):
            data = json.dumps(values).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

    def metadata() -> dict:
        return {
            "issuer": state.url, "authorization_endpoint": f"{state.url}/authorize",
            "token_endpoint": f"{state.url}/token", "jwks_uri": f"{state.url}/keys",
            "response_types_supported": ["code"], "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["RS256"],
        }  # fmt: skip

    def id_token(nonce: str) -> str:
        now = int(time.time())
        claims = {
            "iss": state.url, "aud": CLIENT, "sub": state.email, "iat": now, "exp": now + 600,
            "nonce": nonce, "email": state.email, "email_verified": state.verified,
        }  # fmt: skip
        key = another if state.forges else shown
        return jwt.encode({"alg": "RS256", "kid": "one"}, claims, key, algorithms=["RS256"])

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    state.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield state
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _pairs(query: str) -> Iterator[tuple[str, str]]:
    return ((name, values[0]) for name, values in parse_qs(query).items())
