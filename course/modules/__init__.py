"""The modules of the course: one concept a file, forward and backward written by hand."""

from course.modules.add import Add
from course.modules.copy import Copy
from course.modules.cosine_unit import CosineUnit
from course.modules.euclidean_loss import EuclideanLoss
from course.modules.exp import Exp
from course.modules.linear import Linear
from course.modules.max import Max
from course.modules.multiply import Multiply
from course.modules.negate import Negate
from course.modules.reciprocal import Reciprocal
from course.modules.sigmoid import Sigmoid
from course.modules.subtract import Subtract

__all__ = [
    "Add",
    "Copy",
    "CosineUnit",
    "EuclideanLoss",
    "Exp",
    "Linear",
    "Max",
    "Multiply",
    "Negate",
    "Reciprocal",
    "Sigmoid",
    "Subtract",
]
