"""The similarity page's parts: one panel a file."""
