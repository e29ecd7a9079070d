import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from rag_core.errors import Cancelled, LoadError
from rag_core.loaders import Limits, load
from rag_core.loaders.process import POOL
from tests.loader_files import pdf_of, pdf_with, slow_pdf, text_pdf, word_with, zipped

_GOOD = text_pdf(["A good page"])
_LAUGHS = (
    '<!DOCTYPE l [<!ENTITY a "lol">'
    + "".join(f'<!ENTITY a{n} "{f"&a{n - 1};" * 10 if n else "&a;" * 10}">' for n in range(12))
    + "]>"
)


def _still_works() -> bool:
    return load("good.pdf", _GOOD).text == "A good page"


@pytest.mark.parametrize(
    ("name", "make"),
    [
        ("deep.json", lambda: b"[" * 1_000_000 + b"]" * 1_000_000),
        ("deep.jsonl", lambda: b'{"a":' * 500_000),
        ("deep.html", lambda: b"<div>" * 300_000 + b"hi"),
        ("tables.html", lambda: b"<table><tr><td>" * 20_000 + b"hi"),
        ("deep.docx", lambda: word_with("<w:tbl><w:tr><w:tc>" * 5_000)),
        ("laughs.docx", lambda: word_with("<w:p><w:t>&a11;</w:t></w:p>", doctype=_LAUGHS)),
        ("bomb.docx", lambda: zipped({"word/document.xml": bytes(450_000_000)})),
        ("parts.docx", lambda: zipped({f"p{n}": "" for n in range(10_001)})),
        ("field.csv", lambda: b"a,b\n1," + b"x" * 5_000_000),
        ("columns.csv", lambda: b",".join(b"c%d" % n for n in range(200_000))),
        ("line.txt", lambda: b"x" * 100_000_000),
        ("line.json", lambda: b'"' + b"x" * 60_000_000 + b'"'),
        ("huge.txt", lambda: bytes(101 * 1024 * 1024)),
        (
            "deep.pdf",
            lambda: pdf_of([b"<</Pages 2 0 R/X " + b"<</A " * 50_000 + b">>" * 50_000 + b">>"]),
        ),
        (
            "array.pdf",
            lambda: pdf_with([b"BT /F1 9 Tf " + b"[" * 100_000 + b"]" * 100_000 + b" TJ ET"]),
        ),
        ("bomb.pdf", lambda: pdf_with([bytes(200_000_000)], packed=True)),
    ],
)
def test_hostile_files_are_refused_and_the_next_one_loads(name, make):
    data = make()
    start = time.monotonic()
    with pytest.raises(LoadError) as caught:
        load(name, data)
    assert time.monotonic() - start < 30
    assert caught.value.name == name
    assert caught.value.hint
    assert _still_works()


def test_a_zip_that_lies_about_its_sizes():
    data = bytearray(word_with("<w:p><w:r><w:t>" + "x" * 5_000_000 + "</w:t></w:r></w:p>"))
    for marker, offset in ((b"PK\x01\x02", 24), (b"PK\x03\x04", 22)):
        position = data.find(marker)
        while position >= 0:
            data[position + offset : position + offset + 4] = (10).to_bytes(4, "little")
            position = data.find(marker, position + 4)
    with pytest.raises(LoadError, match="Word document"):
        load("a.docx", bytes(data))


@pytest.mark.kill
def test_the_time_limit_ends_the_process_and_the_next_file_loads():
    assert _still_works()
    before = POOL.pids()
    start = time.monotonic()
    with pytest.raises(LoadError, match=r"limit of 1\.5 seconds.*RAGSCOPE_MAX_SECONDS"):
        load("slow.pdf", slow_pdf(), limits=Limits(max_seconds=1.5))
    assert time.monotonic() - start < 10
    assert not any(_alive(pid) for pid in before)
    assert _still_works()


def test_the_memory_limit_ends_the_work():
    data = b"[" + b"[]," * 3_000_000 + b"1]"
    with pytest.raises(LoadError, match=r"more memory.*64 MB.*RAGSCOPE_MAX_MEMORY_MB"):
        load("a.json", data, limits=Limits(max_memory_bytes=64 * 2**20))
    assert _still_works()
    assert load("a.json", b"[1]", limits=Limits(max_memory_bytes=64 * 2**20)).text == "1"


@pytest.mark.kill
def test_cancelling_ends_the_work_at_once():
    start = time.monotonic()

    def stop(progress):
        if time.monotonic() - start > 0.5:
            raise Cancelled

    with pytest.raises(Cancelled):
        load("slow.pdf", slow_pdf(), on_progress=stop)
    assert time.monotonic() - start < 10
    assert _still_works()


@pytest.mark.kill
def test_a_reader_killed_in_mid_work_is_a_load_error():
    assert _still_works()
    (pid,) = POOL.pids()

    def kill(progress):
        if time.monotonic() - start > 0.5 and _alive(pid):
            os.kill(pid, signal.SIGKILL)

    start = time.monotonic()
    with pytest.raises(LoadError, match="ended suddenly"):
        load("slow.pdf", slow_pdf(), on_progress=kill)
    assert _still_works()


@pytest.mark.kill
def test_a_reader_killed_while_idle_is_replaced_without_a_word():
    assert _still_works()
    for pid in POOL.pids():
        os.kill(pid, signal.SIGKILL)
    assert _still_works()


def test_readers_are_reused_and_shared_by_threads():
    results = []
    threads = [
        threading.Thread(
            target=lambda n=n: results.append(load(f"{n}.pdf", text_pdf([f"Page of {n}"])).text)
        )
        for n in range(12)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(results) == sorted(f"Page of {n}" for n in range(12))
    before = POOL.pids()
    assert 1 <= len(before) <= 2
    assert _still_works()
    assert set(POOL.pids()) == set(before)


@pytest.mark.kill
def test_readers_end_with_their_parent_and_work_from_any_folder(tmp_path):
    script = (
        "import os, sys\n"
        "from rag_core.loaders import load\n"
        "from rag_core.loaders.process import POOL\n"
        "print(load('a.csv', b'a,b\\n1,2').text, POOL.pids()[0], flush=True)\n"
        "os.kill(os.getpid(), 9)\n"
    )
    root = Path(__file__).resolve().parents[1]
    (tmp_path / "json.py").write_text("raise SystemExit('shadowed')")
    done = subprocess.run(
        [sys.executable, "-P", "-c", script],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(root)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    *text, pid = done.stdout.split()
    assert text == ["a:", "1;", "b:", "2"], done.stderr
    deadline = time.monotonic() + 10
    while _alive(int(pid)) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not _alive(int(pid))


def test_readers_do_not_inherit_secrets(monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    POOL.close()
    assert _still_works()
    environ = Path(f"/proc/{POOL.pids()[0]}/environ")
    if not environ.exists():
        pytest.skip("no /proc here")
    assert b"sk-secret" not in environ.read_bytes()


def _alive(pid: int) -> bool:
    """Whether the process runs; one that has ended but was not waited for does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False
