"""What every test stands on: a data folder of its own, no keys, no network but this machine."""

import importlib.metadata
import ipaddress
import os
import platform
import socket

import pytest

# Read once by the libraries, when they are imported: so before any test module is.
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["TRANSFORMERS_OFFLINE"] = "1"
os.environ["TOKENIZERS_PARALLELISM"] = "false"

from hash_embedder import HashEmbedder
from hypothesis import settings

from rag_core import open_embedder

# No time decides a test: machines that test are busy.
settings.register_profile("unhurried", deadline=None)
settings.load_profile("unhurried")

_SHOWN = ("chromadb", "torch", "sentence-transformers", "streamlit", "numpy", "pypdf", "openai")
_KEYS = ("OPENAI_", "COHERE_", "PINECONE_", "RAGSCOPE_")
_KEPT = "RAGSCOPE_KILLS"


def pytest_report_header() -> str:
    versions = [f"{name} {importlib.metadata.version(name)}" for name in _SHOWN]
    return f"{platform.machine()}, {os.cpu_count()} cores; {', '.join(versions)}"


@pytest.fixture(autouse=True)
def _own_settings(tmp_path_factory, monkeypatch):
    for name in list(os.environ):
        if name.startswith(_KEYS) and name != _KEPT:
            monkeypatch.delenv(name)
    monkeypatch.setenv("RAGSCOPE_HOME", str(tmp_path_factory.mktemp("home") / "ragscope"))


@pytest.fixture(autouse=True, scope="session")
def _no_network():
    """Refuse every address but this machine's, as a machine without a network would."""
    connect, resolve = socket.socket.connect, socket.getaddrinfo

    def connect_here(self, address):
        if self.family in (socket.AF_INET, socket.AF_INET6) and not _is_here(address[0]):
            raise OSError(f"tests have no network: {address}")
        return connect(self, address)

    def resolve_here(host, *args, **kwargs):
        if not _is_here(host):
            raise socket.gaierror(socket.EAI_AGAIN, f"tests have no network: {host}")
        return resolve(host, *args, **kwargs)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", connect_here)
        patch.setattr(socket, "getaddrinfo", resolve_here)
        yield


def _is_here(host: str | bytes | None) -> bool:
    name = host.decode() if isinstance(host, bytes) else host
    if name in (None, "", "localhost", socket.gethostname()):
        return True
    try:
        address = ipaddress.ip_address(name)
    except ValueError:
        return False
    return address.is_loopback or address.is_unspecified


@pytest.fixture(scope="session")
def embedder():
    """The real all-MiniLM-L6-v2; loading it takes a few seconds, once."""
    return open_embedder()


@pytest.fixture
def hash_embedder():
    """A quick embedder of this test's own."""
    return HashEmbedder()
