"""The search: which pieces of the answers stand in some files."""

import ast
from collections.abc import Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass

from autograder.handing_out.leaks.answers import Answer, blocks_in, functions_in
from autograder.handing_out.leaks.code import code_in, texts_in
from autograder.handing_out.leaks.shapes import Size, add, measured, shape, size

# Short pieces are anyone's: `grad_output * mask`, `x, y = self.saved["x"], self.saved["y"]`. These limits
# find every answer of the course that is put into a lecture, and nothing where there is none.
EXACT = 12
"""Nodes of a statement that computes, from which on it is not found by chance, `self.saved["x"]` taken
literally."""
NODES, OPERATIONS = 10, 3
"""The same of statements and expressions, with what hangs on `self` taken for a variable: ``a * (1 - a) *
g``."""
RUN_NODES, RUN_OPERATIONS = 8, 2
"""The same of all statements of an answer together, one after the other."""
LETTERS = 40
"""The same of a sentence."""


@dataclass(frozen=True)
class Leak:
    """A piece of an answer in a file."""

    place: str
    code: str
    answer: Answer

    def __str__(self) -> str:
        return f"{self.place}: '{self.code}' is an answer: {self.answer.place}"


def find_leaks(files: Mapping[str, bytes], answers: Iterable[Answer]) -> list[Leak]:
    """Every piece of an answer that stands in one of the files, by their paths."""
    answers = list(answers)
    index = _Index(answers)
    sentences = {
        sentence: answer for answer in answers for sentence in answer.sentences if len(sentence) >= LETTERS
    }
    leaks: dict[tuple[str, str], Leak] = {}
    for path, content in files.items():
        for place, tree in code_in(path, content):
            for code, answer in index.find(tree):
                leaks.setdefault((place, answer.place), Leak(place, code, answer))
        for place, text in texts_in(path, content) if sentences else ():
            one_line = " ".join(text.split())
            for sentence, answer in sentences.items():
                if sentence in one_line:
                    leaks.setdefault((place, answer.place), Leak(place, sentence, answer))
    return list(leaks.values())


def find_in(trees: Mapping[str, ast.AST], answers: Iterable[Answer]) -> dict[str, Answer]:
    """The names of the syntax trees in which a piece of an answer stands, with the first one's answer."""
    index = _Index(answers)
    hits = {name: next(index.find(tree), None) for name, tree in trees.items()}
    return {name: first[1] for name, first in hits.items() if first}


def pieces(statement: ast.stmt) -> list[ast.AST]:
    """A statement and the values in it; of a loop or a branch, what it runs over or asks."""
    if isinstance(statement, ast.For | ast.While | ast.If | ast.With):
        heads = [getattr(statement, "iter", None), getattr(statement, "test", None)]
        return [head for head in heads if head is not None]
    if isinstance(statement, ast.FunctionDef | ast.ClassDef | ast.Try):
        return []
    value = getattr(statement, "value", None)
    return [
        statement,
        *([value] if value else []),
        *(value.elts if isinstance(value, ast.Tuple | ast.List) else []),
    ]


class _Index:
    """The pieces of answers by their shapes."""

    def __init__(self, answers: Iterable[Answer]) -> None:
        self.exact: dict[Hashable, Answer] = {}
        self.shapes: dict[Hashable, Answer] = {}
        self.runs: dict[Hashable, Answer] = {}
        self.functions: dict[tuple[str, Hashable], Answer] = {}
        self.names, self.lengths = set[str](), set[int]()
        self.sizes = set[Hashable]()  # most of what is looked at has none of these, and a shape takes time
        for answer in answers:
            self._add(answer)

    def _add(self, answer: Answer) -> None:
        given_exactly = {shape(node, exact=True) for node in answer.given if isinstance(node, ast.stmt)}
        given = {shape(node) for node in answer.given if isinstance(node, ast.stmt | ast.expr)}
        for piece in (piece for statement in answer.statements for piece in pieces(statement)):
            measure = size(piece)
            if _tells_exactly(piece, measure) and (key := shape(piece, exact=True)) not in given_exactly:
                self.exact.setdefault(key, answer)
                self.sizes.add((type(piece), measure.exact))
            if _tells(measure) and (key := shape(piece)) not in given:
                self.shapes.setdefault(key, answer)
                self.sizes.add((type(piece), measure.nodes, measure.operations))
        for run in answer.runs:
            measure = size(*run)
            if measure.nodes >= RUN_NODES and measure.operations >= RUN_OPERATIONS:
                self.runs.setdefault(shape(run), answer)
                self.lengths.add(len(run))
                self.sizes.add((measure.nodes, measure.operations))
        for name, body in answer.functions:
            self.functions.setdefault((name, shape(body)), answer)
            self.names.add(name)

    def find(self, tree: ast.AST) -> Iterator[tuple[str, Answer]]:
        """Every piece of an answer in a syntax tree."""
        sizes: dict[int, Size] = {}
        for node, measure in measured(tree):
            sizes[id(node)] = measure
            if answer := self._find_piece(node, measure):
                yield _line(node), answer
        for block in blocks_in(tree):
            for run in _runs(block, self.lengths):
                measure = add(*(sizes[id(part)] for part in run))
                if (measure.nodes, measure.operations) in self.sizes and (
                    answer := self.runs.get(shape(run))
                ):
                    yield _line(run[0]), answer
        for name, body in functions_in(tree) if isinstance(tree, ast.Module) else ():
            if name in self.names and (answer := self.functions.get((name, shape(body)))):
                yield f"def {name}: {_line(body[0])}", answer

    def _find_piece(self, node: ast.AST, measure: Size) -> Answer | None:
        answer = None
        if (type(node), measure.exact) in self.sizes and _tells_exactly(node, measure):
            answer = self.exact.get(shape(node, exact=True))
        if not answer and (type(node), measure.nodes, measure.operations) in self.sizes and _tells(measure):
            answer = self.shapes.get(shape(node))
        return answer


def _runs(block: list[ast.stmt], lengths: Iterable[int]) -> Iterator[tuple[ast.stmt, ...]]:
    """So many statements after one another, wherever they begin."""
    for length in lengths:
        for first in range(len(block) - length + 1):
            yield tuple(block[first : first + length])


def _tells_exactly(node: ast.AST, measure: Size) -> bool:
    return isinstance(node, ast.stmt) and measure.exact >= EXACT and measure.operations > 0


def _tells(measure: Size) -> bool:
    return measure.nodes >= NODES and measure.operations >= OPERATIONS


def _line(node: ast.AST) -> str:
    """A piece of code in one line; of a class or a function, its head."""
    lines = ast.unparse(node).splitlines()
    return lines[0] if len(lines) == 1 else f"{lines[0]} …"
