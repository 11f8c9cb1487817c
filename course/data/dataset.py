"""Dataset: inputs and targets as tensors of the course, what they are called, and where they come from."""

from dataclasses import dataclass, replace
from typing import Any, NamedTuple, Self

import torch
from torch import Tensor

from course.data.description import table
from course.data.scaling import Scaling
from course.device import tensor

MOST_FEATURES = 30
"""So many features get a line of their own in a description; the pixels of an image are taken together."""


@dataclass(frozen=True, eq=False)
class Dataset:
    """Examples: one row of `inputs` and one of `targets` for each.

    Nothing of a data set changes; methods hand back another one.

    Args:
        name: what the data set is called.
        inputs: examples × features, or examples × channels × height × width.
        targets: a class for each example (whole numbers, one axis), or numbers to predict (examples ×
            outputs).
        feature_names: one for each column of the inputs (of images: for each pixel).
        target_names: one for each class, or for each output.
        source: where the data are described.
        units: one for each feature, or empty where there are none.
        target_unit: the unit of numbers to predict.
        input_scaling, target_scaling: what `standardize` has done.
    """

    name: str
    inputs: Tensor
    targets: Tensor
    feature_names: tuple[str, ...]
    target_names: tuple[str, ...]
    source: str
    units: tuple[str, ...] = ()
    target_unit: str = ""
    input_scaling: Scaling | None = None
    target_scaling: Scaling | None = None

    @classmethod
    def make(
        cls, name: str, inputs: Any, targets: Any, *, dtype: torch.dtype = torch.float32, **about: Any
    ) -> Self:
        """From arrays: floating point as `dtype`, classes as int64, on the course's device."""
        targets = torch.as_tensor(targets)
        kind = dtype if targets.is_floating_point() else torch.int64
        return cls(name, tensor(inputs, dtype), tensor(targets, kind), **about)

    @property
    def classifies(self) -> bool:
        """Whether the targets are classes; else they are numbers to predict."""
        return not self.targets.is_floating_point()

    @property
    def feature_labels(self) -> tuple[str, ...]:
        """The features' names with their units, for axes."""
        units = self.units if self.units and self.input_scaling is None else ("",) * len(self.feature_names)
        return tuple(
            f"{name} ({unit})" if unit else name for name, unit in zip(self.feature_names, units, strict=True)
        )

    def only(self, *names: str) -> "Dataset":
        """The data set with these features alone, in this order.

        Raises:
            ValueError: there is no such feature, or it was standardized already.
        """
        for name in names:
            if name not in self.feature_names:
                raise ValueError(
                    f"{self.name} has no feature '{name}': there are {', '.join(self.feature_names)}"
                )
        if self.input_scaling is not None:
            raise ValueError(
                f"choose features of {self.name} before standardize(), which keeps a mean for each of them"
            )
        columns = [self.feature_names.index(name) for name in names]
        units = tuple(self.units[column] for column in columns) if self.units else ()
        return replace(self, inputs=self.inputs[:, columns], feature_names=names, units=units)

    def split(self, test: float = 0.25, seed: int = 0) -> "Split":
        """Deal the examples at random into a training and a test part; each class keeps its share in both.

        Raises:
            ValueError: `test` is not between 0 and 1, or leaves a part without one of the classes.
        """
        # here, since loading it takes longer than loading the course
        from sklearn.model_selection import train_test_split

        if not 0 < test < 1:
            raise ValueError(
                f"test={test} is no share of the examples: pass a number between 0 and 1, such as 0.25"
            )
        strata = self.targets.cpu().numpy() if self.classifies else None
        parts = train_test_split(range(len(self)), test_size=test, random_state=seed, stratify=strata)
        return Split(*(self[torch.tensor(part)] for part in parts))

    def standardize(self, by: "Dataset | None" = None, *, targets: bool = False) -> "Dataset":
        """Each feature with mean 0 and deviation 1, in the numbers of `by`: the training part.

        Args:
            by: whose mean and deviation are taken, be it standardized already or not; this data set's own if
                None.
            targets: numbers to predict are standardized, too; `in_units` takes them back.

        Raises:
            ValueError: it is standardized already, or its targets are classes.
        """
        if self.input_scaling is not None:
            raise ValueError(f"{self.name} is standardized already")
        if targets and self.classifies:
            raise ValueError(f"the targets of {self.name} are classes, not numbers: leave out targets=True")
        by = by or self
        scaling = by.input_scaling or Scaling.of(by.inputs)
        scaled = replace(self, inputs=scaling.apply(self.inputs), input_scaling=scaling)
        if not targets:
            return scaled
        scaling = by.target_scaling or Scaling.of(by.targets)
        return replace(scaled, targets=scaling.apply(self.targets), target_scaling=scaling)

    def in_units(self, outputs: Tensor) -> Tensor:
        """A model's outputs in the unit of the targets as they were before `standardize`."""
        return self.target_scaling.undo(outputs) if self.target_scaling else outputs

    def describe(self) -> str:
        """A table for `print`: range, mean and deviation of each feature, size of each class, source."""
        inputs = self.inputs.flatten(1)
        if inputs.shape[1] <= MOST_FEATURES:
            columns = dict(zip(self.feature_labels, inputs.T, strict=True))
        else:
            unit = (
                f" ({self.units[0]})" if self.units and self.units[0] and self.input_scaling is None else ""
            )
            columns = {f"all {inputs.shape[1]} features{unit}": inputs}
        counts = ""
        if self.classifies:
            examples = torch.bincount(self.targets, minlength=len(self.target_names)).tolist()
            classes = zip(self.target_names, examples, strict=True)
            counts = f"classes: {', '.join(f'{name} {count}' for name, count in classes)}"
        else:
            unit = f" ({self.target_unit})" if self.target_unit and self.target_scaling is None else ""
            columns |= {f"→ {name}{unit}": self.targets[:, i] for i, name in enumerate(self.target_names)}
        lines = [*table(columns), *([counts] if counts else [])]
        return "\n".join([f"{self.name}: {len(self):,} examples", "", *lines, "", f"Source: {self.source}"])

    def __len__(self) -> int:
        return len(self.targets)

    def __getitem__(self, rows: Tensor | slice) -> "Dataset":
        rows = rows.to(self.targets.device) if isinstance(rows, Tensor) else rows
        return replace(self, inputs=self.inputs[rows], targets=self.targets[rows])

    def __repr__(self) -> str:
        shape = " × ".join(map(str, self.inputs.shape[1:]))
        what = f"{len(self.target_names)} classes" if self.classifies else ", ".join(self.target_names)
        return f"Dataset({self.name}: {len(self)} examples of {shape}, {what})"


class Split(NamedTuple):
    """A training and a test part of one data set."""

    train: Dataset
    test: Dataset

    def standardize(self, *, targets: bool = False) -> "Split":
        """Both parts by the mean and deviation of the training part; nothing of the test part is used."""
        train = self.train.standardize(targets=targets)
        return Split(train, self.test.standardize(by=train, targets=targets))
