"""The public door to derivatives that are measured: by central differences, or by a complex step."""

from course.checking.gradients import (
    complex_step_gradients,
    crosses_kink,
    numerical_gradients,
    projected_gradients,
    random_directions,
    sample,
    step_size,
)

__all__ = [
    "complex_step_gradients",
    "crosses_kink",
    "numerical_gradients",
    "projected_gradients",
    "random_directions",
    "sample",
    "step_size",
]
