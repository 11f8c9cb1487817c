"""Ways around and honest notebooks, read: none of the first is overlooked, hardly one of the others waits."""

import pytest

from autograder.demo.sample_class import BASE, banks, read_bank
from tests.autograder.read_cases import ReadCase, read_cases, stubs

WAYS, HONEST = list(read_cases("ways_around")), list(read_cases("honest"))


def name(case: ReadCase) -> str:
    return f"{case.exercise}: {case.title}"


def test_there_are_enough_of_both():
    assert len({way.cells for way in WAYS}) >= 120
    assert len({notebook.cells for notebook in HONEST}) >= 200


@pytest.mark.parametrize("way", WAYS, ids=name)
def test_a_way_around_is_told(way):
    assert way.remarks()


def test_hardly_an_honest_notebook_waits_for_a_person():
    waiting = {name(notebook): notebook.remarks() for notebook in HONEST}
    told = {title: list(map(str, remarks)) for title, remarks in waiting.items() if remarks}
    assert len(told) <= 0.01 * len(HONEST), told


@pytest.mark.parametrize("assignment", banks())
def test_of_the_bank_only_shortcuts_wait(assignment):
    bank = read_bank(assignment)
    for sample in bank.values():
        answers = {**bank[BASE].answers, **sample.answers}
        cells = tuple(text for exercise, text in answers.items() if exercise in stubs())
        for exercise in sample.answers.keys() & stubs().keys():
            told = ReadCase(sample.name, exercise, cells).remarks()
            assert bool(told) == (sample.points.get(exercise, 0.0) is None), (sample.name, exercise, told)
