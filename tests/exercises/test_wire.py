"""What travels between judge and student's process: arrays come back as they were, nothing else gets in."""

import json
import pickle
import struct

import numpy as np
import pytest

from course.exercises.wire import WireError, pack, unpack


def frame(message, payload=b""):
    text = json.dumps(message).encode()
    return struct.pack("<QQ", len(text), len(payload)) + text + payload


def test_arrays_come_back_as_they_were():
    arrays = [
        np.arange(6.0).reshape(2, 3),
        np.array(3.5),
        np.array([True, False]),
        np.arange(3),
        np.zeros((0, 4)),
    ]
    arrays += [np.array([np.nan, np.inf, -0.0, 5e-324]), np.arange(6.0).reshape(2, 3).T, np.float32([0.1])]
    message = {"a": arrays, "b": {"c": None, "d": [1, 2.5, "words", True]}}
    found = unpack(pack(message))
    assert found["b"] == message["b"]
    for got, sent in zip(found["a"], arrays, strict=True):
        np.testing.assert_array_equal(got, sent)
        assert got.dtype.kind == sent.dtype.kind
        assert got.flags.writeable


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x80\x04",
        pickle.dumps({"a": 1}),
        pack({"a": np.ones(3)})[:-1],
        pack({"a": np.ones(3)}) + b"x",
        frame({"dtype": "|O8", "shape": [1]}, b"12345678"),
        frame({"dtype": "<f8", "shape": [2]}, b"12345678"),
        frame({"dtype": "<f8", "shape": [-1]}, b"12345678"),
        frame({"dtype": "<f8", "shape": [1.0]}, b"12345678"),
        frame({"dtype": "<f8", "shape": [True]}, b"12345678"),
        frame({"dtype": "<f8", "shape": [2**20, 2**20, 2**20]}),
        frame({"dtype": "<f8", "shape": [1] * 40}, b"12345678"),
        frame({"dtype": "<f8", "shape": "1"}, b"12345678"),
        frame({"__class__": "os.system"}),
        struct.pack("<QQ", 2**40, 0) + b"{}",
        struct.pack("<QQ", 2, 0) + b"\xff\xfe",
        struct.pack("<QQ", 200_000, 0) + b"[" * 200_000,
    ],
)
def test_whatever_is_no_message_is_refused(data):
    with pytest.raises(WireError):
        unpack(data)


def test_objects_do_not_travel():
    with pytest.raises(TypeError, match="a set cannot travel"):
        pack({"a": {1, 2}})
