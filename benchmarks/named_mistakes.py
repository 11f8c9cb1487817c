"""How often a student's own mistake is named, and named rightly.

Each wrong answer of `benchmarks/students` is graded, or checked where no exercise asks for it. What a reader
said of the message is in judged.json: right (a student knows what to change), one (of two mistakes), vague,
wrong, none (only that numbers differ) or missed (nothing failed). A message that is not known yet counts for
none of these: it is written to a file for a reader, whose words are then taken in. What was said at first
sight, before anybody had looked at the cases, stands beside it.

    python benchmarks/named_mistakes.py [CASE …] [--to-judge FILE] [--judged FILE]
"""

import collections
import json
import re
import sys
import time
import warnings
from pathlib import Path
from typing import Annotated

import torch
import typer
from rich.progress import track

sys.path.insert(0, str(Path(__file__).parent.parent))

from benchmarks.students import Case, read_cases
from course.checking.part import Part
from course.checks import check_module
from course.exercises import find_exercise, grade

JUDGED = Path(__file__).parent / "students" / "judged.json"
CATEGORIES = ("right", "one", "vague", "wrong", "none", "missed")
LIKELY = 0.8
"""How sure a mistake is that is told as likely."""


def failures(case: Case) -> list[Part]:
    """What fails of a wrong answer: in its exercise, or where none asks for it, with its own inputs."""
    torch.manual_seed(0)
    if case.exercise:
        score = grade(find_exercise(case.exercise), case.answer)
        return [part for part in score.verdicts if not part.passed]
    return [part for part in check_module(case.module(), case.inputs()).parts if not part.passed]


def message(parts: list[Part]) -> str:
    """What a student reads, without the numbers, in which two machines may differ."""
    lines = [f"{part.name}: {part.line}" for part in parts]
    return re.sub(r"\d+(\.\d+)?(e[-+]?\d+)?", "#", "\n".join(lines))


def likely(parts: list[Part]) -> bool:
    """Whether a mistake is told as likely."""
    return any(part.mistake and part.mistake.confidence >= LIKELY for part in parts if not part.follows)


def main(
    names: Annotated[list[str] | None, typer.Argument()] = None,
    *,
    to_judge: Annotated[Path | None, typer.Option(help="Where new messages are written.")] = None,
    judged: Annotated[Path | None, typer.Option(help="The same file, when a reader filled it in.")] = None,
) -> None:
    """Print how the mistakes of students are named; of single cases, the messages."""
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    known = json.loads(JUDGED.read_text(encoding="utf-8"))
    if judged:
        for row in json.loads(judged.read_text(encoding="utf-8")):
            said = {field: row[field] for field in ("message", "judged", "why") if row.get(field)}
            earlier = known.get(row["case"], {})
            known[row["case"]] = said | {"first": earlier.get("first", row["judged"])}
        JUDGED.write_text(json.dumps(known, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    cases = read_cases()
    if unknown := [name for name in names or () if name not in cases]:
        raise typer.BadParameter(f"no case is called {', '.join(unknown)}")
    counts = {kind: collections.Counter[str]() for kind in ("one", "two", "subtle", "likely")}
    first = {f"{kind}, at first": collections.Counter[str]() for kind in ("one", "two", "subtle")}
    new: list[dict[str, str]] = []
    began = time.process_time()
    for case in track([cases[name] for name in names or cases], "Grading", disable=bool(names)):
        parts = failures(case)
        said = message(parts)
        row = known.get(case.name, {})
        category = "missed" if not parts else row["judged"] if row.get("message") == said else "to judge"
        counts[case.kind][category] += 1
        first[f"{case.kind}, at first"][row.get("first", "to judge")] += 1
        if likely(parts):
            counts["likely"][category] += 1
        if category == "to judge":
            new.append(
                {"case": case.name, "kind": case.kind, "truth": case.truth, "message": said, "judged": ""}
            )
        if names:
            print(f"{case.name}: {case.truth}", *(f"  {part.name}: {part.line}" for part in parts), sep="\n")
            print(f"  → {category} {row.get('why', '')}".rstrip())
    seconds = time.process_time() - began
    counts = first | counts
    columns = [*CATEGORIES, *(["to judge"] if new else [])]
    print(f"{'':16}" + "".join(f"{column:>9}" for column in columns))
    for kind, count in counts.items():
        print(f"{kind:16}" + "".join(f"{count[column]:9}" for column in columns) + f"   of {count.total()}")
    print(f"{1000 * seconds / sum(counts[kind].total() for kind in ('one', 'two', 'subtle')):.0f} ms a case")
    if new and to_judge:
        to_judge.write_text(json.dumps(new, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        print(
            f"{len(new)} messages for a reader are in {to_judge}: fill in `judged`, and give it to --judged"
        )
    print(json.dumps({kind: dict(count) for kind, count in counts.items()}))


if __name__ == "__main__":
    typer.run(main)
