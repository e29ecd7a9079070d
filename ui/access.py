"""Who sits before the screen: their role, by login where there is one."""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Mapping
from typing import Any

import streamlit as st
from streamlit.errors import StreamlitSecretNotFoundError

from rag_core.access import ROLES, Role, read_only, set_default
from rag_core.errors import AccessError, SettingsError
from ui import login_tries

HINT = (
    "Everybody who can reach this address could add and delete documents. Set up a login "
    "([auth] in .streamlit/secrets.toml, see the README), or make the instance read-only with "
    "RAGSCOPE_READ_ONLY=1, or say that the network is trusted with RAGSCOPE_OPEN_NETWORK=1."
)


def trusted_network() -> bool:
    """Return whether RAGSCOPE_OPEN_NETWORK says that everybody in reach may do everything."""
    return os.environ.get("RAGSCOPE_OPEN_NETWORK", "").strip().lower() in ("1", "true", "yes", "on")


def refusal(address: str) -> str:
    """Return why a server must not be bound to this address, or nothing if it may be."""
    safe = is_loopback(address) or read_only() or login_configured() or trusted_network()
    return (
        "" if safe else f"This server is bound to {address or 'every interface'}, without a login."
    )


def check_address() -> None:
    """Refuse to work where strangers could change everything.

    Raises:
        SettingsError: with the ways out.
    """
    if st.runtime.exists() and (why := refusal(str(st.get_option("server.address") or ""))):
        raise SettingsError(why, hint=HINT)


def login_configured() -> bool:
    """Return whether .streamlit/secrets.toml sets up a login."""
    return bool(_secrets("auth"))


def check_login() -> None:
    """Refuse to work for somebody who is not logged in where there is a login.

    Raises:
        AccessError: with the way in.
    """
    if login_configured() and not _is_logged_in():
        raise AccessError("You are not logged in.", hint="Open the app's first page to log in.")


def role() -> Role:
    """Return the role of whoever looks at this session: a viewer until the login knows more."""
    if not login_configured():
        return "viewer" if read_only() else "admin"
    if not _is_logged_in():
        return "viewer"
    return role_of(str(st.user.get("email") or ""), bool(st.user.get("email_verified", True)))


def role_of(email: str, verified: bool = True) -> Role:
    """Return the role that the settings give to an address; "default" is for all others."""
    given = _secrets("roles")
    if verified and email:
        for name in reversed(ROLES):
            if email.casefold() in {str(one).casefold() for one in given.get(name, ())}:
                return name
    usual = given.get("default", "viewer")
    return usual if usual in ROLES and usual != "admin" else "viewer"


def logged_in() -> bool:
    """Return whether the page may be shown; if not, ask for the login in its place."""
    if not login_configured():
        return True
    set_default("viewer")  # code that nobody is known to act for may change nothing
    if _is_logged_in():
        login_tries.done()
        return True
    st.title("Ragscope", anchor=False)
    st.markdown("Log in to look at this instance.")
    if login_tries.failed():
        st.error(
            "You are not logged in: the last try ended without an answer from the login provider "
            "that can be trusted. Try again; if it stays so, whoever runs this instance finds the "
            "reason in its log.",
            icon=":material/lock:",
        )
    st.button("Log in", key="log_in", type="primary", on_click=_log_in)
    return False


def show() -> None:
    """Say in the sidebar who is logged in and what they may do."""
    if login_configured() and _is_logged_in():
        with st.container(horizontal=True, vertical_alignment="center"):
            st.caption(f":material/person: {role()}")
            st.button("Log out", key="log_out", type="tertiary", on_click=st.logout)
    elif read_only():
        st.caption(":material/lock: Read-only")


def may_edit() -> bool:
    """Return whether controls that change something are worth showing."""
    return role() != "viewer"


def is_loopback(address: str) -> bool:
    """Return whether a server that is bound to this address is reached from this machine alone."""
    if address.strip().lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(address.strip()).is_loopback
    except ValueError:
        return False  # a name, or nothing: every interface


def _log_in() -> None:
    login_tries.begin()
    st.login()


def _is_logged_in() -> bool:
    # By `get`: where Streamlit itself sees no [auth], the user has no such attribute
    return bool(st.user.get("is_logged_in", False))


def _secrets(section: str) -> Mapping[str, Any]:
    try:
        found = st.secrets.get(section, {})
    except (StreamlitSecretNotFoundError, FileNotFoundError):
        return {}
    return found if isinstance(found, Mapping) else {}
