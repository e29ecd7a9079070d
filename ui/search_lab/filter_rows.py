"""The filter builder: rows of field, operator and value, from what the collection really has."""

from __future__ import annotations

import json
from typing import Any

import streamlit as st

from rag_core.errors import FilterError
from rag_core.search_lab.conditions import (
    OPERATORS,
    Condition,
    Field,
    conditions_of,
    fields_of,
    where_of,
)
from ui import services
from ui.errors import boundary

_MOST = 4
_KEY = "filter_rows"
_NUMERIC = ("at least", "more than", "at most", "less than")
_LISTS = ("is one of", "is none of")


@st.cache_data(show_spinner=False, max_entries=16)
def _fields(collection: str, generation: int) -> list[Field]:
    return fields_of(services.pipeline(collection).home.catalog.chunks(collection))


def build(collection: str) -> dict[str, Any] | None:
    """Ask for the filter, and return it; None without one. The link carries it as JSON."""
    catalog = services.pipeline(collection).home.catalog
    fields = {field.name: field for field in _fields(collection, catalog.generation(collection))}
    rows, every = _state(fields)
    count = f" ({len(rows)})" if rows else ""
    with st.popover(f"Filter{count}", icon=":material/filter_alt:", key="filter"):
        if not fields:
            st.caption("An empty collection has no fields.")
            return None
        if len(rows) > 1:
            every = st.segmented_control(
                "Of these rows", ["all", "any"], default="all" if every else "any",
                required=True, key="filter_every",
            ) == "all"  # fmt: skip
        made = [_row(place, row, fields) for place, row in enumerate(rows)]
        with st.container(horizontal=True):
            st.button(
                "Add a row", key="add_row", icon=":material/add:", disabled=len(rows) >= _MOST,
                on_click=_add, args=("name" if "name" in fields else next(iter(fields)),),
            )  # fmt: skip
            if rows:
                st.button("Remove all", key="clear_rows", type="tertiary", on_click=_clear)
        where = None
        with boundary():
            where = where_of([row for row in made if row.value not in (None, [])], every=every)
        st.session_state[_KEY] = made, every  # other pages drop the widgets, and not this
    _share(where)
    return where


def _state(fields: dict[str, Field]) -> tuple[list[Condition], bool]:
    """Return the rows: those being edited, or those of the link."""
    if _KEY not in st.session_state:
        st.session_state[_KEY] = _linked(fields)
    kept: tuple[list[Condition], bool] = st.session_state[_KEY]
    return kept


def _linked(fields: dict[str, Field]) -> tuple[list[Condition], bool]:
    try:
        found = conditions_of(json.loads(st.query_params.get("where") or "null"))
    except (ValueError, RecursionError, FilterError):
        found = None  # a spoilt link opens the page without a filter
    rows, every = found or ([], True)
    return [row for row in rows if row.field in fields][:_MOST], every


def _row(place: int, row: Condition, fields: dict[str, Field]) -> Condition:
    left, middle, right, end = st.columns([4, 3, 5, 2], vertical_alignment="bottom")
    names = list(fields)
    name = left.selectbox(
        "Field", names, names.index(row.field), key=f"field-{place}",
        label_visibility="collapsed",
    )  # fmt: skip
    field = fields[name or names[0]]
    words = [word for word in OPERATORS if field.numeric or word not in _NUMERIC]
    if field.numeric:
        words.remove("contains")
    operator = middle.selectbox(
        "Operator", words, words.index(row.operator) if row.operator in words else 0,
        key=f"operator-{place}-{field.name}", label_visibility="collapsed",
    )  # fmt: skip
    with right:
        value = _value(place, field, operator or words[0], row.value)
    end.button(
        "Remove", key=f"remove-{place}", icon=":material/close:", type="tertiary",
        on_click=_remove, args=(place,),
    )  # fmt: skip
    return Condition(field.name, operator or words[0], value)


def _value(place: int, field: Field, operator: str, value: Any) -> Any:  # noqa: ANN401
    key = f"value-{place}-{field.name}-{operator}"
    look: dict[str, Any] = {"key": key, "label_visibility": "collapsed"}
    if operator in _LISTS:
        chosen = value if isinstance(value, list) else []
        known = [one for one in chosen if one in field.values]
        return st.multiselect("Values", list(field.values), known, **look)
    if operator == "contains":
        return st.text_input("Text", value if isinstance(value, str) else "", **look) or None
    if operator in _NUMERIC:
        usual = value if isinstance(value, int | float) else sorted(field.values)[0]
        return st.number_input("Number", value=usual, **look)
    options = list(field.values)
    place_of = options.index(value) if value in options else 0
    return st.selectbox("Value", options, place_of, format_func=str, **look)


def _share(where: dict[str, Any] | None) -> None:
    if where is None:
        st.query_params.pop("where", None)
    else:
        st.query_params["where"] = json.dumps(where, ensure_ascii=False, sort_keys=True)


def _add(name: str) -> None:
    rows, every = st.session_state[_KEY]
    st.session_state[_KEY] = [*rows, Condition(name, "is", None)], every


def _remove(place: int) -> None:
    # The rows behind it move up, and their widgets with them: what was chosen is read back.
    rows, every = st.session_state[_KEY]
    kept = [_chosen(number, row) for number, row in enumerate(rows) if number != place]
    for key in [key for key in st.session_state if str(key).startswith(("field-", "operator-"))]:
        del st.session_state[key]
    st.session_state[_KEY] = kept, every


def _chosen(place: int, row: Condition) -> Condition:
    field = st.session_state.get(f"field-{place}", row.field)
    operator = st.session_state.get(f"operator-{place}-{field}", row.operator)
    value = st.session_state.get(f"value-{place}-{field}-{operator}", row.value)
    return Condition(field, operator, value)


def _clear() -> None:
    st.session_state[_KEY] = [], True
