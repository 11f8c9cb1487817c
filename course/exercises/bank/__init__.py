"""The questions: a file an assignment, each with its `EXERCISES`. Whatever file lies here is found."""
