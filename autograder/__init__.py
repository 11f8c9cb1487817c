"""Grading for instructors: generates assignments, grades submissions through nbgrader, writes feedback."""
