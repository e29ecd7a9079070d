"""The search page's parts: one panel a file."""
