"""Figures: one idea a file, each a function from data to a Figure."""

from course.figures.figure import Figure
from course.figures.gradient_comparison import gradient_comparison

__all__ = ["Figure", "gradient_comparison"]
