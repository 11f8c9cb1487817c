"""How well a shortcut is told from an honest answer, by reading the source alone.

Ways around writing a backward by hand must each wait for a person; of right answers and honest notebooks
hardly any may. The notebooks of `tests/autograder/read` are read, and every answer of the sample class; a
folder of other notebooks in the same form can be given.

    python benchmarks/ways_around.py [--quick] [FOLDER]
"""

import json
import sys
import time
from collections.abc import Iterable
from pathlib import Path
from statistics import median
from typing import Annotated

import typer

sys.path.insert(0, str(Path(__file__).parent.parent))

from autograder.demo.sample_class import BASE, banks, read_bank
from tests.autograder.read_cases import FOLDER, ReadCase, read_cases, stubs


def of_the_bank() -> Iterable[tuple[ReadCase, bool]]:
    """Each answer of the sample class, and whether it is a shortcut on purpose."""
    for assignment in banks():
        bank = read_bank(assignment)
        for sample in bank.values():
            answers = {**bank[BASE].answers, **sample.answers}
            cells = tuple(text for exercise, text in answers.items() if exercise in stubs())
            for exercise in sample.answers.keys() & stubs().keys():
                case = ReadCase(f"{assignment}/{sample.name}", exercise, cells)
                yield case, sample.points.get(exercise, 0.0) is None


def main(folder: Annotated[Path, typer.Argument()] = FOLDER, *, quick: bool = False) -> None:
    """Print how many ways around are told, and how many honest answers wait."""
    cases = [(case, True) for case in read_cases("ways_around", folder)]
    cases += [(case, False) for case in read_cases("honest", folder)]
    cases += of_the_bank()
    seconds: list[float] = []
    wrong: list[str] = []
    counts = {"ways": 0, "ways_told": 0, "honest": 0, "honest_waiting": 0}
    for case, shortcut in cases[:: 4 if quick else 1]:
        began = time.perf_counter()
        told = case.remarks()
        seconds.append(time.perf_counter() - began)
        counts["ways" if shortcut else "honest"] += 1
        counts["ways_told" if shortcut else "honest_waiting"] += bool(told)
        if bool(told) != shortcut:
            wrong.append(f"{case.exercise}: {case.title}: {told[0] if told else 'nothing is told'}")
    print(*wrong, sep="\n", end="\n" * bool(wrong))
    print(f"ways around that a person is told of:   {counts['ways_told']:4} of {counts['ways']:4}")
    print(f"honest answers that wait for a person:  {counts['honest_waiting']:4} of {counts['honest']:4}")
    print(f"reading one takes {1000 * median(seconds):.1f} ms, at most {1000 * max(seconds):.0f} ms")
    counts["read_ms"] = round(1000 * median(seconds), 2)
    print(json.dumps(counts))


if __name__ == "__main__":
    typer.run(main)
