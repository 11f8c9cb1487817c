"""What judge and student's process say to each other: JSON and the raw bytes of arrays.

Nothing that is read can run code.
"""

import json
import struct
from typing import Any

import numpy as np

LONGEST = 2**28
"""Bytes in one message: more is refused, so that a submission cannot fill the judge's memory."""

DTYPES = {"<f8": 8, "<i8": 8, "|b1": 1}
"""The kinds of number that travel, and their sizes in bytes: float64, int64, bool."""


class WireError(ValueError):
    """A message is not one of ours."""


def pack(message: Any) -> bytes:
    """A message of dictionaries, lists, strings, numbers, None and arrays as bytes.

    The bytes are two lengths, JSON, then the arrays.
    """
    arrays: list[np.ndarray] = []
    text = json.dumps(_outward(message, arrays)).encode()
    payload = b"".join(array.tobytes() for array in arrays)
    return struct.pack("<QQ", len(text), len(payload)) + text + payload


HEAD = struct.calcsize("<QQ")


def lengths(head: bytes) -> tuple[int, int]:
    """The lengths of the text and of the arrays, from a message's first bytes.

    Raises:
        WireError: too long.
    """
    text, payload = struct.unpack("<QQ", head)
    if text + payload > LONGEST:
        raise WireError(f"a message of {text + payload} bytes is too long: at most {LONGEST}")
    return text, payload


def unpack(data: bytes) -> Any:
    """The message again. Shapes and kinds of numbers are checked before an array is made of bytes.

    Raises:
        WireError: the bytes are no such message.
    """
    if len(data) < HEAD:
        raise WireError("the message is cut short")
    text, payload = lengths(data[:HEAD])
    if len(data) != HEAD + text + payload:
        raise WireError("the message is cut short, or too long")
    try:
        message = json.loads(data[HEAD : HEAD + text].decode())
    except (UnicodeDecodeError, ValueError, RecursionError) as error:
        raise WireError(f"the message is not JSON: {error}") from None
    return _inward(message, memoryview(data)[HEAD + text :], [0])


def _outward(value: Any, arrays: list[np.ndarray]) -> Any:
    if isinstance(value, np.ndarray):
        kind = "|b1" if value.dtype == bool else "<i8" if value.dtype.kind in "iu" else "<f8"
        arrays.append(np.ascontiguousarray(value, dtype=kind))
        return {"dtype": kind, "shape": list(value.shape)}
    if isinstance(value, dict):
        return {"dict": {str(key): _outward(item, arrays) for key, item in value.items()}}
    if isinstance(value, list | tuple):
        return [_outward(item, arrays) for item in value]
    if value is None or isinstance(value, str | bool | int | float):
        return value
    raise TypeError(f"a {type(value).__name__} cannot travel")


def _inward(value: Any, payload: memoryview, position: list[int]) -> Any:
    if isinstance(value, list):
        return [_inward(item, payload, position) for item in value]
    if not isinstance(value, dict):
        return value
    if set(value) == {"dict"} and isinstance(value["dict"], dict):
        return {key: _inward(item, payload, position) for key, item in value["dict"].items()}
    if set(value) != {"dtype", "shape"} or value["dtype"] not in DTYPES or not _is_shape(value["shape"]):
        raise WireError("the message holds something that is neither an array nor a dictionary")
    count = 1
    for size in value["shape"]:
        count *= size
        if count > LONGEST:
            raise WireError("an array is too large")
    start = position[0]
    position[0] += count * DTYPES[value["dtype"]]
    if position[0] > len(payload):
        raise WireError("an array has fewer numbers than its shape says")
    return np.frombuffer(payload[start : position[0]], dtype=value["dtype"]).reshape(value["shape"]).copy()


def _is_shape(shape: Any) -> bool:
    return (
        isinstance(shape, list)
        and len(shape) <= 16
        and all(type(size) is int and 0 <= size <= LONGEST for size in shape)
    )
