"""Modular Learning: deep learning from modules whose backward pass is written by hand."""

from course.containers.chain import Chain
from course.containers.graph import Graph
from course.containers.residual import Residual
from course.containers.unroll import Unroll
from course.device import device, generator, tensor
from course.errors import (
    DeviceError,
    DtypeError,
    InputCountError,
    InputError,
    RankError,
    SavedError,
    SizeError,
)
from course.fused import fused_kernels
from course.modes import release_saved
from course.module import Buffer, Example, Module, Parameter
from course.summary import summary

__all__ = [
    "Buffer",
    "Chain",
    "DeviceError",
    "DtypeError",
    "Example",
    "Graph",
    "InputCountError",
    "InputError",
    "Module",
    "Parameter",
    "RankError",
    "Residual",
    "SavedError",
    "SizeError",
    "Unroll",
    "device",
    "fused_kernels",
    "generator",
    "release_saved",
    "summary",
    "tensor",
]
__version__ = "0.1.0"
