"""Figures: one idea a file, each a function from data to a Figure.

``from course.figures import activation, live`` imports what these two need and no other figure;
``dir(course.figures)`` lists them all.
"""

import importlib
import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

from course.errors import did_you_mean

# pyright: reportUnsupportedDunderAll=false
# The names are imported when they are asked for; __init__.pyi tells type checkers where from.

# What follows is written by `make reference`, from the files of this folder.
__all__ = [
    "Figure",
    "activation",
    "activation_cost",
    "activation_family",
    "activation_histograms",
    "adversarial",
    "all_paths",
    "almost_everywhere",
    "attention_maps",
    "backward_cost",
    "batch_jacobian",
    "best_constant",
    "channel_maps",
    "compare_histories",
    "convolution",
    "cover_count",
    "curve_fits",
    "dead_relus",
    "decision_boundary",
    "dropout_batch_norm",
    "equal_start",
    "gate_patterns",
    "gradient_check",
    "gradient_comparison",
    "gradient_cost",
    "gradient_norm_by_depth",
    "gradient_shapes",
    "grid_or_random",
    "hidden_representation",
    "input_slopes",
    "iris_jacobian",
    "jacobian",
    "jacobian_cost",
    "joined_or_apart",
    "learning_curves",
    "learning_loop",
    "linear_scores",
    "live",
    "loss_contours",
    "loss_shapes",
    "loss_surface",
    "lstm_gates",
    "module_anatomy",
    "neuron_gradients",
    "path_counts",
    "pipelines",
    "rbf_cascade",
    "residual_gradient",
    "reused_parts",
    "secants",
    "sigmoid_slope",
    "softmax_cross_entropy",
    "tangent_plane",
    "tangent_zoom",
    "tent_map",
    "timeline",
    "training_memory",
    "two_epochs",
    "unit_length",
    "unrolled_rnn",
    "wrong_gradient",
    "zero_centered",
]
# Here ends what is written.


class _Door(ModuleType):
    """What this module is: each name is imported from its file when it is first asked for, as in PEP 562."""

    def __getattr__(self, name: str) -> Any:
        if name not in __all__:
            raise AttributeError(_unknown(name))
        place = "course.figure" if name == "Figure" else f"{__name__}.{name}"
        setattr(self, name, importlib.import_module(place))
        return vars(self)[name]

    def __setattr__(self, name: str, value: Any) -> None:
        # A file has its figure's name. Whoever imports it makes Python bind the file here; the figure is
        # meant.
        super().__setattr__(name, vars(value).get(name, value) if isinstance(value, ModuleType) else value)

    def __dir__(self) -> list[str]:
        return sorted({*vars(self), *__all__})


class _UnknownNames(MetaPathFinder):
    """The answer to ``from course.figures import jacobain``: an unknown name could be that of a file."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        package, _, name = fullname.rpartition(".")
        if package == __name__ and not name.startswith("_"):
            raise ImportError(_unknown(name), name=fullname)
        return None


def _unknown(name: str) -> str:
    hint = did_you_mean(name, __all__, "dir(course.figures) lists them all")
    return f"course.figures has no figure '{name}': {hint}"


sys.modules[__name__].__class__ = _Door
sys.meta_path.append(_UnknownNames())  # the last one, asked for what no other finds
