"""Ragscope's library: load, chunk, embed, store, search, answer, measure."""
