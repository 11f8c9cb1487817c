"""The explorer: graphs that students step through, forward and backward."""

from course.explorer.explorer import Explorer, explore
from course.explorer.trace import Trace
from course.explorer.tracing import trace

__all__ = ["Explorer", "Trace", "explore", "trace"]
