"""The invitation: the audience's link, and the same as a QR code, made on this machine."""

from __future__ import annotations

import io
from urllib.parse import urlsplit

import segno
import streamlit as st

_LOOPBACK = ("localhost", "127.0.0.1", "::1")


def show(here: str) -> None:
    """Draw the link and its code; `here` is how this browser reaches the app."""
    typed = st.text_input(
        "Address that others reach this machine by", here, key="invite_address",
        max_chars=200, persist_state="session",
    )  # fmt: skip
    link = audience_link(typed or here)
    if link is None:
        st.warning(
            "Write it with http:// or https://, for instance http://192.168.1.20:8501.",
            icon=":material/link_off:",
        )
        return
    if urlsplit(link).hostname in _LOOPBACK:
        st.caption(
            ":material/info: This address opens on this machine alone. To let others in, start "
            "the server on an address of your network, and put that address above."
        )
    st.image(qr_png(link), width=280, alt=f"QR code of {link}")
    st.code(link, language=None)


def audience_link(address: str) -> str | None:
    """Return the audience's page below an address, or None when that is no web address."""
    try:
        parts = urlsplit(address.strip())
        host = parts.hostname
    except ValueError:
        return None
    if parts.scheme not in ("http", "https") or not host:
        return None
    return f"{parts.scheme}://{parts.netloc}{parts.path.rstrip('/')}/audience"


@st.cache_data(show_spinner=False, max_entries=16)
def qr_png(link: str) -> bytes:
    """Return a picture of the link's QR code, dark on light in every theme so that cameras read."""
    picture = io.BytesIO()
    segno.make(link, error="m", micro=False).save(picture, kind="png", scale=8, border=4)
    return picture.getvalue()
