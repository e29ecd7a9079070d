"""Questions that come by themselves: thumbs that were given, and what a chat model asks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import streamlit as st

from rag_core.access import acting_as
from rag_core.datatypes import content_id
from rag_core.errors import Cancelled, SettingsError
from rag_core.evaluation import (
    CollectionQuestions,
    Question,
    chat_questions,
    cloze_questions,
    collection_dataset,
    generate_questions,
)
from rag_core.evaluation.questions import placed, texts_of
from rag_core.generators.chat import ChatGenerator
from rag_core.protocols import OnProgress
from ui import access, errors, services
from ui.background import Run
from ui.chat import model_choice
from ui.errors import boundary
from ui.evaluation_lab.question_sets import documents
from ui.text import number, plain

_RUN = "generating"
_EVERY = 0.7  # seconds
Made = tuple[list[Question], list[str]]


def keep(collection: str, questions: Sequence[Question]) -> None:
    """Keep questions with the collection, and say so; for callbacks.

    Raises:
        SettingsError: for more than a collection can have.
        AccessError: for a viewer.
    """
    own = CollectionQuestions(services.pipeline(collection).home.settings, collection)
    try:
        own.add_all(questions)
    except ValueError as error:
        raise SettingsError(f"They cannot be kept: {error}.", hint="Delete some.") from error
    st.toast(f"{number(len(questions), 'question')} kept.", icon=":material/check:")


def change(collection: str, question: Question, text: str, answer: str) -> None:
    """Keep a question's new words and answers; for callbacks.

    Raises:
        SettingsError: for an empty question, or one that was deleted meanwhile.
    """
    answers = tuple(part.strip() for part in answer.split(" / ") if part.strip())
    own = CollectionQuestions(services.pipeline(collection).home.settings, collection)
    try:
        own.edit(replace(question, text=text, answers=answers))
    except ValueError as error:
        raise SettingsError("Question: it is empty.", hint="Type its words.") from error
    except KeyError as error:
        raise SettingsError("This question was deleted meanwhile.") from error


def from_thumbs(collection: str) -> None:
    """Offer the answers in Chat that got a thumb up."""
    st.markdown(
        "A thumb up on the **Search** page makes a question at once. Thumbs in **Chat** are "
        "imported here: the question as it was searched for, with the places the answer cites."
    )
    pipeline = services.pipeline(collection)
    known = {question.id for question in _own(collection)}
    given = [
        each for each in chat_questions(pipeline.home.path, collection) if each.id not in known
    ]
    generation = pipeline.home.catalog.generation(collection)
    texts = texts_of(documents(collection, generation).documents)
    there, gone = placed(given, texts.get)
    for question in there[:10]:
        st.markdown(f":material/thumb_up: {plain(question.text, limit=200)}")
    if gone:
        st.caption(f"{number(len(gone), 'question')} about what is not in the documents any more.")
    if not there:
        st.info(
            "There is no new thumb up in Chat about this collection.", icon=":material/thumb_up:"
        )
        return
    st.button(
        f"Import {number(len(there), 'question')}", key="import_thumbs", type="primary",
        on_click=_keep, args=(collection, there),
    )  # fmt: skip


def generate(collection: str) -> None:
    """Let the chat model ask; without one, make cloze questions and say so."""
    run: Run[Made] | None = st.session_state.get(_RUN)
    choice = model_choice.current()
    count = st.slider("Questions", 5, 100, 20, 5, key="how_many", bind="query-params")
    if choice.kind == "extractive":
        st.info(
            "No chat model is set, so these are cloze questions: informative sentences with a word "
            "left out. They repeat the words of the text, which makes them easier than what people "
            "ask. With a chat model (sidebar) real questions are asked.",
            icon=":material/quiz:",
        )
        st.button(
            f"Make {count} cloze questions", key="make_cloze", type="primary",
            icon=":material/auto_awesome:", on_click=_cloze, args=(collection, int(count)),
        )  # fmt: skip
        return
    st.caption(
        f"{plain(choice.label)} reads passages of your documents, one call each, at most "
        f"{2 * int(count)} calls. A question is kept only when the words it rests on stand in the "
        "document exactly as the model says."
    )
    st.button(
        f"Generate {count} questions", key="generate", type="primary",
        icon=":material/auto_awesome:", disabled=run is not None and run.busy,
        on_click=_start, args=(collection, int(count)),
    )  # fmt: skip
    if run is not None:
        _follow(run)


def _follow(run: Run[Made]) -> None:
    if run.busy:
        st.fragment(run_every=_EVERY)(_pulse)(run)
    elif isinstance(run.error, Cancelled):
        st.info("Stopped; nothing was kept.", icon=":material/stop_circle:")
    elif run.error is not None:
        errors.show(run.error.message, run.error.hint)
    elif run.outcome is not None:
        questions, remarks = run.outcome
        st.success(f"{number(len(questions), 'question')} kept.", icon=":material/check:")
        if remarks:
            with st.expander(f"{number(len(remarks), 'question')} thrown away", key="refused"):
                for remark in remarks[:40]:
                    st.markdown(f":small[{plain(remark, limit=240)}]")


def _pulse(run: Run[Made]) -> None:
    if not run.busy:
        st.rerun()  # what was kept stands outside of this fragment
    step = run.progress
    share = min(1.0, step.done / step.total) if step.total else 0.0
    st.progress(share, text=f"{step.done} of {step.total} questions. {plain(step.name, limit=60)}")
    st.button("Cancel", key="cancel_making", icon=":material/stop_circle:", on_click=run.cancel)


def _start(collection: str, count: int) -> None:
    with boundary():
        model = model_choice.generator() or model_choice.current().chat()
        if not isinstance(model, ChatGenerator):
            raise SettingsError("No chat model is set.", hint="Choose one in the sidebar.")
        dataset = collection_dataset(services.pipeline(collection), ())
        who = access.role()

        def work(report: OnProgress) -> Made:
            made = generate_questions(dataset.documents, model, count, on_progress=report)
            with acting_as(who):  # the thread does not inherit the role of whoever started it
                own = services.pipeline(collection).home.settings
                CollectionQuestions(own, collection).add_all(made[0])
            return made

        st.session_state[_RUN] = Run(work)


def _cloze(collection: str, count: int) -> None:
    with boundary():
        dataset = collection_dataset(services.pipeline(collection), ())
        made = cloze_questions(dataset.documents, count=count)
        if not made:
            raise SettingsError(
                "No sentence of these documents makes a cloze question.",
                hint="Write questions of your own, or choose a chat model in the sidebar.",
            )
        named = [replace(each, id=f"cloze-{content_id(each.text)[:10]}") for each in made]
        keep(collection, named)


def _keep(collection: str, questions: list[Question]) -> None:
    with boundary():
        keep(collection, questions)


def _own(collection: str) -> list[Question]:
    return CollectionQuestions(services.pipeline(collection).home.settings, collection).list()
