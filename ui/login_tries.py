"""Which browsers set out to log in and came back without one.

A provider that refuses, or signs with a wrong key, sends people back to the same page as before:
Streamlit writes the reason to the log and shows nothing. The new session knows the browser again by
the cookie that Streamlit gives everybody against forged requests.
"""

from __future__ import annotations

import hashlib
import threading
import time
from collections import OrderedDict

import streamlit as st

_COOKIE = "_streamlit_xsrf"
_SECONDS = 600.0
_MOST = 1_000  # browsers remembered
_begun: OrderedDict[str, float] = OrderedDict()
_lock = threading.Lock()


def begin() -> None:
    """Note that this browser goes to the login provider now; for callbacks."""
    if browser := _browser():
        with _lock:
            _begun[browser] = time.monotonic()
            _begun.move_to_end(browser)
            while len(_begun) > _MOST:
                _begun.popitem(last=False)
    st.session_state["login_begun"] = True


def failed() -> bool:
    """Return whether this browser, not logged in, set out to log in a short while ago."""
    if st.session_state.get("login_begun"):
        return False  # still on its way
    with _lock:
        begun = _begun.get(_browser())
    return begun is not None and time.monotonic() - begun < _SECONDS


def done() -> None:
    """Forget this browser's try: it is logged in."""
    with _lock:
        _begun.pop(_browser(), None)


def _browser() -> str:
    # "2|mask|masked token|time": the mask is another one in every answer, the token stays
    parts = str(st.context.cookies.get(_COOKIE, "")).strip("\"'").split("|")
    try:
        mask, masked = bytes.fromhex(parts[1]), bytes.fromhex(parts[2])
    except (IndexError, ValueError):
        return ""
    token = bytes(byte ^ mask[place % len(mask)] for place, byte in enumerate(masked))
    return hashlib.sha256(token).hexdigest()
