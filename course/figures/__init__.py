"""Figures: one idea a file, each a function from data to a Figure.

``from course.figures import activation, live`` imports what these two need and no other figure;
``dir(course.figures)`` lists them all.
"""

import difflib
import importlib
import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import TYPE_CHECKING, Any

# What follows is written by `make reference`, from the files of this folder.
if TYPE_CHECKING:
    from course.figure import Figure
    from course.figures.activation import activation
    from course.figures.activation_cost import activation_cost
    from course.figures.activation_family import activation_family
    from course.figures.activation_histograms import activation_histograms
    from course.figures.adversarial import adversarial
    from course.figures.all_paths import all_paths
    from course.figures.almost_everywhere import almost_everywhere
    from course.figures.attention_maps import attention_maps
    from course.figures.backward_cost import backward_cost
    from course.figures.batch_jacobian import batch_jacobian
    from course.figures.best_constant import best_constant
    from course.figures.channel_maps import channel_maps
    from course.figures.compare_histories import compare_histories
    from course.figures.convolution import convolution
    from course.figures.cover_count import cover_count
    from course.figures.curve_fits import curve_fits
    from course.figures.dead_relus import dead_relus
    from course.figures.decision_boundary import decision_boundary
    from course.figures.dropout_batch_norm import dropout_batch_norm
    from course.figures.equal_start import equal_start
    from course.figures.gate_patterns import gate_patterns
    from course.figures.gradient_check import gradient_check
    from course.figures.gradient_comparison import gradient_comparison
    from course.figures.gradient_cost import gradient_cost
    from course.figures.gradient_norm_by_depth import gradient_norm_by_depth
    from course.figures.gradient_shapes import gradient_shapes
    from course.figures.grid_or_random import grid_or_random
    from course.figures.hidden_representation import hidden_representation
    from course.figures.input_slopes import input_slopes
    from course.figures.iris_jacobian import iris_jacobian
    from course.figures.jacobian import jacobian
    from course.figures.jacobian_cost import jacobian_cost
    from course.figures.joined_or_apart import joined_or_apart
    from course.figures.learning_curves import learning_curves
    from course.figures.learning_loop import learning_loop
    from course.figures.linear_scores import linear_scores
    from course.figures.live import live
    from course.figures.loss_contours import loss_contours
    from course.figures.loss_shapes import loss_shapes
    from course.figures.loss_surface import loss_surface
    from course.figures.lstm_gates import lstm_gates
    from course.figures.module_anatomy import module_anatomy
    from course.figures.neuron_gradients import neuron_gradients
    from course.figures.path_counts import path_counts
    from course.figures.pipelines import pipelines
    from course.figures.rbf_cascade import rbf_cascade
    from course.figures.residual_gradient import residual_gradient
    from course.figures.reused_parts import reused_parts
    from course.figures.secants import secants
    from course.figures.sigmoid_slope import sigmoid_slope
    from course.figures.softmax_cross_entropy import softmax_cross_entropy
    from course.figures.tangent_plane import tangent_plane
    from course.figures.tangent_zoom import tangent_zoom
    from course.figures.tent_map import tent_map
    from course.figures.timeline import timeline
    from course.figures.training_memory import training_memory
    from course.figures.two_epochs import two_epochs
    from course.figures.unit_length import unit_length
    from course.figures.unrolled_rnn import unrolled_rnn
    from course.figures.wrong_gradient import wrong_gradient
    from course.figures.zero_centered import zero_centered

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
        # A file has its figure's name. Whoever imports it makes Python bind the file here; the figure is meant.
        super().__setattr__(name, vars(value).get(name, value) if isinstance(value, ModuleType) else value)

    def __dir__(self) -> list[str]:
        return sorted({*vars(self), *__all__})


class _UnknownNames(MetaPathFinder):
    """The answer to ``from course.figures import jacobain``: Python takes an unknown name for that of a file."""

    def find_spec(self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None) -> ModuleSpec | None:
        package, _, name = fullname.rpartition(".")
        if package == __name__ and not name.startswith("_"):
            raise ImportError(_unknown(name), name=fullname)
        return None


def _unknown(name: str) -> str:
    near = difflib.get_close_matches(name, __all__, n=1)
    hint = f"did you mean '{near[0]}'?" if near else "dir(course.figures) lists them all"
    return f"course.figures has no figure '{name}': {hint}"


sys.modules[__name__].__class__ = _Door
sys.meta_path.append(_UnknownNames())  # the last one, asked for what no other finds
