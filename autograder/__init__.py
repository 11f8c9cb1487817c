"""Autograding for instructors, on top of nbgrader: `cli` is the front door, `settings` says where things lie.

The life of a submission, and the room of each step:

1. handing_out    makes the students' notebook, and the library without the answers that it asks for;
2. collecting     finds out whose a file is, and puts it into submitted/<student>/<assignment>/;
3. running        hardens it (the instructor's cells with the student's answers), and runs it in a worker,
4. sandbox        in a process that sees nothing but the students' edition; inside/ is what runs there;
5. running.judge  asks that process about each answer, from outside, and writes what it earned under the test;
6. nbgrader_steps lets nbgrader's autograde read that cell, 0 where it holds no points;
7. gradebook      takes the whole submission or nothing of it, and notes when it came;
8. pages          shows it: the table, the student's page, the class report, files for Canvas and Moodle.

The life of a point: `running.judge` (a verdict) → `running.execute` (the test cell's last output) →
`nbgrader_steps.fail_closed` (a number from 0 to the cell's most) → nbgrader's SaveAutoGrades (a row) →
`nbgrader_steps.review` (a person looks first) → `gradebook.late` (a penalty) → the formgrader (points by
hand) → `gradebook.grades` (one total, `Submission.total`), which all of `pages` reads. `demo` takes a sample
class through all of it.
"""

import sys

from autograder.nbgrader_steps.old_names import OldNames

sys.meta_path.append(OldNames())
