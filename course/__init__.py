"""Modular Learning: deep learning from modules whose backward pass is written by hand."""

from course.chain import Chain
from course.device import DeviceError, device, generator, tensor
from course.graph import Graph
from course.module import Example, Module, Parameter

__all__ = ["Chain", "DeviceError", "Example", "Graph", "Module", "Parameter", "device", "generator", "tensor"]
__version__ = "0.1.0"
