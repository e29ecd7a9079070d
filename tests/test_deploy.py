"""The compose files under deploy: all they start is pinned, watched, and for this machine alone."""

import re
import subprocess
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from urllib.parse import urlsplit

import pytest
import yaml
from store_servers import engine

from rag_core import StoreError, open_store
from rag_core.store_choice import check_url, secrets_of

FOLDER = Path(__file__).resolve().parent.parent / "deploy"
FILES = sorted(FOLDER.glob("docker-compose.*.yml"))


@pytest.fixture(params=FILES, ids=lambda path: path.name.split(".")[1])
def services(request):
    return read(request.param)


def read(path):
    return yaml.safe_load(path.read_text(encoding="utf-8"))["services"]


def test_there_is_one_for_each_kind_of_server():
    assert [path.name.split(".")[1] for path in FILES] == ["chroma", "postgres", "qdrant"]


def test_images_are_pinned_to_a_version(services):
    for name, service in services.items():
        if "build" not in service:
            assert re.fullmatch(r"[\w/.-]+:v?\d+\.\d+\.\d+[\w.-]*", service["image"]), name
            continue
        dockerfile = FOLDER / service["build"]["context"] / service["build"]["dockerfile"]
        assert re.search(r"^FROM python:3\.\d+", dockerfile.read_text(), re.MULTILINE), name


def test_every_service_has_a_health_check(services):
    for name, service in services.items():
        if "build" in service:
            dockerfile = FOLDER / service["build"]["context"] / service["build"]["dockerfile"]
            assert re.search(r"^HEALTHCHECK CMD .", dockerfile.read_text(), re.MULTILINE), name
            continue
        check = service["healthcheck"]
        assert check["test"][0] == "CMD", name
        assert check["retries"] >= 10, f"{name}: a first start takes some seconds"
        assert {"interval", "timeout"} <= check.keys(), name


def test_the_app_waits_until_its_store_is_healthy(services):
    others = {name: {"condition": "service_healthy"} for name in services if name != "app"}
    assert services["app"]["depends_on"] == others


def test_only_the_app_is_published_and_to_this_machine_alone(services):
    for name, service in services.items():
        ports = service.get("ports", [])
        assert bool(ports) == (name == "app")
        for port in ports:
            assert str(port).startswith("127.0.0.1:"), (name, port)


def test_the_app_is_given_a_store_that_it_can_read(services):
    url = services["app"]["environment"]["RAGSCOPE_STORE"]
    check_url(url)
    assert secrets_of(url) == [], "a password belongs into a variable of its own"
    parts = urlsplit(url)
    assert parts.hostname in services
    # Nothing listens here: what is left to complain of is that, and no option of the url.
    user = f"{parts.username}@" if parts.username else ""
    nowhere = parts._replace(netloc=f"{user}127.0.0.1:1").geturl()
    with pytest.raises(StoreError):
        open_store(nowhere, collection="abc", dimension=8)


def test_secrets_are_asked_for_and_stand_in_no_file():
    for path in FILES:
        for name, service in read(path).items():
            for key, value in service.get("environment", {}).items():
                if re.search(r"PASSWORD|API_KEY", key):
                    assert re.fullmatch(r"\$\{\w+:\?set \w+\}", value), (path.name, name, key)


# -- the health checks themselves, run as Docker would --------------------------------------------


def healthy(name, service, port):
    """Run a service's check against a port of this machine in place of its own."""
    (path,) = (path for path in FILES if path.name.split(".")[1] == name)
    command = [part.replace("$$", "$") for part in read(path)[service]["healthcheck"]["test"][1:]]
    command = [re.sub(r"127\.0\.0\.1/\d+", f"127.0.0.1/{port}", part) for part in command]
    return subprocess.run(command, capture_output=True, timeout=30).returncode == 0


def test_the_check_of_the_chroma_server_follows_a_real_one(tmp_path):
    with engine("chroma+http", tmp_path) as server:
        port = urlsplit(server.url.removeprefix("chroma+")).port
        assert healthy("chroma", "chroma", port)
        server.stop()
        assert not healthy("chroma", "chroma", port)


@contextmanager
def answering(code):
    """Serve a Qdrant node's readiness, and nothing else."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            self.send_response(code if self.path == "/readyz" else 404)
            self.end_headers()

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()


@pytest.mark.parametrize(("code", "expected"), [(200, True), (503, False), (404, False)])
def test_the_check_of_a_qdrant_node_asks_whether_it_is_ready(code, expected):
    with answering(code) as port:
        assert healthy("qdrant", "qdrant-2", port) is expected
