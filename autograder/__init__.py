"""Grading for instructors, on top of nbgrader: `autograder --help`, and nbgrader's own commands from the course's root."""
