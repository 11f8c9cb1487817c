"""Data sets: they are the published ones, split fairly, and on the course's device.

They are standardized by the training part alone.
"""

import numpy as np
import pytest
import torch
from sklearn import datasets as published
from sklearn.preprocessing import StandardScaler

import course
from course.data import (
    PLANE,
    Dataset,
    blobs,
    breast_cancer,
    circles,
    diabetes,
    digits,
    hills,
    iris,
    measured_digits,
    photograph,
    spirals,
    two_moons,
    xor,
)

EVERY = {
    "digits": digits,
    "measured digits": measured_digits,
    "iris": iris,
    "breast cancer": breast_cancer,
    "diabetes": diabetes,
    "hills": hills,
    **PLANE,
}


@pytest.mark.parametrize("name", EVERY)
def test_a_data_set_knows_what_it_holds(name):
    data = EVERY[name]()
    assert data.name == name
    assert data.inputs.dtype == torch.float32
    assert {data.inputs.device.type, data.targets.device.type} == {course.device().type}
    assert len(data) == len(data.inputs) == len(data.targets) >= 100
    assert data.inputs.isfinite().all()
    assert len(data.feature_names) == data.inputs.flatten(1).shape[1]
    assert len(data.units) in (0, len(data.feature_names))
    if data.classifies:
        assert data.targets.dtype == torch.int64
        assert data.targets.unique().tolist() == list(range(len(data.target_names)))
    else:
        assert data.targets.shape == (len(data), len(data.target_names))
        assert data.targets.dtype == torch.float32
    assert len(data.source) > 20
    said = data.describe()
    assert data.source in said
    assert f"{len(data):,} examples" in said
    assert all(name in said for name in data.target_names)
    assert EVERY[name](dtype=torch.float64).inputs.dtype == torch.float64


@pytest.mark.parametrize(
    ("ours", "theirs", "factor"),
    [
        (digits, published.load_digits, 16),
        (iris, published.load_iris, 1),
        (breast_cancer, published.load_breast_cancer, 1),
    ],
    ids=["digits", "iris", "breast cancer"],
)
def test_tables_are_the_published_ones(ours, theirs, factor):
    data, bunch = ours(dtype=torch.float64), theirs()
    np.testing.assert_allclose(data.inputs.cpu() * factor, bunch.data)
    np.testing.assert_array_equal(data.targets.cpu(), bunch.target)
    assert [str(name) for name in bunch.target_names] == list(data.target_names)


def test_names_stand_at_their_columns():
    known = [name.removesuffix(" (cm)") for name in published.load_iris().feature_names]
    assert list(iris().feature_names) == known
    theirs = [str(name) for name in published.load_breast_cancer().feature_names]
    # "radius, mean" → "mean radius"
    ours = [" ".join(name.split(", ")[::-1]) for name in breast_cancer().feature_names]
    assert [name.replace(" error", "") if name.endswith("error") else name for name in theirs] == [
        name.removeprefix("error ") for name in ours
    ]
    data = diabetes()
    age, pressure = (data.inputs[:, data.feature_names.index(name)] for name in ("age", "blood pressure"))
    assert (age.min().item(), age.max().item()) == (19, 79)  # in years
    assert 60 < pressure.min().item() < pressure.max().item() < 140


def test_diabetes_in_its_own_units():
    data = diabetes(dtype=torch.float64)
    scaled, progression = published.load_diabetes(return_X_y=True)  # centered, columns of length 1
    centered = data.inputs.cpu().numpy() - data.inputs.cpu().numpy().mean(axis=0)
    np.testing.assert_allclose(centered / np.linalg.norm(centered, axis=0), scaled, atol=1e-9)
    np.testing.assert_array_equal(data.targets[:, 0].cpu(), progression)
    assert data.targets.mean().item() == pytest.approx(152.13, abs=0.01)


def test_images_are_the_rows_of_pixels():
    flat, images = digits(), digits(images=True)
    assert images.inputs.shape == (1797, 1, 8, 8)
    assert torch.equal(images.inputs.flatten(1), flat.inputs)
    assert 0 <= flat.inputs.min() < flat.inputs.max() == 1
    assert flat.feature_names[10] == "row 1, column 2"


def test_hills_are_in_kilometers_and_meters():
    data = hills()
    way = data.inputs[:, 0]
    steps = way[1:] - way[:-1]
    assert steps.mean().item() * 1000 == pytest.approx(
        111_200 * 0.000833333 * np.cos(np.radians(36.57)), rel=2e-3
    )
    assert data.targets.min() > 230
    assert data.targets.max() < 1080  # the map's lowest and highest points
    assert not torch.equal(hills(0).targets, data.targets)
    with pytest.raises(ValueError, match="row=344 is not on the map"):
        hills(344)


def test_drawn_ones_lie_on_their_curves():
    points = circles(noise=0.0, inner=0.3)
    radius = points.inputs.norm(dim=1)
    assert torch.allclose(radius, torch.where(points.targets == 0, 1.0, 0.3), atol=1e-6)
    moons = two_moons(noise=0.0)
    upper, lower = (moons.inputs[moons.targets == label] for label in (0, 1))
    assert torch.allclose(upper.norm(dim=1), torch.ones(len(upper)), atol=1e-6)
    assert torch.allclose((lower - course.tensor([1.0, 0.5])).norm(dim=1), torch.ones(len(lower)), atol=1e-6)
    wound = spirals(301, arms=3, turns=1.5, noise=0.0)
    radius, angle = wound.inputs.norm(dim=1), torch.atan2(wound.inputs[:, 1], wound.inputs[:, 0])
    along = angle - 2 * torch.pi * (1.5 * radius + wound.targets / 3)
    assert torch.allclose(torch.cos(along), torch.ones(301), atol=1e-3)
    assert wound.targets.bincount().tolist() == [101, 100, 100]
    with pytest.raises(ValueError, match="2 points on 3 arms"):
        spirals(2, arms=3)
    clouds = blobs(4000, classes=2, spread=0.5)
    assert clouds.inputs[clouds.targets == 0].std(dim=0).cpu() == pytest.approx([0.5, 0.5], abs=0.03)


def test_xor_without_noise_is_its_truth_table():
    table = xor(4, noise=0.0)
    assert table.inputs.tolist() == [[0, 0], [0, 1], [1, 0], [1, 1]]
    assert table.targets.tolist() == [0, 1, 1, 0]


@pytest.mark.parametrize("name", PLANE)
def test_the_seed_decides(name):
    assert torch.equal(PLANE[name](seed=3).inputs, PLANE[name](seed=3).inputs)
    assert not torch.equal(PLANE[name](seed=3).inputs, PLANE[name](seed=4).inputs)


def test_split_gives_each_class_its_share():
    for data in (digits(), breast_cancer(), iris()):
        train, test = data.split(test=0.2, seed=1)
        assert len(train) + len(test) == len(data)
        whole, part = data.targets.bincount() / len(data), test.targets.bincount() / len(test)
        assert (whole - part).abs().max() < 1 / len(test) + 1e-6
        rows = {tuple(row) for row in train.inputs.tolist()} | {tuple(row) for row in test.inputs.tolist()}
        assert rows == {tuple(row) for row in data.inputs.tolist()}
    train, test = diabetes().split()
    assert (len(train), len(test)) == (331, 111)
    again = diabetes().split()
    assert torch.equal(again.train.inputs, train.inputs)
    assert not torch.equal(diabetes().split(seed=1).train.inputs, train.inputs)
    with pytest.raises(ValueError, match="test=25 is no share"):
        diabetes().split(test=25)


def test_a_split_keeps_inputs_and_targets_together():
    data = iris()
    pairs = {(*row, label) for row, label in zip(data.inputs.tolist(), data.targets.tolist(), strict=True)}
    for part in data.split(seed=5):
        assert {
            (*row, label) for row, label in zip(part.inputs.tolist(), part.targets.tolist(), strict=True)
        } <= pairs


def test_standardize_looks_at_the_training_part_alone():
    train, test = digits(dtype=torch.float64).split()  # some of whose pixels are always 0
    scaler = StandardScaler().fit(train.inputs.cpu().numpy())
    ours = digits(dtype=torch.float64).split().standardize()
    for mine, part in zip(ours, (train, test), strict=True):
        np.testing.assert_allclose(mine.inputs.cpu(), scaler.transform(part.inputs.cpu().numpy()), atol=1e-9)
    late = test.standardize(by=train.standardize())  # the training part may be standardized already
    assert torch.equal(late.inputs, ours.test.inputs)
    with pytest.raises(ValueError, match="standardized already"):
        ours.train.standardize()


def test_a_feature_that_never_changes_is_only_centered():
    data = Dataset.make(
        "level",
        [[0.1, 1.0], [0.1, 3.0], [0.1, 5.0]],
        [0, 1, 0],
        feature_names=("a", "b"),
        target_names=("n", "y"),
        source="here",
    )
    assert data.standardize().inputs[:, 0].abs().max() < 1e-6
    assert data.standardize().inputs[:, 1].std(correction=0).item() == pytest.approx(1)


def test_targets_standardized_and_brought_back():
    plain, scaled = hills().split(), hills().split().standardize(targets=True)
    assert scaled.train.targets.mean().item() == pytest.approx(0, abs=1e-5)
    assert scaled.train.targets.std(correction=0).item() == pytest.approx(1, abs=1e-5)
    assert torch.allclose(scaled.test.in_units(scaled.test.targets), plain.test.targets, rtol=1e-5)
    assert torch.equal(plain.test.in_units(plain.test.targets), plain.test.targets)
    assert "(m)" in plain.train.describe()
    assert "(m)" not in scaled.train.describe()
    with pytest.raises(ValueError, match="classes, not numbers"):
        iris().standardize(targets=True)


def test_only_some_features():
    data = iris()
    two = data.only("petal width", "sepal length")
    assert torch.equal(two.inputs, data.inputs[:, [3, 0]])
    assert two.feature_labels == ("petal width (cm)", "sepal length (cm)")
    assert two.standardize().feature_labels == ("petal width", "sepal length")
    with pytest.raises(ValueError, match="no feature 'leaf': there are sepal length"):
        data.only("leaf")
    with pytest.raises(ValueError, match="before standardize"):
        data.standardize().only("petal width")


def test_data_sets_cannot_be_changed():
    with pytest.raises(AttributeError):
        iris().name = "other"


def test_words():
    assert repr(digits(images=True)) == "Dataset(digits: 1797 examples of 1 × 8 × 8, 10 classes)"
    assert repr(hills()) == "Dataset(hills: 403 examples of 1, height)"
    lines = iris().describe().splitlines()
    # Fisher's means: 5.84, 0.83
    assert lines[3].split() == ["sepal", "length", "(cm)", "4.3", "5.843", "0.8253", "7.9"]
    assert lines[7] == "classes: setosa 50, versicolor 50, virginica 50"
    assert "all 64 features (ink)" in digits().describe()


def test_photographs():
    china, flower = photograph(), photograph("flower")
    assert china.shape == flower.shape == (3, 427, 640)
    assert china.device.type == course.device().type
    raw = published.load_sample_image("china.jpg")
    assert torch.equal((china * 255).round().to(torch.uint8).cpu(), torch.tensor(raw.copy()).permute(2, 0, 1))
    center = flower[:, 200:210, 300:310].mean(dim=(1, 2))
    assert center[0] > center[1] > center[2]  # the dahlia is orange
    small = photograph(shrink=4)
    assert small.shape == (3, 106, 160)
    assert small[1, 0, 0].item() == pytest.approx(china[1, :4, :4].mean().item(), abs=1e-6)
    with pytest.raises(ValueError, match="no photograph 'rose': choose china or flower"):
        photograph("rose")
    with pytest.raises(ValueError, match="shrink=0 is out of range"):
        photograph(shrink=0)
