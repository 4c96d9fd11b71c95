"""Read tensors out of the files that frameworks write, without the frameworks.

A TensorFlow checkpoint is a LevelDB table (sorted key/value blocks, prefix-compressed) of protobuf messages.
Version 2 keeps raw tensors in ``.data-…`` files beside the table (``.index``); version 1 (``vggish_model.ckpt``)
keeps them in the table itself. Formats: LevelDB's doc/table_format.md; TensorFlow's tensor_bundle.proto,
saved_tensor_slice.proto and tensor.proto.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from earmark.core import protobuf
from earmark.core.errors import MissingExtraError, WeightsError

Arrays = dict[str, NDArray[Any]]
_MAGIC = bytes.fromhex("57fb808b247547db")
_DTYPES = {1: "<f4", 2: "<f8", 3: "<i4", 9: "<i8"}  # DataType of types.proto; strings (7) are excluded


def tensorflow(index: Path, data: Path) -> Arrays:
    """Tensors of a version 2 checkpoint (``….index`` and its one ``….data-00000-of-00001``), by name."""
    raw = data.read_bytes()
    arrays: Arrays = {}
    for key, value in _table(index.read_bytes(), index):
        entry = _message(value)
        dtype = _DTYPES.get(_last(entry, 1, 0))
        if not key or dtype is None:  # the header; a string
            continue
        start, size = _last(entry, 4, 0), _last(entry, 5, 0)
        shape = _shape(_last(entry, 2, b""))
        if start + size > len(raw) or size != math.prod(shape) * np.dtype(dtype).itemsize:
            raise WeightsError(f"{data}: too short for {key.decode()!r} as {index.name} has it; wrong or cut-off file")
        arrays[key.decode()] = np.frombuffer(raw[start : start + size], dtype).reshape(shape)
    return arrays


def tensorflow_v1(path: Path) -> Arrays:
    """Float tensors of a version 1 checkpoint (one file), by name."""
    arrays: Arrays = {}
    shapes: dict[str, tuple[int, ...]] = {}
    for key, value in _table(path.read_bytes(), path):
        saved = _message(value)
        if not key:
            for one in _message(_last(saved, 1, b"")).get(1, []):
                meta = _message(one)
                if _DTYPES.get(_last(meta, 3, 0)) == "<f4":  # step counters and strings are not weights
                    shapes[_last(meta, 1, b"").decode()] = _shape(_last(meta, 2, b""))
            continue
        part = _message(_last(saved, 2, b""))
        name, tensor = _last(part, 1, b"").decode(), _message(_last(part, 3, b""))
        if name not in shapes:
            continue
        flat = np.frombuffer(_last(tensor, 4, b"") or b"".join(tensor.get(5, [])), "<f4")
        if name in arrays or flat.size != math.prod(shapes[name]):
            raise WeightsError(f"{path}: {name!r} is stored in slices, which this reader does not join")
        arrays[name] = flat.reshape(shapes[name])
    return arrays


def npy(path: Path) -> Any:
    """What is in a ``.npy`` file, also if it holds Python's lists and dictionaries of arrays; nothing in it is run.

    Raises WeightsError for anything else that was pickled.
    """
    import pickle

    class Arrays(pickle.Unpickler):
        def find_class(self, module: str, name: str) -> Any:
            if (module.replace("numpy.core", "numpy._core"), name) not in _NUMPY:
                raise pickle.UnpicklingError(f"it asks for {module}.{name}")
            return super().find_class(module, name)

    try:
        with path.open("rb") as file:
            header = np.lib.format.read_magic(file)  # type: ignore[no-untyped-call, unused-ignore]
            read = np.lib.format.read_array_header_1_0 if header == (1, 0) else np.lib.format.read_array_header_2_0
            _, _, kind = read(file)  # type: ignore[no-untyped-call, unused-ignore]
            if kind.hasobject:
                return Arrays(file, encoding="latin1").load()
        return np.load(path, allow_pickle=False)
    except (pickle.UnpicklingError, ValueError, EOFError, AttributeError, LookupError, TypeError) as error:
        raise WeightsError(f"{path}: holds more than arrays, or is damaged, so it is not read: {error}") from error


_NUMPY = {
    ("numpy._core.multiarray", "_reconstruct"), ("numpy._core.multiarray", "scalar"), ("numpy", "ndarray"), ("numpy", "dtype"),
}  # fmt: skip


def torch(path: Path) -> Arrays:
    """Tensors of a ``.pth`` file (a state_dict, or one under "state_dict" or "model"), read without pickle's powers."""
    import pickle

    try:
        import torch
    except ModuleNotFoundError as error:
        raise MissingExtraError("reading .pth weights", "train") from error
    try:
        loaded = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise WeightsError(f"{path}: holds more than tensors, so it is not read: {error}") from error
    for inner in ("state_dict", "model"):
        if isinstance(loaded, Mapping) and isinstance(loaded.get(inner), Mapping):
            loaded = loaded[inner]
    return {name: tensor.numpy() for name, tensor in loaded.items() if isinstance(tensor, torch.Tensor)}


def h5(path: Path) -> Arrays:
    """Data sets of an HDF5 file (Keras ``.h5``), by their full path without the leading slash."""
    try:
        import h5py
    except ModuleNotFoundError as error:
        raise MissingExtraError("reading .h5 weights", "train") from error
    arrays: Arrays = {}

    def visit(name: str, item: Any) -> None:
        if isinstance(item, h5py.Dataset):
            arrays[name] = np.asarray(item)

    with h5py.File(path, "r") as file:
        file.visititems(visit)
    return arrays


def _table(raw: bytes, path: Path) -> Iterator[tuple[bytes, bytes]]:
    """Keys and values of a LevelDB table in their order."""
    if raw[-8:] != _MAGIC:
        raise WeightsError(f"{path}: not a TensorFlow checkpoint (no LevelDB table); wrong or cut-off file")
    footer = raw[-48:]
    _, at = protobuf.varint(footer, 0)
    _, at = protobuf.varint(footer, at)
    start, at = protobuf.varint(footer, at)
    size, _ = protobuf.varint(footer, at)
    for _, handle in _block(raw, start, size, path):
        start, at = protobuf.varint(handle, 0)
        yield from _block(raw, start, protobuf.varint(handle, at)[0], path)


def _block(raw: bytes, start: int, size: int, path: Path) -> Iterator[tuple[bytes, bytes]]:
    block = raw[start : start + size]
    if raw[start + size] != 0:
        raise WeightsError(f"{path}: a compressed LevelDB table, which TensorFlow does not write; wrong file")
    end = size - 4 * (int.from_bytes(block[-4:], "little") + 1)  # restart points follow the entries
    at, key = 0, b""
    while at < end:
        shared, at = protobuf.varint(block, at)
        fresh, at = protobuf.varint(block, at)
        length, at = protobuf.varint(block, at)
        key = key[:shared] + block[at : at + fresh]
        yield key, block[at + fresh : at + fresh + length]
        at += fresh + length


def _message(raw: bytes) -> dict[int, list[Any]]:
    """Fields of a protobuf message by number: numbers for varints, bytes for everything else."""
    found: dict[int, list[Any]] = {}
    for number, value in protobuf.fields(raw):
        found.setdefault(number, []).append(value if isinstance(value, int) else bytes(value))
    return found


def _last(message: Mapping[int, list[Any]], number: int, default: Any) -> Any:
    """A field that stands once; protobuf leaves out what is zero or empty."""
    return message[number][-1] if number in message else default


def _shape(raw: bytes) -> tuple[int, ...]:
    return tuple(_last(_message(dim), 1, 0) for dim in _message(raw).get(2, []))
