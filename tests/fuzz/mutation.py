"""Small random changes that damage a valid file."""

import json
import random
from collections.abc import Callable
from typing import Any

import numpy as np

Damage = Callable[[random.Random, bytes], bytes]

ODD_TEXTS = [
    "", " ", "-1", "0", "1e999", "-1e999", "nan", "NaN", "inf", "1e-320", "99999999999999999999", "9" * 5000,
    "0x10", "1_000", "٣", "²", "1.5", "true", "null", "None", "../up", "/etc/passwd", "a/../../b", "a\0b",
    "line\nbreak", '"', "'", "$(touch x)", "`x`", "=1+1", "\ufeff", "\ud7ff", "e\u0301", "[" * 50, "mean",
]  # fmt: skip
ODD_BYTES = [
    b"\0",
    b"\xff\xfe",
    b"\xef\xbb\xbf",
    b"\n",
    b"\r",
    b",",
    b'"',
    b"|",
    b"{",
    b"[" * 100_000,
    b"\x80",
]
ODD_VALUES: list[Any] = [
    None, True, False, 0, -1, 1, 2**31, 2**63, 10**400, 1e308, -0.5, float("nan"), float("inf"), "", "x", "1",
    "9" * 5000, [], [[]], {}, {"x": 1}, [None], [1, 2, 3, 4], [1e308] * 4, "../up", "line\nbreak", "\ud800",
]  # fmt: skip


def damaged_bytes(chance: random.Random, data: bytes) -> bytes:
    """Flip, remove, duplicate or insert bytes."""
    for _ in range(chance.randint(1, 4)):
        at = chance.randint(0, len(data))
        end = min(len(data), at + chance.choice([1, 1, 4, 30]))
        match chance.randrange(6):
            case 0 if at < len(data):
                data = data[:at] + bytes([data[at] ^ 1 << chance.randrange(8)]) + data[at + 1 :]
            case 1:
                data = data[:at] + data[end:]
            case 2:
                data = data[:end] + data[at:]
            case 3:
                data = data[:at] + chance.choice(ODD_BYTES) + data[at:]
            case 4:
                data = data[:at] + bytes(chance.randrange(256) for _ in range(end - at)) + data[end:]
            case _:
                data = data[:at]
    return data


def damaged_cells(chance: random.Random, data: bytes, separator: str = ",") -> bytes:
    """Replace cells, rename columns, duplicate or remove lines of a table."""
    lines = [line.split(separator) for line in data.decode(errors="surrogateescape").split("\n")]
    for _ in range(chance.randint(1, 4)):
        line = lines[chance.randrange(len(lines))]
        match chance.randrange(8):
            case 0:
                lines.append(list(line))
            case 1:
                line.append(chance.choice(ODD_TEXTS))
            case 2:
                del line[chance.randrange(len(line)) :]
                line.append("")
            case _:
                line[chance.randrange(len(line))] = chance.choice(ODD_TEXTS)
    return "\n".join(separator.join(line) for line in lines).encode(errors="surrogateescape")


def damaged_dialect(chance: random.Random, data: bytes) -> bytes:
    """Write a table as spreadsheets of other countries and systems do, and damage some of its cells."""
    if chance.random() < 0.5:
        data = damaged_cells(chance, data)
    lines = data.decode(errors="replace").split("\n")
    for _ in range(chance.randint(1, 3)):
        match chance.randrange(9):
            case 0:
                by = chance.choice(";\t| ")
                lines = [line.replace(",", by) for line in lines]
            case 1:
                lines = [f"sep={chance.choice(';,|')}", *lines]
            case 2:
                lines = [line + chance.choice([",", ";", ",,,"]) for line in lines]
            case 3:
                lines = [",".join(f'"{cell}"' for cell in line.split(",")) for line in lines]
            case 4:
                lines = [line.replace("/", "\\").replace("v0", "C:\\videos\\v0.mp4") for line in lines]
            case 5:
                lines[0] = lines[0].replace("class", chance.choice(["action", "label", "Class ", "CLASS"]))
            case 6:
                lines = [
                    line.replace("0", chance.choice(["0,0", "00", "1-Feb", "0.0", "1E+0"])) for line in lines
                ]
            case 7:
                lines = ["", "# exported", *lines, ""]
            case _:
                lines = [line.replace(".", ",") for line in lines]
    text = chance.choice(["\n", "\r\n", "\r"]).join(lines)
    return text.encode(chance.choice(["utf-8", "utf-8-sig", "utf-16", "cp1252"]), errors="replace")


def damaged_json(chance: random.Random, data: bytes) -> bytes:
    """Replace values, and remove or add keys, of JSON."""
    tree = json.loads(data)
    for _ in range(chance.randint(1, 3)):
        tree = damaged_tree(chance, tree)
    return json.dumps(tree).encode()


def damaged_tree(chance: random.Random, tree: Any) -> Any:
    """Replace one value in a tree of lists and dictionaries."""
    if isinstance(tree, dict) and tree and chance.random() < 0.85:
        key = chance.choice(sorted(tree, key=str))
        match chance.randrange(8):
            case 0:
                return {name: value for name, value in tree.items() if name != key}
            case 1:
                return {**tree, chance.choice(ODD_TEXTS): chance.choice(ODD_VALUES)}
        return {**tree, key: damaged_tree(chance, tree[key])}
    if isinstance(tree, list) and tree and chance.random() < 0.85:
        at = chance.randrange(len(tree))
        if not chance.randrange(6):
            return tree[:at] + tree[at + 1 :]
        return [*tree[:at], damaged_tree(chance, tree[at]), *tree[at + 1 :]]
    return chance.choice(ODD_VALUES)


def odd_array(chance: random.Random) -> np.ndarray:
    """Create an array of a random small shape and type."""
    shape = tuple(chance.randrange(4) for _ in range(chance.randrange(4)))
    kind = chance.choice(["f4", "f8", "i8", "i2", "u1", "?", "S3", "c8", "f2"])
    values = chance.choice([0, 1, -1, 1e9, np.nan, np.inf])
    with np.errstate(all="ignore"):
        return np.full(shape, values, np.float64).astype(kind, casting="unsafe")
