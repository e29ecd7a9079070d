"""The tables behind the figures: read off what is drawn."""

import ast
from pathlib import Path

import plotly.graph_objects as go
from plotly.subplots import make_subplots
from streamlit.testing.v1 import AppTest

from ui.figure import rows_of

ROOT = Path(__file__).resolve().parents[1]


def test_points_are_rows_under_the_titles_of_their_axes():
    figure = go.Figure()
    figure.add_scatter(x=[1, 2], y=[0.5, 0.25], name="hnsw", hovertext=["a &lt;b&gt;<br>c", "d"])
    figure.add_scatter(x=[3], y=[1.0], name="flat")
    figure.update_xaxes(title_text="milliseconds")
    figure.update_yaxes(title_text="recall")
    assert rows_of(figure) == [
        {"Series": "hnsw", "milliseconds": 1, "recall": 0.5, "Text": "a <b> · c"},
        {"Series": "hnsw", "milliseconds": 2, "recall": 0.25, "Text": "d"},
        {"Series": "flat", "milliseconds": 3, "recall": 1.0},
    ]


def test_a_matrix_is_a_row_a_line_and_equal_names_stay_apart():
    figure = go.Figure(go.Heatmap(z=[[1, 0.5], [0.5, 1]], x=["one", "one"], y=["one", "two"]))
    assert rows_of(figure) == [
        {"Row": "one", "1 one": 1, "2 one": 0.5},
        {"Row": "two", "1 one": 0.5, "2 one": 1},
    ]


def test_every_part_of_a_figure_has_its_own_axis():
    figure = make_subplots(rows=1, cols=2)
    figure.add_trace(go.Bar(x=["a"], y=[1]), row=1, col=1)
    figure.add_trace(go.Bar(x=["b"], y=[2]), row=1, col=2)
    figure.update_yaxes(title_text="chunks", row=1, col=1)
    figure.update_yaxes(title_text="tokens", row=1, col=2)
    assert rows_of(figure) == [{"across": "a", "chunks": 1}, {"across": "b", "tokens": 2}]


def test_points_in_space_and_bare_numbers_are_rows_too():
    space = go.Figure(go.Scatter3d(x=[1], y=[2], z=[3], customdata=[["p. 4", 7]]))
    assert rows_of(space) == [{"across": 1, "down": 2, "z": 3, "Text": "p. 4"}]
    assert rows_of(go.Figure(go.Histogram(x=[5, 5]))) == [{"across": 5}, {"across": 5}]
    assert rows_of(go.Figure()) == []


def test_what_a_row_says_already_is_not_said_twice():
    figure = go.Figure(go.Scatter(x=["fusion", "rerank"], y=[1, 2], text=["1", "up"]))
    assert rows_of(figure) == [
        {"across": "fusion", "down": 1},
        {"across": "rerank", "down": 2, "Text": "up"},
    ]


def test_the_table_is_drawn_when_it_is_opened():
    def page():
        import plotly.graph_objects as go

        from ui.figure import draw

        draw(go.Figure(go.Bar(x=["a"], y=[1])), key="bars", alt="One bar")

    app = AppTest.from_function(page).run()
    assert not app.exception
    assert not app.dataframe
    app.session_state["bars-numbers"] = True
    app.run()
    assert not app.exception
    assert app.dataframe[0].value.to_dict("records") == [{"across": "a", "down": 1}]


def test_no_page_draws_a_chart_in_any_other_way():
    alone = ROOT / "ui" / "figure.py"
    for path in [*(ROOT / "ui").rglob("*.py"), *(ROOT / "pages").glob("*.py"), ROOT / "app.py"]:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Attribute) and node.attr == "plotly_chart":
                assert path == alone, f"{path.name} draws a chart without its numbers"
