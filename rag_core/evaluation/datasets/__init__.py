"""Question sets, one file a format; every one becomes a `Dataset`."""
