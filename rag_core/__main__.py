"""`python -m rag_core`: see `rag_core.cli`."""

from rag_core.cli import main

main(prog_name="python -m rag_core")
