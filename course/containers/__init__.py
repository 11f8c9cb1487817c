"""Containers: networks made of modules. Each is a Module itself, so that networks go into networks."""

from course.containers.chain import Chain
from course.containers.graph import Graph
from course.containers.residual import Residual
from course.containers.unroll import Unroll

__all__ = ["Chain", "Graph", "Residual", "Unroll"]
