"""Wrong answers of students: none earns everything, and none passes."""

import pytest

from benchmarks.named_mistakes import failures
from benchmarks.students import read_cases

CASES = read_cases()
FILES = sorted({case.answer.__module__ for case in CASES.values()})
QUICK = ("assignment_03", "sequences")


@pytest.mark.parametrize(
    "file",
    [
        pytest.param(file, marks=[] if file.endswith(QUICK) else pytest.mark.slow, id=file.rpartition(".")[2])
        for file in FILES
    ],
)
def test_none_passes(file):
    assert [
        name for name, case in CASES.items() if case.answer.__module__ == file and not failures(case)
    ] == []
