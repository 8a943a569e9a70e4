"""Each field of the state is written by its owner alone: fields written from outside: 0. The code says so."""

from __future__ import annotations

from pathlib import Path

import pytest

import streamer

from .support import owners

PACKAGE = Path(streamer.__file__).parent
SOURCES = list(owners.modules(PACKAGE))
FIELDS = owners.fields(SOURCES)

ALLOWED = {
    ("streamer.model.sgns", "work.hidden.rows"): "the rows of Padded, a buffer of the workspace; it is no table",
}
"""What looks like a write to the state and is none: the module, how it is written there, and why."""


def allowed(finding: owners.Finding) -> bool:
    """Say whether a finding is one of those that are explained above."""
    return any(finding.module == module and finding.code.startswith(code) for module, code in ALLOWED)


def planted(code: str, module: str = "streamer.service.planted") -> list[owners.Finding]:
    """Return what the check finds in a piece of code, as if it were a module of the package."""
    return owners.writes(module, code, FIELDS)


@pytest.mark.parametrize("module", [module for module, _ in SOURCES])
def test_no_field_is_written_from_outside_its_owner(module: str) -> None:
    """Assignments, deletions, ``setattr`` and methods that change a container: none of them, in any module."""
    found = [finding for finding in owners.writes(module, dict(SOURCES)[module], FIELDS) if not allowed(finding)]
    assert not found, "\n".join(map(str, found))


def test_what_is_allowed_is_there() -> None:
    """An exception that is no longer needed is to be taken off the list."""
    found = [finding for module, source in SOURCES for finding in owners.writes(module, source, FIELDS)]
    for module, code in ALLOWED:
        assert any(finding.module == module and finding.code.startswith(code) for finding in found), code
    assert all(allowed(finding) for finding in found)


def test_the_fields_are_those_of_the_state() -> None:
    """Every class is found, in the module that owns it, with what it keeps and what it shows of it."""
    expected = {
        "history": "streamer.state.state",
        "blocks": "streamer.model.learner",
        "candidates": "streamer.model.vocabulary",
        "_counts": "streamer.model.vocabulary",
        "vectors": "streamer.model.embeddings",
        "input": "streamer.model.embeddings",
        "due": "streamer.model.sampling",
        "_rows": "streamer.ledger",
        "bytes_trained": "streamer.ledger",
        "resolution": "streamer.state.history",
        "losses": "streamer.state.epochs",
        "words_seen": "streamer.state.initial",
        "learning_rate": "streamer.settings.model",
        "span": "streamer.model.sgns",
    }
    for field, module in expected.items():
        assert module in FIELDS[field].owners, field
    assert FIELDS["rows"].owners == {"streamer.state.history", "streamer.state.scores"}
    assert all(FIELDS[name].container for name in ("rows", "words", "index", "_open", "counts", "squares", "losses"))
    assert not any(FIELDS[name].container for name in ("blocks", "history", "sequence", "settings", "offset"))


def test_a_class_that_is_gone_is_missed() -> None:
    """A class that was renamed or doubled does not make the check blind to it."""
    with pytest.raises(LookupError, match="Scores"):
        owners.fields([(module, source) for module, source in SOURCES if module != "streamer.state.scores"])
    with pytest.raises(LookupError, match="Scores"):
        owners.fields([*SOURCES, ("streamer.other", "class Scores:\n    pass\n")])


PLANTED = {
    "an assignment": ("state.model.blocks = 3", "blocks"),
    "one with an annotation": ("state.model.blocks: int = 3", "blocks"),
    "one of several": ("a, (b, state.sequence) = 1, (2, 3)", "sequence"),
    "one of the rest": ("a, *state.history.rows = rows", "rows"),
    "one in a loop": ("for state.sequence in range(3):\n    pass", "sequence"),
    "one in a context": ("with x as state.ledger:\n    pass", "ledger"),
    "a part that is replaced": ("trainer._state.history = History()", "history"),
    "a part of a part": ("self._state.model.vocabulary.total = 0", "total"),
    "an augmented assignment": ("state.model.words_trained += 7", "words_trained"),
    "one of a container": ("state.scores.rows += found", "rows"),
    "a deletion": ("del entry.reason", "reason"),
    "a deletion of an element": ("del state.model.vocabulary.index['a']", "index"),
    "an element": ("state.history.rows[0] = []", "rows"),
    "an element of an element": ("state.history.rows[-1][3] = 0.0", "rows"),
    "an element of a dictionary": ("vocabulary.index['a'] = 3", "index"),
    "an element that is added to": ("state.model.vocabulary.counts[ids] += 1", "counts"),
    "a slice": ("embeddings.vectors[:, 0] = 0", "vectors"),
    "a view": ("state.model.embeddings.input[3] = 0", "input"),
    "a reshaped view": ("state.model.embeddings.squares.reshape(-1)[0] = 0", "squares"),
    "a private field": ("ledger._rows[entry] = None", "_rows"),
    "an append": ("state.scores.rows.append(score)", "rows"),
    "an append to an element": ("state.history.rows[-1].append(0.0)", "rows"),
    "an extend": ("self.state.epochs.losses.extend(found)", "losses"),
    "a pop": ("state.model.vocabulary.index.pop('a')", "index"),
    "an update": ("vocabulary.index.update(found)", "index"),
    "an add to a set": ("ledger._open.add(entry)", "_open"),
    "a sort": ("state.model.vocabulary.words.sort()", "words"),
    "a fill": ("state.model.noise.counts.fill(1)", "counts"),
    "a copy into": ("np.copyto(state.model.embeddings.output, found)", "output"),
    "an add at": ("np.add.at(vocabulary.counts, ids, 1)", "counts"),
    "a result put into": ("np.add(a, b, out=embeddings.vectors)", "vectors"),
    "a setattr": ("setattr(state, 'sequence', 3)", "sequence"),
    "a setattr of any name": ("setattr(state, name, 3)", "name"),
    "object.__setattr__": ("object.__setattr__(state.initial, 'words_seen', 3)", "words_seen"),
    "a __setattr__": ("state.__setattr__('sequence', 3)", "sequence"),
    "a delattr": ("delattr(state, 'sequence')", "sequence"),
    "its dictionary": ("state.__dict__['sequence'] = 3", "__dict__"),
    "its variables": ("vars(state).update(sequence=3)", "__dict__"),
    "an alias": ("rows = state.scores.rows\nrows.append(score)", "rows"),
    "an alias of an alias": ("rows = state.scores.rows\nsame = rows\nsame.append(score)", "rows"),
    "an alias of an element": ("row = state.history.rows[-1]\nrow[3] = 0.0", "rows"),
    "an alias among others": ("words, counts = vocabulary.words, vocabulary.counts\ncounts[0] = 7", "counts"),
    "an alias with an annotation": ("rows: list = state.scores.rows\nrows += found", "rows"),
    "an alias in a condition": ("if rows := state.scores.rows:\n    rows.clear()", "rows"),
    "an alias that is added to": ("counts = vocabulary.counts\ncounts += 1", "counts"),
    "an alias of the ledger's": ("for entries in ledger._open.values():\n    entries.clear()", "_open"),
    "an element of a loop": ("for row in state.history.rows:\n    row[3] = 0.0", "rows"),
}


HEADS = {"module": [], "function": ["def f(state, found):"], "method": ["class Service:", "def f(self, state):"]}


@pytest.mark.parametrize("what", PLANTED)
@pytest.mark.parametrize("place", HEADS)
def test_the_check_finds_what_is_planted(what: str, place: str) -> None:
    """Each way to write to a field, anywhere in a module, is found once, with its line."""
    code, field = PLANTED[what]
    heads = {"module": [], "function": ["def f(state, found):"], "method": ["class Service:", "def f(self, state):"]}[
        place
    ]
    lines = ["    " * depth + head for depth, head in enumerate(heads)]
    source = "\n".join([*lines, *("    " * len(heads) + line for line in code.split("\n"))])
    found = planted(source)
    assert [finding.field for finding in found] == [field]
    assert len(heads) < found[0].line <= source.count("\n") + 1
    assert found[0].module == "streamer.service.planted"


@pytest.mark.parametrize("module", ["streamer.service.loop", "streamer.training.schedule", "streamer.answers.reports"])
def test_it_finds_it_in_modules_that_are_there(module: str) -> None:
    """A line that is added to the end of a real module is the one finding there."""
    source = dict(SOURCES)[module]
    found = planted(f"{source}\n\ndef _planted(state):\n    state.scores.rows.clear()\n", module)
    assert [(finding.field, finding.line) for finding in found] == [("rows", source.count("\n") + 4)]


def test_it_finds_it_in_another_module_of_the_state() -> None:
    """Being a part of the state is no right to another part: each module changes its own fields only."""
    assert [finding.field for finding in planted("state.history.rows.clear()", "streamer.state.state")] == ["rows"]
    assert [finding.field for finding in planted("model.embeddings.size = 3", "streamer.model.learner")] == ["size"]
    assert not planted("state.model.blocks += 1", "streamer.model.learner")


@pytest.mark.parametrize(
    "code",
    [
        "rows = state.scores.rows",
        "rows = list(state.scores.rows)\nrows.append(score)",
        "rows = state.scores.rows\nrows = sorted(rows)\nrows.append(score)",
        "counts = vocabulary.counts.copy()\ncounts += 1",
        "total = vocabulary.total\ntotal += 1",
        "state.history.add(report, seconds)",
        "state.scores.add(found)",
        "state.ledger.adopt(root)",
        "ledger.advance(entry, 3, 4)",
        "sum(row[3] for row in state.history.rows)",
        "rows = []\nrows.append(state.scores.rows)",
        "found = {}\nfound['rows'] = state.scores.rows",
        "self.other = 3",
        "state.other = 3",
        "def f(rows):\n    rows.append(1)",
        "def f():\n    rows = state.scores.rows\ndef g():\n    rows = []\n    rows.append(1)",
        "class Table:\n    def f(self):\n        self.rows = []\n        self.rows.append(1)\n        self.rows[0] = 2",
        "class Table:\n    def __init__(self, name):\n        self.name, self.words = name, 0\n        self.words += 1",
        "class Table:\n    def f(self, name):\n        setattr(self, name, 3)",
    ],
)  # fmt: skip
def test_what_is_allowed_to_all_is_not_found(code: str) -> None:
    """Reading, copying, calling an owner's methods, and fields of one's own that are called the same."""
    assert not planted(code)


def test_a_class_made_of_one_of_the_state_has_no_right_to_it() -> None:
    """Who inherits from a class of the state elsewhere writes to its fields from outside."""
    source = "class Fast(Vocabulary):\n    def f(self):\n        self.total += 1\n        self.words.append('a')\n"
    assert [finding.field for finding in planted(source)] == ["total", "words"]
    assert not planted(source.replace("(Vocabulary)", "(Other)"))
