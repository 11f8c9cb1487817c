"""The modules of the course: one concept a file, forward and backward written by hand."""

from course.modules.abs import Abs
from course.modules.add import Add
from course.modules.concatenate import Concatenate
from course.modules.copy import Copy
from course.modules.cos import Cos
from course.modules.cosine_unit import CosineUnit
from course.modules.divide import Divide
from course.modules.elu import ELU
from course.modules.euclidean_loss import EuclideanLoss
from course.modules.exp import Exp
from course.modules.gelu import GELU
from course.modules.glu import GLU
from course.modules.hardtanh import Hardtanh
from course.modules.identity import Identity
from course.modules.leaky_relu import LeakyReLU
from course.modules.linear import Linear
from course.modules.log import Log
from course.modules.log_sigmoid import LogSigmoid
from course.modules.log_softmax import LogSoftmax
from course.modules.matmul import MatMul
from course.modules.max import Max
from course.modules.mean import Mean
from course.modules.mish import Mish
from course.modules.multiply import Multiply
from course.modules.negate import Negate
from course.modules.noisy_relu import NoisyReLU
from course.modules.power import Power
from course.modules.prelu import PReLU
from course.modules.reciprocal import Reciprocal
from course.modules.relu import ReLU
from course.modules.relu6 import ReLU6
from course.modules.reshape import Reshape
from course.modules.selu import SELU
from course.modules.sigmoid import Sigmoid
from course.modules.silu import SiLU
from course.modules.sin import Sin
from course.modules.softmax import Softmax
from course.modules.softplus import Softplus
from course.modules.softsign import Softsign
from course.modules.sqrt import Sqrt
from course.modules.square import Square
from course.modules.subtract import Subtract
from course.modules.sum import Sum
from course.modules.tanh import Tanh
from course.modules.transpose import Transpose

__all__ = [
    "ELU",
    "GELU",
    "GLU",
    "SELU",
    "Abs",
    "Add",
    "Concatenate",
    "Copy",
    "Cos",
    "CosineUnit",
    "Divide",
    "EuclideanLoss",
    "Exp",
    "Hardtanh",
    "Identity",
    "LeakyReLU",
    "Linear",
    "Log",
    "LogSigmoid",
    "LogSoftmax",
    "MatMul",
    "Max",
    "Mean",
    "Mish",
    "Multiply",
    "Negate",
    "NoisyReLU",
    "PReLU",
    "Power",
    "ReLU",
    "ReLU6",
    "Reciprocal",
    "Reshape",
    "SiLU",
    "Sigmoid",
    "Sin",
    "Softmax",
    "Softplus",
    "Softsign",
    "Sqrt",
    "Square",
    "Subtract",
    "Sum",
    "Tanh",
    "Transpose",
]
