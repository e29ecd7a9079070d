"""What the chunking page asks, answered without a browser: cuts, marks, ranks, exports."""
