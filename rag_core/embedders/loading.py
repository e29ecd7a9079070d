"""One model is loaded at a time in a process."""

import threading

LOADING = threading.Lock()
"""Held while a model is made.

Transformers makes a model by setting torch's default type, which the whole process shares: of two
models made at the same moment one could come out half in bfloat16 and half in float32, and would
fail at its first text.
"""
