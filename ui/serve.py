"""Start the server: `python -m ui.serve [options of streamlit run]`.

The same as `streamlit run app.py`, but for one thing. Beside a folder named `pages` Streamlit takes
an app for one of its older kind until its first run, and greets whoever opens a deep link on a cold
server with "Page not found". Told beforehand, it does not.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from ui import access

_DEFAULT = "127.0.0.1"  # .streamlit/config.toml says so too
APP = Path(__file__).resolve().parent.parent / "app.py"


def main() -> None:
    """Run the app in this process until it is stopped."""
    from streamlit.runtime.pages_manager import PagesManager
    from streamlit.web import cli

    arguments = sys.argv[1:]
    if why := access.refusal(address_of(arguments)):
        raise SystemExit(f"{why}\n{access.HINT}")
    PagesManager.uses_pages_directory = False
    sys.argv = ["streamlit", "run", str(APP), *sys.argv[1:]]
    cli.main()


def address_of(arguments: list[str]) -> str:
    """Return the address the server will be bound to, as Streamlit reads its settings."""
    for place, argument in enumerate(arguments):
        name, equals, value = argument.partition("=")
        if name == "--server.address":
            return value if equals else "".join(arguments[place + 1 : place + 2])
    given = os.environ.get("STREAMLIT_SERVER_ADDRESS")
    return _DEFAULT if given is None else given


if __name__ == "__main__":
    main()
