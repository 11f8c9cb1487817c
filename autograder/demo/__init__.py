"""The sample class of `autograder demo`, and its bank of submissions."""
