"""What is Chroma's own, and how a store is chosen; the contract is in test_store_conformance.py."""

import pytest

from rag_core import open_store
from rag_core.errors import SettingsError, StoreError


def test_an_unknown_scheme_lists_the_known_ones():
    with pytest.raises(ValueError, match="did you mean chroma"):
        open_store("chrma:///x", collection="abc", dimension=2)


def test_a_name_chroma_refuses_and_a_path_that_is_a_file(tmp_path):
    with pytest.raises(StoreError, match="could not be opened"):
        open_store(f"chroma://{tmp_path}/a", collection="a!", dimension=2)
    (tmp_path / "file").write_text("x")
    with pytest.raises(StoreError, match="could not be opened"):
        open_store(f"chroma://{tmp_path}/file", collection="abc", dimension=2)


def test_an_option_that_chroma_does_not_take_is_named(tmp_path):
    with pytest.raises(SettingsError, match="'tenat'"):
        open_store("chroma+http://127.0.0.1:1?tenat=x", collection="abc", dimension=2)
    with pytest.raises(SettingsError, match="'tenant'"):
        open_store(f"chroma://{tmp_path}/a?tenant=x", collection="abc", dimension=2)
