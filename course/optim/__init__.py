"""Optimizers: how parameters move, given their gradients. Names and defaults are torch.optim's."""

from course.optim.adagrad import Adagrad
from course.optim.adam import Adam
from course.optim.adamw import AdamW
from course.optim.clipping import clip_grad_norm_, clip_grad_value_
from course.optim.momentum import Momentum
from course.optim.optimizer import Optimizer
from course.optim.plateau import ReduceLROnPlateau
from course.optim.rmsprop import RMSProp
from course.optim.schedule import Schedule
from course.optim.schedules import CosineAnnealingLR, ExponentialLR, LambdaLR, LinearLR, MultiStepLR, StepLR
from course.optim.sequential import SequentialLR
from course.optim.sgd import SGD

__all__ = [
    "SGD",
    "Adagrad",
    "Adam",
    "AdamW",
    "CosineAnnealingLR",
    "ExponentialLR",
    "LambdaLR",
    "LinearLR",
    "Momentum",
    "MultiStepLR",
    "Optimizer",
    "RMSProp",
    "ReduceLROnPlateau",
    "Schedule",
    "SequentialLR",
    "StepLR",
    "clip_grad_norm_",
    "clip_grad_value_",
]
