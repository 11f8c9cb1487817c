"""Data sets that need no internet, one a file: real ones, and drawn ones in the plane.

Each function returns a Dataset.
"""

from course.data.blobs import blobs
from course.data.breast_cancer import breast_cancer
from course.data.circles import circles
from course.data.dataset import Dataset, Split
from course.data.diabetes import diabetes
from course.data.digits import digits
from course.data.hills import hills
from course.data.iris import iris
from course.data.measured_digits import measured_digits
from course.data.photograph import photograph
from course.data.scaling import Scaling
from course.data.spirals import spirals
from course.data.two_moons import two_moons
from course.data.xor import xor

PLANE = {"two moons": two_moons, "circles": circles, "spirals": spirals, "XOR": xor, "blobs": blobs}
"""The drawn data sets by name; all but blobs have two classes."""

__all__ = [
    "PLANE",
    "Dataset",
    "Scaling",
    "Split",
    "blobs",
    "breast_cancer",
    "circles",
    "diabetes",
    "digits",
    "hills",
    "iris",
    "measured_digits",
    "photograph",
    "spirals",
    "two_moons",
    "xor",
]
