"""Find the encoding and the header of a CSV file."""

import codecs
import csv
import re
from pathlib import Path
from typing import TextIO

SEPARATORS = ",;\t"
_SEPARATOR_LINE = re.compile(r'"?sep=(?P<separator>[^"\r\n])"?[,;\t]*\s*', re.IGNORECASE)
"""First line of a file that Excel wrote or shall read."""
_MAX_HEADER = 2**20


def read_header(stream: TextIO) -> tuple[str, int, str]:
    """Return the header, its line number, and the separator that a line before it states; empty if none.

    Raises:
        ValueError: The file is empty.
    """
    separator, line = "", 0
    while text := stream.readline(_MAX_HEADER):
        line += 1
        if stated := _SEPARATOR_LINE.fullmatch(text):
            separator = stated["separator"]
        elif text.lstrip().startswith("#"):
            # numpy writes a header as a comment
            comment = text.lstrip().removeprefix("#")
            if "video" in split_header(comment, separator or max(SEPARATORS, key=comment.count)):
                return comment, line, separator
        elif text.strip(f"{SEPARATORS} \r\n"):
            return text, line, separator
    raise ValueError("the file is empty; wanted a header and rows")


def split_header(header: str, separator: str) -> list[str]:
    """Return the names of the columns in lower case, without spaces around them."""
    names = next(csv.reader([header], delimiter=separator), [])
    return [re.sub(r"\s+", "_", name.strip(" \t\r\n\ufeff")).casefold() for name in names]


def detect_encoding(path: Path) -> str:
    """Return the encoding of a file: UTF-8 or UTF-16."""
    with open(path, "rb") as stream:
        start = stream.read(200)
    if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    for encoding, high_bytes in (("utf-16-le", start[1::2]), ("utf-16-be", start[::2])):
        if high_bytes.count(0) * 2 > len(high_bytes) > 1:
            return encoding
    return "utf-8-sig"


def decoding_problem(path: Path) -> str:
    """Return the message about a file that is no text in its encoding."""
    if (encoding := detect_encoding(path)) != "utf-8-sig":
        return (
            f"{path}: cannot be read as CSV: it is no whole {encoding.upper()} text; save it as CSV in UTF-8"
        )
    with open(path, "rb") as stream:
        for number, text in enumerate(stream, 1):
            try:
                text.decode()
            except UnicodeDecodeError:
                found = text[:80].decode("cp1252", "replace").strip()
                return (
                    f"{path}: cannot be read as CSV: line {number} is not UTF-8 text; in Windows-1252 it "
                    f"would be {found!r}; save the file as 'CSV UTF-8'"
                )
    return f"{path}: cannot be read as CSV: it is not UTF-8 text; save it as 'CSV UTF-8'"
