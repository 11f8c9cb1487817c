"""The modules of the course: one concept a file, forward and backward written by hand."""

import importlib
import pkgutil

from course.modules.abs import Abs
from course.modules.adaptive_avg_pool2d import AdaptiveAvgPool2d
from course.modules.add import Add
from course.modules.avg_pool2d import AvgPool2d
from course.modules.batch_norm1d import BatchNorm1d
from course.modules.batch_norm2d import BatchNorm2d
from course.modules.bce_loss import BCELoss
from course.modules.bce_with_logits_loss import BCEWithLogitsLoss
from course.modules.bilinear import Bilinear
from course.modules.concatenate import Concatenate
from course.modules.contrastive_loss import ContrastiveLoss
from course.modules.conv1d import Conv1d
from course.modules.conv2d import Conv2d
from course.modules.conv_transpose2d import ConvTranspose2d
from course.modules.copy import Copy
from course.modules.cos import Cos
from course.modules.cosine_unit import CosineUnit
from course.modules.cross_entropy_loss import CrossEntropyLoss
from course.modules.divide import Divide
from course.modules.dropout import Dropout
from course.modules.elu import ELU
from course.modules.embedding import Embedding
from course.modules.euclidean_loss import EuclideanLoss
from course.modules.exp import Exp
from course.modules.film import FiLM
from course.modules.flatten import Flatten
from course.modules.gate import Gate
from course.modules.gelu import GELU
from course.modules.global_avg_pool2d import GlobalAvgPool2d
from course.modules.glu import GLU
from course.modules.group_norm import GroupNorm
from course.modules.gru_cell import GRUCell
from course.modules.hardtanh import Hardtanh
from course.modules.hinge_loss import HingeLoss
from course.modules.huber_loss import HuberLoss
from course.modules.identity import Identity
from course.modules.kl_div_loss import KLDivLoss
from course.modules.l1_loss import L1Loss
from course.modules.l1_normalize import L1Normalize
from course.modules.l2_normalize import L2Normalize
from course.modules.layer_norm import LayerNorm
from course.modules.leaky_relu import LeakyReLU
from course.modules.linear import Linear
from course.modules.log import Log
from course.modules.log_loss import LogLoss
from course.modules.log_sigmoid import LogSigmoid
from course.modules.log_softmax import LogSoftmax
from course.modules.lstm import LSTM
from course.modules.lstm_cell import LSTMCell
from course.modules.matmul import MatMul
from course.modules.max import Max
from course.modules.max_pool2d import MaxPool2d
from course.modules.mean import Mean
from course.modules.mish import Mish
from course.modules.mse_loss import MSELoss
from course.modules.multihead_attention import MultiheadAttention
from course.modules.multiply import Multiply
from course.modules.negate import Negate
from course.modules.nll_loss import NLLLoss
from course.modules.noisy_relu import NoisyReLU
from course.modules.polynomial import Polynomial
from course.modules.power import Power
from course.modules.prelu import PReLU
from course.modules.radial_basis import RadialBasis
from course.modules.reciprocal import Reciprocal
from course.modules.relu import ReLU
from course.modules.relu6 import ReLU6
from course.modules.reshape import Reshape
from course.modules.rms_norm import RMSNorm
from course.modules.rnn_cell import RNNCell
from course.modules.scaled_dot_product_attention import ScaledDotProductAttention
from course.modules.selu import SELU
from course.modules.sigmoid import Sigmoid
from course.modules.silu import SiLU
from course.modules.sin import Sin
from course.modules.sine import Sine
from course.modules.smooth_l1_loss import SmoothL1Loss
from course.modules.softmax import Softmax
from course.modules.softplus import Softplus
from course.modules.softsign import Softsign
from course.modules.sqrt import Sqrt
from course.modules.square import Square
from course.modules.subtract import Subtract
from course.modules.sum import Sum
from course.modules.tanh import Tanh
from course.modules.transpose import Transpose
from course.modules.upsampling_nearest2d import UpsamplingNearest2d
from course.modules.zero_pad2d import ZeroPad2d

for _info in pkgutil.iter_modules(__path__):
    if _info.name.startswith("_fused"):  # the asides, which no module mentions
        importlib.import_module(f"{__name__}.{_info.name}")

__all__ = [
    "ELU",
    "GELU",
    "GLU",
    "LSTM",
    "SELU",
    "Abs",
    "AdaptiveAvgPool2d",
    "Add",
    "AvgPool2d",
    "BCELoss",
    "BCEWithLogitsLoss",
    "BatchNorm1d",
    "BatchNorm2d",
    "Bilinear",
    "Concatenate",
    "ContrastiveLoss",
    "Conv1d",
    "Conv2d",
    "ConvTranspose2d",
    "Copy",
    "Cos",
    "CosineUnit",
    "CrossEntropyLoss",
    "Divide",
    "Dropout",
    "Embedding",
    "EuclideanLoss",
    "Exp",
    "FiLM",
    "Flatten",
    "GRUCell",
    "Gate",
    "GlobalAvgPool2d",
    "GroupNorm",
    "Hardtanh",
    "HingeLoss",
    "HuberLoss",
    "Identity",
    "KLDivLoss",
    "L1Loss",
    "L1Normalize",
    "L2Normalize",
    "LSTMCell",
    "LayerNorm",
    "LeakyReLU",
    "Linear",
    "Log",
    "LogLoss",
    "LogSigmoid",
    "LogSoftmax",
    "MSELoss",
    "MatMul",
    "Max",
    "MaxPool2d",
    "Mean",
    "Mish",
    "MultiheadAttention",
    "Multiply",
    "NLLLoss",
    "Negate",
    "NoisyReLU",
    "PReLU",
    "Polynomial",
    "Power",
    "RMSNorm",
    "RNNCell",
    "RadialBasis",
    "ReLU",
    "ReLU6",
    "Reciprocal",
    "Reshape",
    "ScaledDotProductAttention",
    "SiLU",
    "Sigmoid",
    "Sin",
    "Sine",
    "SmoothL1Loss",
    "Softmax",
    "Softplus",
    "Softsign",
    "Sqrt",
    "Square",
    "Subtract",
    "Sum",
    "Tanh",
    "Transpose",
    "UpsamplingNearest2d",
    "ZeroPad2d",
]
