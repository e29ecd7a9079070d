import dataclasses
import json

import pytest

from rag_core.errors import LoadError, SettingsError
from rag_core.loaders import Limits, load
from tests.loader_files import text_pdf, word_file


def test_limits_end_the_work():
    page = text_pdf(["one", "two", "three"])
    with pytest.raises(LoadError, match=r"3 pages; the limit is 2.*RAGSCOPE_MAX_PAGES"):
        load("a.pdf", page, limits=Limits(max_pages=2))
    with pytest.raises(LoadError, match="RAGSCOPE_MAX_MB"):
        load("a.txt", b"x" * 101, limits=Limits(max_bytes=100))
    for name, data in {
        "a.txt": b"x" * 101,
        "a.csv": b"a,b\n" + b"1,2\n" * 100,
        "a.json": json.dumps(["x" * 60] * 2).encode(),
        "a.html": b"<p>" + b"x" * 101,
        "a.pdf": text_pdf(["x" * 60, "y" * 60]),
        "a.docx": word_file(),
    }.items():
        with pytest.raises(LoadError, match="RAGSCOPE_MAX_CHARACTERS"):
            load(name, data, limits=Limits(max_characters=100))


def test_limits_come_from_the_environment(monkeypatch):
    assert Limits.from_env({}) == Limits()
    env = {"RAGSCOPE_MAX_MB": "0.5", "RAGSCOPE_MAX_PAGES": "7", "RAGSCOPE_MAX_SECONDS": "1.5",
           "RAGSCOPE_MAX_CHARACTERS": " 9 ", "RAGSCOPE_MAX_MEMORY_MB": "64"}  # fmt: skip
    assert dataclasses.astuple(Limits.from_env(env)) == (524_288, 7, 9, 1.5, 67_108_864)
    monkeypatch.setenv("RAGSCOPE_MAX_CHARACTERS", "3")
    with pytest.raises(LoadError, match="3 characters"):
        load("a.txt", b"four")


@pytest.mark.parametrize("value", ["x", "-1", "0", "nan", "inf", "1e99", "10MB"])
def test_bad_limits_name_their_variable(value):
    with pytest.raises(SettingsError, match="RAGSCOPE_MAX_MB"):
        Limits.from_env({"RAGSCOPE_MAX_MB": value})
    with pytest.raises(ValueError, match="max_pages"):
        Limits(max_pages=0)
