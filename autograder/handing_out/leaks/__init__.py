"""Leaks: answers that stand in what students receive, found by comparing syntax trees."""

from autograder.handing_out.leaks.answers import Answer, all_answers, answers_of_library
from autograder.handing_out.leaks.search import Leak, find_in, find_leaks

__all__ = ["Answer", "Leak", "all_answers", "answers_of_library", "find_in", "find_leaks"]
