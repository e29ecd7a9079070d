"""Start the server: `python -m ui.serve [options of streamlit run]`.

The same as `streamlit run app.py`, but for one thing. Beside a folder named `pages` Streamlit takes
an app for one of its older kind until its first run, and greets whoever opens a deep link on a cold
server with "Page not found". Told beforehand, it does not.
"""

from __future__ import annotations

import sys
from pathlib import Path

APP = Path(__file__).resolve().parent.parent / "app.py"


def main() -> None:
    """Run the app in this process until it is stopped."""
    from streamlit.runtime.pages_manager import PagesManager
    from streamlit.web import cli

    PagesManager.uses_pages_directory = False
    sys.argv = ["streamlit", "run", str(APP), *sys.argv[1:]]
    cli.main()


if __name__ == "__main__":
    main()
