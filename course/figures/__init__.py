"""Figures: one idea a file, each a function from data to a Figure."""

from course.figure import Figure
from course.figures.gate_patterns import gate_patterns
from course.figures.gradient_comparison import gradient_comparison
from course.figures.sigmoid_slope import sigmoid_slope

__all__ = ["Figure", "gate_patterns", "gradient_comparison", "sigmoid_slope"]
