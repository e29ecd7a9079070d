"""One model is loaded at a time in a process."""

import threading

LOADING = threading.Lock()
"""Held while a model is made.

Transformers makes a model by setting torch's default type, which the whole process shares: of two
models made at the same moment one could come out half in bfloat16 and half in float32, and would
fail at its first text.
"""


def on_one_core() -> None:
    """Let this thread's models compute on one core from now on: the others are for others.

    PyTorch keeps the number for each thread, and gives new threads the one that was set last: so
    another thread sets it back.
    """
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    back = threading.Thread(target=torch.set_num_threads, args=(before,))
    back.start()
    back.join()
