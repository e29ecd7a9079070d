"""The weights of a sentence-transformers model: read once in a process, whoever uses them."""

from __future__ import annotations

import copy
import gc
import hashlib
import threading
from collections import defaultdict
from collections.abc import Hashable
from functools import cache, cached_property
from pathlib import Path
from typing import TYPE_CHECKING
from weakref import WeakValueDictionary

from rag_core.embedders.loading import LOADING
from rag_core.embedders.packaged import packaged_folder
from rag_core.errors import ModelError

if TYPE_CHECKING:
    import torch
    from sentence_transformers import SentenceTransformer

HUB_SECONDS = 5.0


class Weights:
    """A model as it was loaded. Any number of threads may compute with it at once."""

    def __init__(self, model: SentenceTransformer) -> None:
        self._model = model
        self._lock = threading.Lock()

    def reader(self) -> SentenceTransformer:
        """Return the model with the same weights and a tokenizer of its own.

        A tokenizer serves one thread at a time: so whoever shall not wait for another takes a
        reader.
        """
        first = next(iter(self._model._modules))
        own = copy.copy(self._model._modules[first])
        if not hasattr(own, "processor"):
            return copy.deepcopy(self._model)
        own.processor = copy.deepcopy(own.processor)
        reader = copy.copy(self._model)
        reader._modules = {**self._model._modules, first: own}
        return reader

    @property
    def fingerprint(self) -> str:
        """16 hex digits over weights, dtype, modules, prompts and token limit."""
        with self._lock:
            return self._fingerprint

    @cached_property
    def _fingerprint(self) -> str:
        model = self._model
        digest = hashlib.sha256()
        digest.update(repr((str(model), model.prompts, token_limit(model))).encode())
        for key, tensor in sorted(model.state_dict().items()):
            digest.update(f"{key} {tensor.dtype} {tuple(tensor.shape)}".encode())
            digest.update(_raw(tensor))
        return digest.hexdigest()[:16]


_KEPT: WeakValueDictionary[Hashable, Weights] = WeakValueDictionary()
_LOADED_BY: defaultdict[Hashable, threading.Lock] = defaultdict(threading.Lock)


def weights(name: str, dtype: str, revision: str | None) -> Weights:
    """Return the model, loaded unless somebody in this process uses the same already.

    Thirty collections with a copy each took 3 GB. A folder whose files have changed since is
    another model.

    Raises:
        ModelError: when it cannot be loaded.
    """
    chosen = computing_type(dtype)
    key = (name, chosen, revision, _state(Path(name)))
    with _LOADED_BY[key]:
        found = _KEPT.get(key)
        if found is None:
            found = _KEPT[key] = Weights(_load(name, chosen, revision))
        return found


@cache
def _set_libraries_aside() -> None:
    """Take torch and its like out of the garbage collector's sight, once, before a model is there.

    They stay for good: 440,000 objects. To go over them took every full collection 0.4 s, in which
    nothing else in the process ran.
    """
    gc.collect()
    gc.freeze()


def token_limit(model: SentenceTransformer) -> int:
    """Return how many tokens the model reads, special tokens included."""
    return int(model.max_seq_length or model.tokenizer.model_max_length)


def _state(folder: Path) -> Hashable:
    if not folder.is_dir():
        return None
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    found = [(path, path.stat()) for path in files]
    return tuple((str(path), stat.st_size, stat.st_mtime_ns) for path, stat in found)


def _load(name: str, chosen: torch.dtype, revision: str | None) -> SentenceTransformer:
    from sentence_transformers import SentenceTransformer
    from transformers.utils import logging as transformers_logging

    _set_libraries_aside()
    transformers_logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    folder = packaged_folder(name)
    on_disk = folder is not None or Path(name).is_dir()
    local = on_disk or not _hub_answers(name)
    try:
        with LOADING:
            model = SentenceTransformer(
                str(folder or name),
                device="cpu",
                revision=None if folder else revision,
                local_files_only=local,
                model_kwargs={"dtype": chosen},
            )
    except (OSError, ValueError, ImportError) as error:
        # The library raises OSError for a name it cannot find or reach, and ValueError or
        # ImportError for a folder that holds something else than a model.
        reason = str(error).strip().splitlines()
        raise ModelError(
            f"The embedding model {name!r} cannot be loaded: {reason[0] if reason else error!r}",
            hint="Check the name or folder. A model from the hub needs a network the first time; "
            "'all-MiniLM-L6-v2' works without.",
        ) from error
    return model.eval()


def _hub_answers(name: str) -> bool:
    """Return whether the model hub can be reached, after a few seconds at most.

    Without a network the library would ask six times for every file, and say so after a minute.
    """
    from httpx2 import TransportError
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, OfflineModeIsEnabled

    try:
        HfApi().model_info(name, timeout=HUB_SECONDS)
    except (TransportError, OfflineModeIsEnabled):
        return False
    except (HfHubHTTPError, HFValidationError):
        return True  # it answered; what it thinks of the name, the library will tell
    return True


def computing_type(dtype: str) -> torch.dtype:
    """Return what to compute in; for "auto" bfloat16 where the processor has instructions for it.

    There it is more than twice as fast as float32.
    """
    import torch

    if dtype == "auto":
        dtype = "bfloat16" if torch.cpu.get_capabilities().get("avx512_bf16", False) else "float32"
    return torch.bfloat16 if dtype == "bfloat16" else torch.float32


def _raw(tensor: torch.Tensor) -> bytes:
    import torch

    flat = tensor.detach().cpu().contiguous().view(-1)
    return flat.view(torch.uint8).numpy().tobytes()
