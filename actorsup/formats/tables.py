"""Read the CSV tables of users, as people, spreadsheets and other programs write them.

Accepted: a comma, semicolon or tab as the separator, or the separator of a first line ``sep=;``; UTF-8 or
UTF-16, with or without a byte-order mark; any line ends; blank lines and comments (``#``); separators at the
end of lines; columns in any order, with names in any case; other columns; decimal commas if the separator is
not a comma. A column with another common name, such as ``filename`` for ``video``, is read with a warning.
"""

import csv
import logging
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import TextIO

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from actorsup.errors import DataError, did_you_mean, first_few, report_read_errors
from actorsup.formats.table_headers import (
    SEPARATORS,
    decoding_problem,
    detect_encoding,
    read_header,
    split_header,
)

_LOG = logging.getLogger(__name__)

_DECIMAL_COMMA = re.compile(r"\s*[+-]?[0-9]*,[0-9]+([eE][+-]?[0-9]+)?\s*")
_THOUSANDS = re.compile(r"\s*[+-]?[1-9][0-9]{0,2}(,[0-9]{3})+\s*")
_NO_NUMBER = frozenset({"", "nan", "-nan", "na", "n/a", "null", "none"})
"""Cells without a number, in lower case."""
_SPLITS = {"": "", "train": "train", "training": "train", "test": "test", "testing": "test"}
_OTHER_NAMES: Mapping[str, frozenset[str]] = {
    "video": frozenset(
        "file filename file_name filepath file_path path name id video_id video_name video_file video_path "
        "clip clip_id clip_name".split()
    ),
    "label": frozenset("class action labels classes actions class_name category activity".split()),
    "split": frozenset("set subset partition".split()),
    "class": frozenset("label action class_name action_class category".split()),
    "tube": frozenset("tube_id track track_id".split()),
    "frame": frozenset("frame_id frame_index frame_idx".split()),
    "score": frozenset("confidence conf".split()),
    "category": frozenset("category_id category_name class_name".split()),
    "x1": frozenset("xmin x_min left".split()),
    "y1": frozenset("ymin y_min top".split()),
    "x2": frozenset("xmax x_max right".split()),
    "y2": frozenset("ymax y_max bottom".split()),
}
"""Names that other programs use for a column."""


@dataclass(frozen=True)
class Columns:
    """The columns to read from a table.

    Attributes:
        required: Names of the columns that the table must have.
        optional: Names of the columns that it may have.
        numbers: Names of the columns with numbers, read as float64; NaN for an empty cell.
    """

    required: tuple[str, ...]
    optional: tuple[str, ...] = ()
    numbers: tuple[str, ...] = ()

    @property
    def names(self) -> tuple[str, ...]:
        """Names of all columns."""
        return self.required + self.optional


def read_table(path: Path, columns: Columns) -> pd.DataFrame:
    """Read a table.

    Returns:
        The required columns and the existing optional ones, as text without spaces around it, or as float64.
        The index is the line number of each row in the file, from 1.

    Raises:
        DataError: The file cannot be read, lacks a column, or has a cell that is no number in a column of
            numbers; the message names the line.
    """
    return pd.concat([*table_chunks(path, columns)])


def table_chunks(path: Path, columns: Columns, rows: int = 20_000) -> Iterator[pd.DataFrame]:
    """Yield a table in chunks of up to ``rows`` rows, at least one chunk; otherwise as ``read_table``."""
    with report_read_errors(path, "cannot be read as CSV"):
        try:
            with open(path, encoding=detect_encoding(path), newline="") as stream:
                yield from _Table(path, stream, columns).chunks(rows)
        except UnicodeDecodeError as error:
            raise DataError(decoding_problem(path)) from error


def drop_repeated_rows(path: Path, rows: pd.DataFrame, keys: Sequence[str], problem: str) -> pd.DataFrame:
    """Drop rows that are identical to an earlier row, with a warning.

    Args:
        path: Path of the table, for messages.
        rows: Rows, with the lines of the file as the index.
        keys: Names of the columns that identify a row.
        problem: What is wrong with two different rows of one key, for the message.

    Raises:
        DataError: Two rows have equal keys, but differ; the message names both lines.
    """
    is_repeated = rows.duplicated([*keys])
    if not is_repeated.any():
        return rows
    is_identical = rows.duplicated()
    if (differs := (is_repeated & ~is_identical)).any():
        at = int(differs.to_numpy().argmax())
        first = int((rows[[*keys]] == rows[[*keys]].iloc[at]).all(axis=1).to_numpy().argmax())
        values = ", ".join(f"{name}={rows[name].iloc[at]}" for name in rows.columns)
        raise DataError(
            f"{path}: line {rows.index[at]}: {problem} in line {rows.index[first]}, with other values; "
            f"found {values}"
        )
    _LOG.warning(
        "%s: dropped %d rows that repeat an earlier row: lines %s",
        path, is_identical.sum(), first_few(rows.index[is_identical]),
    )  # fmt: skip
    return rows[~is_identical]


def read_splits(path: Path, rows: pd.DataFrame) -> pd.Series:
    """Return the column ``split`` of a table of videos as ``train``, ``test`` or nothing.

    Raises:
        DataError: A value is another word; the message names the line.
    """
    splits = rows["split"].str.casefold().map(_SPLITS)
    if splits.isna().any():
        at = int(splits.isna().to_numpy().argmax())
        raise DataError(
            f"{path}: line {rows.index[at]}: {rows[rows.columns[0]].iloc[at]!r}: split is "
            f"{rows['split'].iloc[at]!r}; allowed: train, test or nothing"
        )
    return splits


class _Table:
    """A table whose header is read."""

    def __init__(self, path: Path, stream: TextIO, columns: Columns) -> None:
        self._path, self._columns = path, columns
        header, self._header_line, separator = read_header(stream)
        if not separator:
            # the separator that gives the most known names, or else the most names
            separator = max(SEPARATORS, key=lambda each: self._rate(split_header(header, each)))
        self._separator, names = separator, split_header(header, separator)
        self._places = self._find_columns(names)
        self._width = len(names)
        self._min_width = 1 + max(place for place, name in enumerate(names) if name)
        self._reader = csv.reader(stream, delimiter=separator, strict=True)
        self._texts: dict[str, str] = {}

    def _rate(self, names: Sequence[str]) -> tuple[int, int]:
        return sum(name in self._known_names() for name in names), len(names)

    def _known_names(self) -> set[str]:
        return {*self._columns.names}.union(*(_OTHER_NAMES.get(name, ()) for name in self._columns.names))

    def _find_columns(self, names: Sequence[str]) -> dict[str, int]:
        """Return the place of each column that the header names."""
        places: dict[str, int] = {}
        for column in self._columns.names:
            found = [place for place, name in enumerate(names) if name == column]
            if len(found) > 1:
                raise DataError(f"{self._path}: the header names the column {column!r} twice; rename one")
            others = _OTHER_NAMES.get(column, frozenset()) - {*self._columns.names}
            other_places = [place for place, name in enumerate(names) if name in others]
            if not found and len(other_places) == 1:
                found = other_places
                _LOG.warning("%s: read the column %r as %r", self._path, names[found[0]], column)
            if found:
                places[column] = found[0]
            elif column in self._columns.required or other_places:
                raise DataError(self._missing_column(column, names, other_places))
        return places

    def _missing_column(self, column: str, names: Sequence[str], candidates: Sequence[int]) -> str:
        problem = f"{self._path}: column {column!r} is missing; found {', '.join(names)}"
        if candidates:
            which = " or ".join(repr(names[place]) for place in candidates)
            return f"{problem}; is it {which}? Rename one to {column!r}"
        wanted = ", ".join(self._columns.required)
        if not self._rate(names)[0]:
            return f"{problem}; the first line must be the header, such as {wanted}"
        return f"{problem}; wanted {wanted}{did_you_mean(column, {*names} - {*self._columns.names})}"

    def chunks(self, size: int) -> Iterator[pd.DataFrame]:
        """Yield the rows in chunks, at least one."""
        frame = None
        while batch := self._next_rows(first_line := self._header_line + self._reader.line_num + 1, size):
            lines = np.arange(first_line, first_line + len(batch))
            if self._header_line + self._reader.line_num != lines[-1]:  # cells hold line ends
                ends = [sum(len(re.findall("\r\n|\r|\n", cell)) for cell in cells) for cells in batch]
                lines += np.cumsum([0, *ends[:-1]])
            frame = self._convert(*self._check_widths(batch, lines))
            yield frame
        if frame is None:
            yield self._convert([], np.zeros(0, np.int64))

    def _next_rows(self, first_line: int, count: int) -> list[list[str]]:
        try:
            return list(islice(self._reader, count))
        except csv.Error as error:
            last_line = self._header_line + self._reader.line_num
            raise ValueError(f"lines {first_line} to {last_line}: {error}; is a quote not closed?") from error

    def _check_widths(self, batch: list[list[str]], lines: NDArray) -> tuple[list[list[str]], NDArray]:
        """Return the rows without blank lines and comments, and their lines."""
        key = self._places[self._columns.required[0]]
        if {*map(len, batch)} == {self._width} and all(cells[key] for cells in batch):
            return batch, lines
        kept = []
        for number, cells in enumerate(batch):
            cells += [""] * (self._width - len(cells)) if len(cells) >= self._min_width else []
            is_of_header = len(cells) >= self._width and not any(map(str.strip, cells[self._width :]))
            if not any(map(str.strip, cells)) or (not is_of_header and cells[0].lstrip().startswith("#")):
                continue
            if not is_of_header:
                raise DataError(
                    f"{self._path}: line {lines[number]} has {len(cells)} fields, but the header has "
                    f"{self._width}; quote fields that hold the separator"
                )
            kept.append(number)
        return [batch[number] for number in kept], lines[kept]

    def _convert(self, batch: list[list[str]], lines: NDArray) -> pd.DataFrame:
        cells = list(zip(*batch, strict=False)) or [()] * self._width
        return pd.DataFrame(
            {
                name: self._numbers(name, cells[place], lines)
                if name in self._columns.numbers
                else self._stripped(cells[place])
                for name, place in self._places.items()
            },
            index=pd.Index(lines, name="line"),
        )

    def _stripped(self, cells: Sequence[str]) -> NDArray:
        """Return cells without spaces around them, with one object for equal texts, which saves memory."""
        texts = self._texts
        return np.array([texts[c] if c in texts else texts.setdefault(c, c.strip()) for c in cells], object)

    def _numbers(self, column: str, cells: Sequence[str], lines: NDArray) -> NDArray[np.float64]:
        try:
            return np.fromiter(map(float, cells), np.float64, len(cells))
        except ValueError:
            pass
        filled = ["nan" if cell.strip().casefold() in _NO_NUMBER else cell for cell in cells]
        if self._has_decimal_commas(filled):
            filled = [cell.replace(",", ".") for cell in filled]
        for number, cell in enumerate(filled):
            try:
                float(cell)
            except ValueError:
                problem = f"{self._path}: line {lines[number]}: {column} is {cells[number][:40]!r}"
                raise DataError(f"{problem}; wanted a number such as 12.5") from None
        return np.array([*map(float, filled)], np.float64)

    def _has_decimal_commas(self, cells: Sequence[str]) -> bool:
        """Return whether commas are decimal commas, with which spreadsheets write semicolons or tabs."""
        with_comma = [cell for cell in cells if "," in cell]
        return (
            self._separator != ","
            and not any("." in cell for cell in cells)
            and all(map(_DECIMAL_COMMA.fullmatch, with_comma))
            and (self._separator == ";" or not all(map(_THOUSANDS.fullmatch, with_comma)))
        )
