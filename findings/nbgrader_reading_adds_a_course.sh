#!/usr/bin/env bash
# nbgrader 0.9.6: opening a gradebook to read from it writes a course called "default_course" into it.
#
# Behavior: Gradebook(address), without a course_id, commits a row "default_course" to the table of courses of a
# gradebook that belongs to another course; an empty course_id writes nothing, which its docstring does not tell
# (it says that the default is ''). Expected: opening and asking for the assignments changes nothing. Whoever
# opens a gradebook so from several processes has them insert the same primary key.
#
# Output seen:
#   before:                   ['deep-learning']
#   opened without a course:  ['deep-learning', 'default_course']
#   opened with course_id='': ['deep-learning']
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check nbgrader==0.9.6 sqlalchemy==2.1.9
cat > "$folder/seen.py" <<'PY'
import sqlite3
import sys

from nbgrader.api import Gradebook


def courses(path):
    with sqlite3.connect(path) as database:
        return sorted(name for (name,) in database.execute("select id from course"))


def opened(name, **options):
    path = f"{sys.argv[1]}/{name}.db"
    with Gradebook(f"sqlite:///{path}", "deep-learning"):
        pass
    before = courses(path)
    with Gradebook(f"sqlite:///{path}", **options) as gradebook:
        assert gradebook.assignments == []
    return before, courses(path)


before, after = opened("default")
print("before:                  ", before)
print("opened without a course: ", after)
assert (before, after) == (["deep-learning"], ["deep-learning", "default_course"])
before, after = opened("empty", course_id="")
print("opened with course_id='':", after)
assert before == after == ["deep-learning"]
PY
cd "$folder"
PATH="$folder/venv/bin:$PATH" python "$folder/seen.py" "$folder"  # nbgrader calls alembic by its name
