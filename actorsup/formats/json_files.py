"""Read JSON of other programs strictly, in one piece or value by value."""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

from actorsup.errors import report_read_errors

_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")
"""Start of an escaped surrogate; a pair of surrogates encodes one character."""
_SPACE = re.compile(r"[ \t\r\n]*")
_CHUNK = 2**22
"""Minimum number of characters to read at once. The value at the end of a chunk is parsed twice."""
_MAX_TOKEN = 16
"""Maximum length of what a parser may find incomplete at the end of a chunk, except strings."""


def load_json(path: Path, problem: str = "cannot be read as JSON") -> Any:
    """Read a JSON file, rejecting NaN, Infinity, unpaired surrogates and keys that occur twice in an object.

    Args:
        path: Path of the file.
        problem: Description of the problem in the error message.

    Raises:
        DataError: The file is missing, damaged or not strict JSON.
    """
    with report_read_errors(path, problem), open_json(path) as reader:
        value = reader.value()
        reader.check_end()
        return value


@contextmanager
def open_json(path: Path) -> Iterator["JsonReader"]:
    """Open a JSON file to read it value by value."""
    with open(path, encoding="utf-8-sig") as stream:
        yield JsonReader(stream)


class JsonReader:
    """A JSON text of which only one value at a time is in memory; as strict as ``load_json``."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._text, self._at, self._offset = "", 0, 0
        self._decoder = json.JSONDecoder(object_pairs_hook=_unique_keys, parse_constant=_reject_constant)

    def peek(self) -> str:
        """Return the next character that is no space; empty at the end of the file."""
        while True:
            match = _SPACE.match(self._text, self._at)
            assert match is not None
            self._at = match.end()
            if self._at < len(self._text) or not self._read_more():
                return self._text[self._at : self._at + 1]

    def value(self) -> Any:
        """Read the next value.

        Raises:
            ValueError: The text is not strict JSON.
        """
        self.peek()
        while True:
            try:
                value, end = self._decoder.raw_decode(self._text, self._at)
            except json.JSONDecodeError as error:
                is_cut = error.pos >= len(self._text) - _MAX_TOKEN or error.msg.startswith("Unterminated")
                if is_cut and self._read_more():
                    continue
                raise self._error(error.msg, error.pos) from None
            # near the end of a chunk, a number may go on
            is_whole = not isinstance(value, int | float) or end < len(self._text) - _MAX_TOKEN
            if is_whole or not self._read_more():
                break
        if _SURROGATE.search(self._text, self._at, end):
            json.dumps(value, ensure_ascii=False).encode()  # raises for an unpaired surrogate
        self._at = end
        return value

    def members(self, name: str = "the value", wanted: str = "an object") -> Iterator[str]:
        """Yield the keys of an object; read or skip the value of a key before the next key.

        Args:
            name: Name of the object, for messages.
            wanted: Description of the object, for messages.

        Raises:
            ValueError: The text is not strict JSON, is no object, or a key occurs twice.
        """
        keys: set[str] = set()
        for _ in self._elements("{", "}", name, wanted):
            if self.peek() != '"':
                raise self._error("Expecting property name enclosed in double quotes")
            key = self.value()
            if key in keys:
                raise ValueError(f"the key {key!r} occurs twice in one object")
            keys.add(key)
            self._take(":")
            yield key

    def elements(self, name: str = "the value", wanted: str = "a list") -> Iterator[Any]:
        """Yield the elements of a list; arguments and errors as in ``members``."""
        for _ in self._elements("[", "]", name, wanted):
            yield self.value()

    def skip(self) -> None:
        """Read the next value, element by element if it is an object or a list, and forget it."""
        match self.peek():
            case "{":
                for _ in self.members():
                    self.value()
            case "[":
                for _ in self.elements():
                    pass
            case _:
                self.value()

    def check_end(self) -> None:
        """Raise ValueError if anything follows the value of the file."""
        if self.peek():
            raise self._error("Extra data")

    def _elements(self, opening: str, closing: str, name: str, wanted: str) -> Iterator[None]:
        if self.peek() != opening:
            found = self._text[self._at : self._at + 20].split("\n")[0]
            raise ValueError(f"{name} begins with {found!r}; wanted {wanted}")
        self._at += 1
        if self.peek() != closing:
            yield
            while self.peek() == ",":
                self._at += 1
                yield
        self._take(closing)

    def _take(self, character: str) -> None:
        if self.peek() != character:
            raise self._error(f"Expecting {character!r} delimiter")
        self._at += 1

    def _error(self, problem: str, at: int | None = None) -> ValueError:
        return ValueError(f"{problem} (character {self._offset + (self._at if at is None else at):,})")

    def _read_more(self) -> bool:
        # doubling bounds the time to parse a long value again
        more = self._stream.read(max(_CHUNK, len(self._text) - self._at))
        if more:
            self._offset += self._at
            self._text, self._at = self._text[self._at :] + more, 0
        return bool(more)


def _unique_keys(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    content = dict(pairs)
    if len(content) < len(pairs):
        earlier_keys: set[str] = set()
        repeated = next(key for key, _ in pairs if key in earlier_keys or earlier_keys.add(key))  # type: ignore[func-returns-value]
        raise ValueError(f"the key {repeated!r} occurs twice in one object")
    return content


def _reject_constant(name: str) -> float:
    raise ValueError(f"{name} is not JSON; omit the key instead")
