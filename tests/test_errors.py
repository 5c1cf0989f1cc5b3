"""The error tree: what failed, why, and what to do, on every path an error can take."""

from __future__ import annotations

import ast
import concurrent.futures
import copy
import inspect
import pickle
import re

import pytest
from kedro.io import DatasetError

from steel_toes import errors, reasons
from steel_toes.errors import (
    BranchUnknownError,
    BucketError,
    ChangedCopyError,
    CodeNotMergedError,
    ConcurrentSaveError,
    ConfigurationError,
    CopyError,
    LinkError,
    LoadRefusedError,
    LocationError,
    LocationIsFixedError,
    MainChangedError,
    OtherProjectError,
    PromoteRefusedError,
    PromoteUnfinishedError,
    ReadOnlyError,
    RecordError,
    RunObstructedError,
    RunRefusedError,
    SaveRefusedError,
    SeedRefusedError,
    SteelToesError,
    StoreError,
    SwitchedCheckoutError,
    TornAppendError,
    TornCopyError,
    UnwrittenError,
)

# Values with braces and quotes: a branch or a path may hold them, and none is a placeholder.
COPY = {"dataset": "flights", "branch": "feature/{x}", "location": "data/flights--{b}.csv"}
TORN = {**COPY, "writer": "ada@desk", "time": "2026-01-02T03:04:05+00:00"}
WHY = "It is {so}."
FACTS: dict[type[SteelToesError], dict[str, str]] = {
    BucketError: {"dataset": "flights", "bucket": "s3://team--x", "why": WHY, "remedy": "Make it."},
    ConfigurationError: {"setting": "layout", "value": "{tree}", "why": WHY, "remedy": "Use suffix."},
    LocationIsFixedError: {"dataset": "flights", "attribute": "_filepath", "location": "data/flights--{b}.csv"},
    SwitchedCheckoutError: {"project": "/a/{b}", "loaded": "branch {c}", "current": "no branch (it is {so})"},
    LocationError: {"location": "zip://a::b", "why": WHY, "remedy": "Share it."},
    SaveRefusedError: {"dataset": "flights", "type": "api.APIDataset", "branch": "x", "why": WHY},
    BranchUnknownError: {"dataset": "flights", "why": WHY},
    ReadOnlyError: {"action": "save", "dataset": "flights", "source": "STEEL_TOES_READ_ONLY"},
    SeedRefusedError: {"dataset": "flights", "branch": "x", "why": WHY, "remedy": "Leave it out."},
    RunRefusedError: {"branch": "x", "datasets": "1 dataset", "refusals": f"- a: {WHY}", "names": '"a"'},
    RunObstructedError: {"branch": "x", "datasets": "1 dataset", "obstacles": f"- a: {WHY}"},
    LoadRefusedError: {"dataset": "flights", "type": "optuna.StudyDataset", "branch": "x", "why": WHY},
    TornCopyError: TORN,
    TornAppendError: TORN,
    ChangedCopyError: {**COPY, "what": "was altered by other hands"},
    LinkError: {**COPY, "link": "data/flights--{b}.csv", "why": WHY, "remedy": "Remove it."},
    ConcurrentSaveError: {**COPY, "writer": "ada@desk", "what": "this dataset"},
    UnwrittenError: {**COPY, "what": "part {1}"},
    OtherProjectError: {**COPY, "theirs": "host/{a}", "ours": "host/b"},
    RecordError: {"dataset": "flights", "record": "data/_steel_toes/x/1.json", "why": WHY, "remedy": "Look at it."},
    PromoteRefusedError: {"dataset": "flights", "branch": "feature/{x}", "why": WHY, "remedy": "Save it again."},
    MainChangedError: {"dataset": "flights", "branch": "feature/{x}", "why": WHY, "remedy": "Run it."},
    CodeNotMergedError: {"dataset": "flights", "branch": "feature/{x}", "why": WHY, "remedy": "Merge it."},
    PromoteUnfinishedError: {
        "dataset": "flights",
        "branch": "feature/{x}",
        "since": "2026-01-02 03:04 UTC",
        "by": "ada@desk",
        "why": WHY,
        "remedy": "End it with `steel-toes promote --branch 'feature/{x}'`.",
    },
    StoreError: {"dataset": "flights", "place": "s3://b/k", "action": "list", "why": WHY, "remedy": "Try again."},
}
EVERY = pytest.mark.parametrize("cls", FACTS, ids=lambda cls: cls.__name__)


def fail_in_a_worker(cls: type[SteelToesError], facts: dict[str, str]) -> None:
    """What a node does in a worker of Kedro's ParallelRunner."""
    raise cls(**facts)


def test_every_error_is_tested_here():
    """No error is left out of these tests but the two roots, which are never raised themselves."""
    found = {cls for _, cls in inspect.getmembers(errors, inspect.isclass) if issubclass(cls, SteelToesError)}
    assert found - {SteelToesError, CopyError} == set(FACTS)


def test_tree_is_drawn():
    """The tree in the module's docstring names every error."""
    found = {cls.__name__ for _, cls in inspect.getmembers(errors, inspect.isclass) if issubclass(cls, SteelToesError)}
    assert found <= set(re.findall(r"\w+", errors.__doc__))


@EVERY
def test_facts_are_attributes(cls):
    """Every fact of an error is an attribute of it, so that nobody needs to parse its message."""
    error = cls(**FACTS[cls])
    assert {name: getattr(error, name) for name in FACTS[cls]} == FACTS[cls]


@EVERY
@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_pickle(cls, protocol):
    """An error survives pickling with its type, its facts and its message."""
    error = cls(**FACTS[cls])
    twin = pickle.loads(pickle.dumps(error, protocol))
    assert (type(twin), str(twin), twin.args, vars(twin)) == (cls, str(error), error.args, vars(error))
    assert (type(copy.deepcopy(error)), str(copy.copy(error))) == (cls, str(error))


def test_error_comes_out_of_a_worker():
    """An error raised in another process arrives as it was raised."""
    with concurrent.futures.ProcessPoolExecutor(1) as workers:
        failed = workers.submit(fail_in_a_worker, ConcurrentSaveError, FACTS[ConcurrentSaveError]).exception()
    assert isinstance(failed, ConcurrentSaveError)
    assert str(failed) == str(ConcurrentSaveError(**FACTS[ConcurrentSaveError]))


@EVERY
def test_kedro_knows_what_comes_out_of_a_dataset(cls):
    """What a load, a save or an exists raises is a kedro.io.DatasetError; what a setting raises is a ValueError."""
    assert issubclass(cls, DatasetError) is issubclass(cls, CopyError)
    assert issubclass(cls, ValueError) is not issubclass(cls, (CopyError, SwitchedCheckoutError))
    assert issubclass(cls, SteelToesError)


@EVERY
def test_message(cls):
    """A message says what failed, on what and why, and ends with what to do; every fact is in it as it is."""
    message = str(cls(**FACTS[cls]))
    assert message.startswith("Cannot ")
    assert message.endswith((".", "`."))
    assert ". " in message, "it says only what failed"
    assert [fact for fact in FACTS[cls].values() if fact not in message] == []
    left = message.replace("{steel_toes: {shared: true}}", "")
    for fact in sorted(FACTS[cls].values(), key=len, reverse=True):
        left = left.replace(fact, "")
    left = re.sub(r"SteelToes\(\w+=[^)]*\)", "", left)
    assert not re.search(r"[{}]|None", left), f"a placeholder is left in {message}"
    assert "  " not in message


@EVERY
def test_a_missing_fact_is_no_message(cls):
    """An error cannot be made without one of the facts that its message needs."""
    for name in FACTS[cls]:
        if name in re.findall(r"\{(\w+)", cls.message):
            with pytest.raises(KeyError, match=name):
                cls(**{key: fact for key, fact in FACTS[cls].items() if key != name})


def test_torn_copy():
    """A torn copy is told with its file, its writer, when the save began, and both ways out."""
    message = str(TornCopyError(**TORN))
    assert TORN["location"] in message
    assert "ada@desk began to save it at 2026-01-02T03:04:05+00:00 and did not finish" in message
    assert "Run the node that saves it again" in message
    assert "`steel-toes clean --branch 'feature/{x}' flights`" in message


def test_torn_append():
    """An append over a torn copy has only one way out, `clean`: running the node again would lose rows."""
    message = str(TornAppendError(**TORN))
    assert isinstance(TornAppendError(**TORN), TornCopyError)
    assert "`steel-toes clean --branch 'feature/{x}' flights`" in message
    assert "Run the node that saves it again" not in message


def test_changed_copy():
    """A copy that is gone or was changed by other hands is told with `adopt` and `clean`."""
    message = str(ChangedCopyError(**FACTS[ChangedCopyError]))
    assert "`steel-toes adopt flights`" in message
    assert "`steel-toes clean --branch 'feature/{x}' flights`" in message
    gone = str(ChangedCopyError(**{**FACTS[ChangedCopyError], "what": "is gone"}))
    assert "adopt" not in gone


@pytest.mark.parametrize("cls", [SaveRefusedError, LoadRefusedError])
def test_way_out_by_sharing(cls):
    """What cannot have a branch copy can be shared, and the message says how, ready to be pasted."""
    assert 'SteelToes(shared=["flights"])' in str(cls(**FACTS[cls]))


def test_a_store_that_fails_is_no_reason_to_share():
    """Who shares an entry since a network failed writes main from then on."""
    assert "share" not in str(StoreError(**FACTS[StoreError])).lower()
    assert not [text for text in (errors.TRY_AGAIN, errors.LACKS_PERMISSION, errors.LACKS_RIGHT) if "share" in text]


def test_refusals_show_the_metadata_to_paste():
    """The catalog's way to share an entry stands in the message as it is written in YAML."""
    assert "`metadata: {steel_toes: {shared: true}}`" in str(SaveRefusedError(**FACTS[SaveRefusedError]))


SENTENCE = re.compile(r"[A-Za-z,]+ [a-z]+ [a-z]+ .*[.!?]$", re.DOTALL)


@pytest.mark.repository
def test_every_sentence_stands_here(root):
    """A sentence that a user reads stands in errors.py, reasons.py or sentences.py; only `--help` stands elsewhere."""
    elsewhere = []
    for path in sorted((root / "steel_toes").rglob("*.py")):
        tree = ast.parse(path.read_text())
        helps = {
            id(option.value) for option in ast.walk(tree) if isinstance(option, ast.keyword) and option.arg == "help"
        }
        docs = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
        elsewhere += [
            f"{path.name}:{node.lineno}: {node.value}"
            for node in ast.walk(tree)
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in helps | docs
            if path.name not in ("errors.py", "reasons.py", "sentences.py") and SENTENCE.match(node.value)
        ]
    assert elsewhere == []


def test_reasons_are_complete():
    """Each reason says why in a sentence and what to do in another, and its facts are those that its error is given."""
    everything = {**vars(errors), **vars(reasons)}
    found = {name: reason for name, reason in everything.items() if isinstance(reason, errors.Reason)}
    assert len(found) >= 50
    for name, (why, remedy) in found.items():
        assert re.fullmatch(r"[A-Z].*[.)]", why, re.DOTALL), name
        assert re.fullmatch(r"[A-Z].*[.\]]", remedy, re.DOTALL), name


def test_a_reason_is_filled_with_the_facts():
    """Why and remedy are facts of the error like any other, and quote what goes into a shell."""
    error = RecordError(errors.DATA_WITHOUT_RECORD, dataset="a;b", record="r.json", location="data/a--x.csv")
    assert (error.why, error.location) == (
        "There is data without a record at data/a--x.csv, which is never overwritten.",
        "data/a--x.csv",
    )
    assert "`steel-toes adopt 'a;b'`" in error.remedy
    assert str(pickle.loads(pickle.dumps(error))) == str(error)


def test_a_message_obeys_nobody():
    """Names come from records and from Git, and may hold what a terminal obeys: a message shows it as text."""
    error = ConcurrentSaveError(**{**FACTS[ConcurrentSaveError], "writer": "a\x1b]0;evil\x07", "branch": "b\x1b[2J"})
    assert not {character for character in str(error) if not character.isprintable()}
    assert error.facts["writer"] == "a\x1b]0;evil\x07"
