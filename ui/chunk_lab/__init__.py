"""The chunking page's own widgets, pictures and cached work."""
