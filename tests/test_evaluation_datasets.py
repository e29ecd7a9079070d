"""Question sets: what is read, and what is said of files that are wrong."""

import json
from collections import Counter

import pytest

from rag_core import Document, RagError, RagPipeline, load_beir, load_squad
from rag_core.evaluation import (
    CollectionQuestions,
    Dataset,
    DatasetError,
    Gold,
    Question,
    cloze_questions,
    load_chunking_paper,
    load_folder,
    load_questions,
    load_samples,
)
from rag_core.evaluation.questions import placed
from rag_core.terms import terms

CONTEXT = "The bridge was built in 1814. It is made of iron."


def squad(**answer):
    answer = {"text": "1814", "answer_start": 24} | answer
    asked = {"id": "q1", "question": " When was it built? ", "answers": [answer, answer]}
    never = {"id": "q2", "question": "Who?", "is_impossible": True, "answers": []}
    paragraphs = [{"context": "Before.", "qas": []}, {"context": CONTEXT, "qas": [asked, never]}]
    return {"version": "v2.0", "data": [{"title": "Iron_Bridge", "paragraphs": paragraphs}]}


def write(path, value):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(value if isinstance(value, str) else json.dumps(value), encoding="utf-8")
    return path


def test_squad_gives_articles_and_places(tmp_path):
    found = load_squad(write(tmp_path / "dev.json", squad()))
    (document,) = found.documents
    assert document.name == "Iron Bridge"
    assert document.text == f"Iron Bridge\n\nBefore.\n\n{CONTEXT}"
    first, never = found.questions
    (gold,) = first.golds
    assert document.text[gold.start : gold.end] == gold.text == "1814"
    assert (first.text, first.answers) == ("When was it built?", ("1814",))
    assert (never.answerable, never.judged, never.golds) == (False, False, ())


def test_articles_of_one_title_stay_apart(tmp_path):
    value = squad()
    value["data"] *= 2
    assert [d.name for d in load_squad(write(tmp_path / "d.json", value)).documents] == [
        "Iron Bridge",
        "Iron Bridge (2)",
    ]


@pytest.mark.parametrize(
    ("value", "line", "reason"),
    [
        ('{"data": [\n1,\n}', 3, "this is not JSON"),
        ([], 0, "the file is no JSON object"),
        ({"rows": []}, 0, "no list 'data'"),
        ({"data": []}, 0, "no question"),
        ({"data": [{"title": "A"}]}, 0, "article 1: no 'paragraphs'"),
        (squad(answer_start=3), 0, "'1814' does not stand at 3"),
        (squad(answer_start="24"), 0, "'answer_start' must be a whole number"),
        (squad(answer_start=-1), 0, "at least 0"),
        (squad(text=""), 0, "does not stand"),
        ("[" * 100_000, 1, "nested too deeply"),
    ],
)
def test_wrong_squad_files_say_where_and_why(tmp_path, value, line, reason):
    with pytest.raises(DatasetError, match=reason) as caught:
        load_squad(write(tmp_path / "dev.json", value))
    assert isinstance(caught.value, RagError)
    assert (caught.value.file, caught.value.line) == ("dev.json", line)


def test_a_file_that_is_no_text(tmp_path):
    (tmp_path / "x.json").write_bytes(b"{\n\xff")
    with pytest.raises(DatasetError, match="line 2: this is not UTF-8"):
        load_squad(tmp_path / "x.json")
    with pytest.raises(DatasetError, match="No such file"):
        load_squad(tmp_path / "y.json")


@pytest.fixture
def beir(tmp_path):
    write(
        tmp_path / "corpus.jsonl",
        '{"_id": "d1", "title": "Bees", "text": "A hive."}\n\n{"_id": "d2", "text": "Iron."}\n',
    )
    write(tmp_path / "queries.jsonl", '{"_id": "1", "text": "bees"}\n{"_id": "2", "text": "x"}\n')
    write(tmp_path / "qrels/test.tsv", "query-id\tcorpus-id\tscore\n1\td1\t2\n1\td9\t1\n2\td2\t0\n")
    return tmp_path


def test_beir_gives_documents_and_grades(beir):
    found = load_beir(beir)
    assert [(d.name, d.text) for d in found.documents] == [
        ("d1", "Bees\n\nA hive."),
        ("d2", "Iron."),
    ]
    (question,) = found.questions  # the other has no judgement above 0
    assert question.documents == {"d1": 2.0, "d9": 1.0}
    assert found.notes == ("1 relevant documents are not in corpus.jsonl; they count as missed",)


@pytest.mark.parametrize(
    ("file", "content", "message"),
    [
        ("corpus.jsonl", '{"_id": "a", "text": "x"}\nnonsense', "corpus.jsonl, line 2: .*not JSON"),
        ("corpus.jsonl", '{"_id": "a"}', "corpus.jsonl, line 1: .*no 'text'"),
        ("corpus.jsonl", '{"_id": "a", "text": "x"}\n' * 2, "line 2: .*'a' is empty or was there"),
        ("corpus.jsonl", "[1]", "line 1: this is no JSON object"),
        ("queries.jsonl", '{"_id": "7", "text": "x"}', "the judged query '1' is not in it"),
        ("qrels/test.tsv", "1\td1", "qrels/test.tsv, line 1: 2 columns"),
        ("qrels/test.tsv", "1\td1\t1\n1\td2\tgood", "line 2: 'good' is no whole number"),
        ("qrels/test.tsv", "1\td1\t0", "no judgement is above 0"),
    ],
)
def test_wrong_beir_folders_say_where_and_why(beir, file, content, message):
    write(beir / file, content)
    with pytest.raises(DatasetError, match=message):
        load_beir(beir)


def test_a_folder_that_is_not_beir(tmp_path):
    with pytest.raises(DatasetError, match=r"corpus\.jsonl: it is not in") as caught:
        load_beir(tmp_path)
    assert "qrels/test.tsv" in caught.value.hint


def paper(folder, references, corpus="notes"):
    write(folder / "corpora/notes.md", "One two.\nThree four.\n")
    cell = (references if isinstance(references, str) else json.dumps(references)).replace(
        '"', '""'
    )
    write(folder / "questions_df.csv", f'question,references,corpus_id\nWhat?,"{cell}",{corpus}\n')
    return folder


def test_the_papers_layout(tmp_path):
    (tmp_path / "corpora").mkdir()
    reference = {"content": "Three", "start_index": 9, "end_index": 14}
    other = {"content": "else", "start_index": 0, "end_index": 3}
    found = load_chunking_paper(paper(tmp_path, [reference, other]))
    assert [d.name for d in found.documents] == ["notes"]
    assert [g.text for g in found.questions[0].golds] == ["Three", "One"]
    assert found.notes == ("1 references do not hold the text that stands at their place",)


@pytest.mark.parametrize(
    ("references", "corpus", "message"),
    [
        ("__import__('os').system('true')", "notes", "questions_df.csv, line 2: this is not JSON"),
        ("[{'content': 'One'}]", "notes", "line 2: this is not JSON"),
        ([], "notes", "line 2: .*empty one"),
        ([{"content": "", "start_index": 3, "end_index": 99}], "notes", "3 to 99 is no range"),
        ([{"content": "", "start_index": 3}], "notes", "a reference: no 'end_index'"),
        ([1], "notes", "a reference is no JSON object"),
        ([], "else", r"no corpora/else\.md"),
    ],
)
def test_wrong_paper_folders_say_where_and_why(tmp_path, references, corpus, message):
    with pytest.raises(DatasetError, match=message):
        load_chunking_paper(paper(tmp_path, references, corpus))


TEXTS = {"a.txt": CONTEXT, "twice.txt": "iron and iron"}


def table(tmp_path, content, name="q.jsonl"):
    return load_questions(write(tmp_path / name, content), texts=TEXTS)


def test_questions_in_json_lines(tmp_path):
    rows = [
        {"question": "When?", "document": "a.txt", "answer": "1814"},
        {"question": "Of?", "doc": "twice.txt", "answers": ["iron", "Fe"], "answer_starts": [9]},
        {"question": "Which?", "document": "a.txt"},
        {"question": "Why?", "kind": "unanswerable", "answer": None},
        {
            "question": "Both?",
            "spans": [{"document": "a.txt", "start": 0, "end": 3, "text": "The"}],
        },
    ]
    found = table(tmp_path, "\n".join(map(json.dumps, rows))).questions
    assert [q.id for q in found] == ["q1", "q2", "q3", "q4", "q5"]
    assert found[0].golds == (Gold("a.txt", 24, 28, "1814"),)
    assert found[1].golds == (Gold("twice.txt", 9, 13, "iron"),)
    assert found[1].answers == ("iron", "Fe")
    assert (found[2].golds, found[2].documents) == ((), {"a.txt": 1.0})
    assert not found[3].answerable
    assert found[4].golds[0].text == "The"


def test_questions_in_csv(tmp_path):
    content = (
        'id,question,document,answer,start\na,When?,a.txt,1814,\nb,"Of\nit?",twice.txt,iron,9\n'
    )
    found = table(tmp_path, "\ufeff" + content, "q.csv").questions
    assert [(q.id, q.text, q.golds[0].start) for q in found] == [
        ("a", "When?", 24),
        ("b", "Of\nit?", 9),
    ]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("q.jsonl", "\n{", "line 2: this is not JSON"),
        ("q.jsonl", "{}", "line 1: the question: no 'question'"),
        ("q.jsonl", '{"question": " "}', "it is empty"),
        ("q.jsonl", "", "there is no question in it"),
        ("q.jsonl", '{"question": "a", "document": "b", "answer": "c"}', "no document 'b'"),
        ("q.jsonl", '{"question": "a", "document": "a.txt", "answer": "c!"}', "stands 0 times"),
        (
            "q.jsonl",
            '{"question": "a", "document": "twice.txt", "answer": "iron"}',
            "stands 2 times",
        ),
        ("q.jsonl", '{"question": "a", "spans": [3]}', "a span is no JSON object"),
        ("q.jsonl", '{"question": "a", "answers": [{}]}', "answers must be texts"),
        (
            "q.jsonl",
            '{"question": "a", "spans": [{"document": "a.txt", "start": 40, "end": 99}]}',
            "40 to 99 is no range",
        ),
        (
            "q.jsonl",
            '{"question": "a", "document": "a.txt", "start": 1, "text": "The"}',
            "at 1 of a.txt stands 'he '",
        ),
        ("q.jsonl", '{"id": 1, "question": "a"}\n{"id": 1, "question": "b"}', "line 2: .*'1' was"),
        ("q.csv", "text\nx", "line 1: no column 'question'"),
        ("q.csv", "question,document\nx", "line 2: it has not as many cells"),
        ("q.csv", 'question\n"x', "this is no CSV"),
        ("q.csv", "question,document,start\nx,a.txt,one", "'start' must be a whole number"),
    ],
)
def test_wrong_tables_say_where_and_why(tmp_path, name, content, message):
    with pytest.raises(DatasetError, match=message):
        table(tmp_path, content, name)


def test_the_samples_load_with_their_passages():
    found = load_samples()
    texts = {document.name: document.text for document in found.documents}
    assert len(found.questions) == 59
    assert sum(not question.answerable for question in found.questions) == 11
    for question in found.questions:
        for gold in question.golds:
            assert texts[gold.document][gold.start : gold.end] == gold.text


def test_a_folder_without_files(tmp_path):
    write(tmp_path / ".hidden", "x")
    with pytest.raises(DatasetError, match="no file in it"):
        load_folder(tmp_path)


def test_passages_are_followed_or_left_out():
    texts = {"a": "New start. The gold here.", "b": "gold gold"}
    kept, remarks = placed(
        [
            Question("moved", "?", (Gold("a", 4, 8, "gold"),)),
            Question("twice", "?", (Gold("b", 1, 5, "gold"),)),
            Question("gone", "?", (Gold("c", 0, 4, "gold"),)),
            Question("lost", "?", (Gold("a", 0, 4, "iron"),)),
            Question("never", "?", answerable=False),
        ],
        texts.get,
    )
    assert [question.id for question in kept] == ["moved", "never"]
    assert kept[0].golds == (Gold("a", 15, 19, "gold"),)
    assert [remark.split(":")[0] for remark in remarks] == ["twice", "gone", "lost"]


def test_a_dataset_is_known_by_all_that_is_in_it():
    question, document = Question("1", "What?"), Document.from_text("a", "b")
    ids = {
        Dataset("x", (question,), (document,)).sha256,
        Dataset("y", (question,), (document,)).sha256,
        Dataset("x", (Question("1", "Who?"),), (document,)).sha256,
        Dataset("x", (question,), (Document.from_text("a", "c"),)).sha256,
    }
    assert len(ids) == 4
    assert Dataset("x", (question,), (document,)).sha256 in ids


def test_a_collections_own_questions_outlive_it(tmp_path, hash_embedder):
    gold = Gold("a.txt", 0, 3, "The")
    with RagPipeline.open(tmp_path / "home", embedder=hash_embedder) as pipeline:
        own = CollectionQuestions(pipeline.home.settings, "default")
        first = own.add(Question("", " When? ", (gold,), answers=("1814",)))
        own.add_all([Question("b", "Who?"), Question("c", "Why?", answerable=False)])
        assert own.add(Question("", "When?", (gold,))).id == first.id
        own.edit(Question("b", "Whose?", documents={"a.txt": 2.0}))
        own.remove("c")
        own.remove("never there")
        with pytest.raises(KeyError):
            own.edit(Question("c", "Why?"))
        with pytest.raises(ValueError, match="empty"):
            own.add(Question("", " "))
    with RagPipeline.open(tmp_path / "home", embedder=hash_embedder) as pipeline:
        assert CollectionQuestions(pipeline.home.settings, "other").list() == []
        found = CollectionQuestions(pipeline.home.settings, "default").list()
        assert [(q.id, q.text) for q in found] == [(first.id, "When?"), ("b", "Whose?")]
        assert found[0].golds == (gold,)
        assert found[1].documents == {"a.txt": 2.0}


def test_cloze_questions_blank_what_stands_once():
    documents = load_samples().documents
    asked = cloze_questions(documents, 30)
    texts = {document.name: document.text for document in documents}
    assert len(asked) == 30
    assert asked == cloze_questions(documents, 30)
    assert len({gold.document for question in asked for gold in question.golds}) >= 8
    times = Counter(term for text in texts.values() for term in terms(text))
    for question in asked:
        (gold,), (answer,) = question.golds, question.answers
        assert question.kind == "cloze"
        assert texts[gold.document][gold.start : gold.end] == gold.text
        assert question.text.replace("____", answer) == " ".join(gold.text.split())
        assert [times[term] for term in terms(answer)] == [1]
    with pytest.raises(ValueError, match="at least 1"):
        cloze_questions(documents, 0)
