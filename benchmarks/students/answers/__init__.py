"""The wrong answers, a file for each assignment or family of modules."""
