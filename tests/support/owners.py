"""Who writes to the fields of the state, as the code says: each field is changed by the module of its class alone.

The check reads syntax, not types: it knows the fields by their names. So a class elsewhere that has a field of such a
name may change its own through ``self``, and everything else that writes to a field of such a name is a finding. Names
that stand for a field are followed within a function, and not from one to another.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

STATE = (
    "State", "ModelState", "Vocabulary", "Candidates", "Cold", "Embeddings", "NoiseDistribution", "Register", "Ledger",
    "Forgetting", "Entry", "History", "Scores", "EpochLosses", "GivenUp", "InitialVectors", "ModelSettings", "Batching",
    "Sources", "Judgements",
)  # fmt: skip
"""The classes that the state is made of."""
ROOMS = {"Entry": "streamer.ledger", "Register": "streamer.ledger", "Forgetting": "streamer.ledger"}
"""Classes whose fields are changed by all modules of a room: the ledger's rows are nobody else's."""

_MUTATING = {
    "append", "extend", "insert", "pop", "popitem", "remove", "clear", "update", "setdefault", "add", "discard", "sort",
    "reverse", "fill", "resize", "put", "itemset", "partition", "setfield", "setflags", "byteswap", "difference_update",
    "intersection_update", "symmetric_difference_update", "__setitem__", "__delitem__", "__iadd__",
}  # fmt: skip
"""Methods by which lists, dictionaries, sets and arrays are changed."""
_INTO_FIRST = {"copyto", "put", "place", "putmask", "put_along_axis", "fill_diagonal", "shuffle", "at", "heappush"}
"""Functions that change what they are given first."""
_VIEWS = {"values", "items", "reshape", "view", "ravel", "get"}
"""Methods whose results are, or hold, what is in a container."""
_CONTAINERS = ("list[", "dict[", "set[", "deque[", "Ints", "Floats", "Doubles", "NDArray", "Weights")


class Field(NamedTuple):
    """A name under which the state keeps something.

    Attributes:
        owners: The modules of the classes that have a field of that name.
        container: Whether one of them is a list, a dictionary, a set or an array, which methods change.
    """

    owners: frozenset[str]
    container: bool


class Finding(NamedTuple):
    """A place where somebody writes to a field that is not his."""

    module: str
    line: int
    field: str
    how: str
    code: str

    def __str__(self) -> str:
        return f"{self.module}:{self.line}: {self.how} {self.field}: {self.code}"


Fields = dict[str, Field]


def modules(package: Path) -> Iterator[tuple[str, str]]:
    """Yield the name and the source of each module of a package."""
    for path in sorted(package.rglob("*.py")):
        parts = path.relative_to(package.parent).with_suffix("").parts
        yield ".".join(parts).removesuffix(".__init__"), path.read_text(encoding="utf-8")


def fields(sources: Iterable[tuple[str, str]], classes: Iterable[str] = STATE) -> Fields:
    """Return the fields of the classes of the state: annotated, set through ``self``, or properties that show them.

    Raises:
        LookupError: If a class is in no module, or in two: the list is out of date then.
    """
    found: Fields = {}
    homes: dict[str, str] = {}
    for module, source in sources:
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.ClassDef) and node.name in classes:
                if node.name in homes:
                    raise LookupError(f"{node.name} is in {homes[node.name]} and in {module}")
                homes[node.name] = module
                for name, kind in _fields_of(node):
                    before = found.get(name, Field(frozenset(), False))
                    container = any(mark in kind for mark in _CONTAINERS)
                    home = ROOMS.get(node.name, module)
                    found[name] = Field(before.owners | {home}, before.container or container)
    if missing := set(classes) - homes.keys():
        raise LookupError(f"there is no {', '.join(sorted(missing))}")
    return found


def _fields_of(node: ast.ClassDef) -> Iterator[tuple[str, str]]:
    """Yield the name of each field of a class, and what is written of its type."""
    for statement in node.body:
        if isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
            yield statement.target.id, ast.unparse(statement.annotation)
        elif isinstance(statement, ast.FunctionDef):
            if any(isinstance(mark, ast.Name) and mark.id == "property" for mark in statement.decorator_list):
                yield statement.name, ast.unparse(statement.returns) if statement.returns else ""
            for inner in ast.walk(statement):
                kind = ast.unparse(inner.annotation) if isinstance(inner, ast.AnnAssign) else ""
                for target in _targets(inner):
                    if isinstance(target, ast.Attribute) and _is_self(target.value):
                        yield target.attr, kind


def writes(module: str, source: str, known: Fields, classes: Iterable[str] = STATE) -> list[Finding]:
    """Return where a module writes to fields of the state that it does not own."""
    reader = _Reader(module, known, set(classes))
    reader.visit(ast.parse(source))
    return reader.found


class _Reader(ast.NodeVisitor):
    """Reads a module from top to bottom.

    Within a function it also follows names that stand for a field: ``rows = state.history.rows``.
    """

    def __init__(self, module: str, known: Fields, classes: set[str]) -> None:
        self._module, self._known, self._classes = module, known, classes
        self._excused = False  # within a class of its own
        self._names: dict[str, str] = {}
        self.found: list[Finding] = []

    def visit_ClassDef(self, node: ast.ClassDef) -> None:
        """Within a class, ``self`` is its own, unless it is a class of the state under another name."""
        before = self._excused
        bases = {_called(base) for base in node.bases}
        self._excused = not bases & self._classes
        self.generic_visit(node)
        self._excused = before

    def visit_FunctionDef(self, node: ast.FunctionDef | ast.AsyncFunctionDef) -> None:
        """Within a function, names stand for what they were last set to; inner functions see those of outer ones."""
        before = dict(self._names)
        arguments = node.args
        for argument in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs):
            self._names.pop(argument.arg, None)
        self.generic_visit(node)
        self._names = before

    visit_AsyncFunctionDef = visit_FunctionDef  # noqa: N815 - the name is that of the node

    def visit_Assign(self, node: ast.Assign) -> None:
        """``x.field = …``, ``x.field[0] = …``, and names that are set to a field."""
        self.visit(node.value)
        for target in node.targets:
            self._set(target, node.value, "assigns")

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        """The same with an annotation."""
        if node.value:
            self.visit(node.value)
            self._set(node.target, node.value, "assigns")

    def visit_NamedExpr(self, node: ast.NamedExpr) -> None:
        """``(rows := x.field)``."""
        self.visit(node.value)
        self._set(node.target, node.value, "assigns")

    def visit_AugAssign(self, node: ast.AugAssign) -> None:
        """``x.field += …``; of a name that stands for a container, too."""
        self.visit(node.value)
        if isinstance(node.target, ast.Name):
            self._container(node.target, "adds to")
        else:
            self._write(node.target, "adds to")

    def visit_Delete(self, node: ast.Delete) -> None:
        """``del x.field``, ``del x.field[0]``."""
        for target in node.targets:
            self._write(target, "deletes")

    def visit_For(self, node: ast.For | ast.AsyncFor) -> None:
        """``for x.field in …``, and names that go over the elements of a field."""
        self.visit(node.iter)
        self._set(node.target, node.iter, "assigns")
        for statement in (*node.body, *node.orelse):
            self.visit(statement)

    visit_AsyncFor = visit_For  # noqa: N815

    def visit_withitem(self, node: ast.withitem) -> None:
        """``with … as x.field``."""
        self.visit(node.context_expr)
        if node.optional_vars:
            self._set(node.optional_vars, ast.Constant(None), "assigns")

    def visit_Call(self, node: ast.Call) -> None:
        """``setattr(x, "field", …)``, ``x.field.append(…)``, ``np.copyto(x.field, …)``, ``out=x.field``."""
        function = node.func
        name = _called(function)
        if name in ("setattr", "__setattr__", "delattr", "__delattr__"):
            self._setattr(node, function)
        elif isinstance(function, ast.Attribute) and name in _MUTATING:
            self._container(function.value, f"calls {name} of")
        if name in _INTO_FIRST and node.args:
            self._container(node.args[0], f"calls {name} with")
        for keyword in node.keywords:
            if keyword.arg == "out":
                self._container(keyword.value, "puts results into")
        self.generic_visit(node)

    def _setattr(self, node: ast.Call, function: ast.expr) -> None:
        """Look at a call that sets an attribute by its name; one that is computed may be any."""
        arguments = list(node.args)
        bound = isinstance(function, ast.Attribute) and not (
            isinstance(function.value, ast.Name) and function.value.id in ("object", "super", *self._classes)
        )
        if bound and isinstance(function, ast.Attribute):
            arguments.insert(0, function.value)
        if len(arguments) < 2 or self._own(arguments[0]):
            return
        name = arguments[1]
        if not isinstance(name, ast.Constant):
            self._note(node, ast.unparse(name), "sets by a name")
        elif self._foreign(str(name.value)):
            self._note(node, str(name.value), "sets by its name")

    def _set(self, target: ast.expr, value: ast.expr, how: str) -> None:
        """Note what is written to, and what names stand for from now on."""
        if isinstance(target, (ast.Tuple, ast.List)):
            parts = value.elts if isinstance(value, (ast.Tuple, ast.List)) else []
            same = len(parts) == len(target.elts)
            for number, each in enumerate(target.elts):
                self._set(each, parts[number] if same else ast.Constant(None), how)
        elif isinstance(target, ast.Starred):
            self._set(target.value, ast.Constant(None), how)
        elif isinstance(target, ast.Name):
            field = self._field(value)
            self._names.pop(target.id, None)
            if field:
                self._names[target.id] = field
        else:
            self._write(target, how)

    def _write(self, target: ast.expr, how: str) -> None:
        """Note a target that is a field, an element of one, or an element of what a name stands for."""
        if isinstance(target, (ast.Tuple, ast.List)):
            for each in target.elts:
                self._write(each, how)
        elif isinstance(target, ast.Subscript):
            if field := self._field(target):
                self._note(target, field, f"{how} an element of")
        elif isinstance(target, ast.Attribute) and (field := self._attribute(target)):
            self._note(target, field, how)

    def _container(self, value: ast.expr, how: str) -> None:
        """Note a value that is changed where it is, if it is a container of the state."""
        field = self._field(value)
        if field == "__dict__" or (field and self._known[field].container):
            self._note(value, field, how)

    def _field(self, value: ast.expr) -> str:
        """Return the field that a value is, or is an element or a view of; "" if it is none of somebody else's."""
        while (inner := _within(value)) is not None:
            value = inner
        if isinstance(value, ast.Call) and value.args and _called(value.func) == "vars":
            return "" if self._own(value.args[0]) else "__dict__"
        if isinstance(value, ast.Name):
            return self._names.get(value.id, "")
        return self._attribute(value) if isinstance(value, ast.Attribute) else ""

    def _attribute(self, value: ast.Attribute) -> str:
        """Return the field of somebody else's that an attribute is; "" if it is none."""
        foreign = value.attr == "__dict__" or self._foreign(value.attr)
        return value.attr if foreign and not self._own(value.value) else ""

    def _foreign(self, name: str) -> bool:
        owners = self._known[name].owners if name in self._known else frozenset[str]()
        return bool(owners) and not owners & {self._module, self._module.rpartition(".")[0]}

    def _own(self, receiver: ast.expr) -> bool:
        """Say whether this is the object of the class that we are in, which is none of the state."""
        return self._excused and isinstance(receiver, ast.Name) and receiver.id in ("self", "cls")

    def _note(self, at: ast.expr, field: str, how: str) -> None:
        self.found.append(Finding(self._module, at.lineno, field, how, ast.unparse(at)))


def _within(value: ast.expr) -> ast.expr | None:
    """Return what a value is an element or a view of, None if it is by itself."""
    if isinstance(value, (ast.Subscript, ast.Starred)):
        return value.value
    if isinstance(value, ast.Attribute) and value.attr in ("T", "flat", "real"):
        return value.value
    if isinstance(value, ast.Call) and isinstance(value.func, ast.Attribute) and value.func.attr in _VIEWS:
        return value.func.value
    if isinstance(value, ast.Call) and value.args and _called(value.func) in ("enumerate", "reversed"):
        return value.args[0]
    return None


def _targets(node: ast.AST) -> Iterator[ast.expr]:
    """Yield what an assignment sets, each part of a tuple by itself."""
    waiting = node.targets[::-1] if isinstance(node, ast.Assign) else []
    if isinstance(node, ast.AnnAssign):
        waiting = [node.target]
    while waiting:
        target = waiting.pop()
        if isinstance(target, (ast.Tuple, ast.List)):
            waiting.extend(reversed(target.elts))
        else:
            yield target


def _is_self(value: ast.expr) -> bool:
    return isinstance(value, ast.Name) and value.id in ("self", "cls")


def _called(function: ast.expr) -> str:
    """Return the last name of what is called."""
    return function.attr if isinstance(function, ast.Attribute) else getattr(function, "id", "")
