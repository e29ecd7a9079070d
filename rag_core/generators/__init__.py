"""Writing answers: one file a kind of generator."""
