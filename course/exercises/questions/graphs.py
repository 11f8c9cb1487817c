"""The graphs of assignment 01, built with a student's own class."""

from typing import Any

from course.module import Module
from course.modules import Add, CosineUnit, Max, Multiply, Negate, Sigmoid


def one_path(graph: Any) -> Module:
    """(x + y) · z."""
    made = graph("x", "y", "z")
    made.add("q", Add(), "x", "y")
    made.add("f", Multiply(), "q", "z")
    return made


def fan_out(graph: Any) -> Module:
    """x² + x y."""
    made = graph("x", "y")
    made.add("square", Multiply(), "x", "x")
    made.add("product", Multiply(), "x", "y")
    made.add("f", Add(), "square", "product")
    return made


def long_and_short_path(graph: Any) -> Module:
    """One value is read early, and again after three nodes."""
    made = graph("x", "y")
    made.add("early", Sigmoid(), "x")
    made.add("aside", Multiply(), "early", "y")
    made.add("late", Negate(), "aside")
    made.add("later", Sigmoid(), "late")
    made.add("f", Multiply(), "early", "later")
    return made


def with_parameter(graph: Any) -> Module:
    """A node has a parameter."""
    made = graph("x", "y")
    made.add("wave", CosineUnit(), "x")
    made.add("larger", Max(), "wave", "y")
    made.add("f", Multiply(), "larger", "wave")
    return made


def added_again(graph: Any) -> Module:
    """(x + y) + x."""
    made = graph("x", "y")
    made.add("sum", Add(), "x", "y")
    made.add("f", Add(), "sum", "x")
    return made


def dead_end(graph: Any) -> Module:
    """Two nodes lead nowhere."""
    made = graph("x", "y")
    made.add("aside", Sigmoid(), "y")
    made.add("f", Multiply(), "x", "y")
    made.add("after", Negate(), "aside")
    made.outputs = ("f",)
    return made


def unread_input(graph: Any) -> Module:
    """One input is not read."""
    made = graph("z", "y", "x")
    made.add("f", Multiply(), "x", "z")
    return made


def one_input(graph: Any) -> Module:
    """x²."""
    made = graph("x")
    made.add("f", Multiply(), "x", "x")
    return made
