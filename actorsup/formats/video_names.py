"""Find the videos that the names in a user's table mean."""

import re
import unicodedata
from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path, PurePosixPath
from types import MappingProxyType
from urllib.parse import unquote

from actorsup.errors import first_few
from actorsup.formats.video_ids import normalize_unicode, video_id

_NUMBER = re.compile(r"[0-9]{1,40}(?P<decimals>\.[0-9]{1,40})?(?P<exponent>[eE][+-]?[0-9]{1,3})?")
_NUMBERS_OF_ID = re.compile(r"([0-9]{1,4})[-./ ]([0-9]{1,4})")
_DATES = (
    re.compile(r"(?P<day>[0-9]{1,2})[-./ ]+(?P<month>[^\W\d_]{3,9})\.?(?:[-./ ]+(?P<year>[0-9]{2,4}))?"),
    re.compile(r"(?P<month>[^\W\d_]{3,9})\.?[-./ ]+(?P<year>[0-9]{2,4})"),
    re.compile(r"(?P<day>[0-9]{1,2})[-./](?P<month>[0-9]{1,2})[-./](?P<year>[0-9]{4})(?: [0:]+)?"),
    re.compile(r"(?P<year>[0-9]{4})-(?P<month>[0-9]{1,2})-(?P<day>[0-9]{1,2})(?: [0:]+)?"),
)
"""Dates as spreadsheets write what they took for one."""
_MONTHS = "jan ene|feb fev|mar mrz|apr avr abr|may mai|jun jui|jul|aug aou ago|sep|oct okt|nov|dec dez dic"
_MONTH_OF = {name: number for number, names in enumerate(_MONTHS.split("|"), 1) for name in names.split()}
"""Number of a month by the first three letters of its name in English, German, French or Spanish."""


@dataclass(frozen=True)
class MatchedNames:
    """Videos that the names in a table mean.

    Attributes:
        ids: Video id by name; for a name of no known video the id that it would have.
        guessed: Those ids of known videos that differ from their name in more than form.
        doubtful: Likely ids of other names of no known video: several, or one in another case.
    """

    ids: Mapping[str, str]
    guessed: Mapping[str, str]
    doubtful: Mapping[str, Sequence[str]]

    def note(self) -> str:
        """Return a message about the guessed ids; empty if there are none."""
        if not self.guessed:
            return ""
        pairs = first_few([f"{name!r} as {video!r}" for name, video in self.guessed.items()])
        return f"read {len(self.guessed)} names of no video as the only video that they can mean: {pairs}"

    def doubt(self, name: str) -> str:
        """Return a message about a name with several likely ids, or one in another case."""
        candidates = self.doubtful[name]
        if len(candidates) == 1:
            return f"no video has the name {name!r}; did you mean {candidates[0]!r}?"
        return (
            f"no video has the name {name!r}, which may mean {first_few(map(repr, candidates))}; did a "
            "spreadsheet change numbers or dates? Format the column as text and enter the names again"
        )


def match_names(
    names: Iterable[str],
    ids: Collection[str],
    root: Path | None = None,
    other_names: Mapping[str, str] = MappingProxyType({}),
) -> MatchedNames:
    """Find the videos that names mean.

    A name may have an extension, backslashes, percent escapes, or a path that leads to ``root``. A name of no
    video is compared in other ways: an absolute path of another computer by its end; a number or a date with
    the ids that a spreadsheet turns into it (``0001`` into 1, ``1-2`` into ``2-Jan``). Such a video is taken
    if it is the only candidate, and a candidate of no other name.

    Args:
        names: Names in a table.
        ids: Ids of the known videos.
        root: Folder that contains the videos; None if unknown.
        other_names: Ids of known videos by other names, as in ``FolderContents.file_names``.
    """
    known = {**other_names, **{video: video for video in ids}}
    matched = {}
    for name in dict.fromkeys(names):
        matched[name] = next((known[form] for form in _forms(name, root) if form in known), None)
    unmatched = [name for name, video in matched.items() if video is None]
    guessed, doubtful = {}, {}
    if unmatched:
        candidates_of = _Candidates({*ids} - {*matched.values()})
        candidates = {name: candidates_of(name) for name in unmatched}
        uses: defaultdict[str, int] = defaultdict(int)
        for found in candidates.values():
            for video in found:
                uses[video] += 1
        for name, found in candidates.items():
            if len(found) == 1 and uses[found[0]] == 1 and found[0].casefold() != video_id(name).casefold():
                guessed[name] = found[0]
            elif found:
                doubtful[name] = found
    return MatchedNames(
        {name: video or guessed.get(name) or video_id(name) for name, video in matched.items()},
        guessed,
        doubtful,
    )


def _forms(name: str, root: Path | None) -> Iterator[str]:
    """Yield the ids that a name may mean by its form, the most literal first."""
    yield normalize_unicode(name)
    for text in dict.fromkeys((name, unquote(name.strip().removeprefix("file://")))):
        path = normalize_unicode(text.strip()).replace("\\", "/")
        for inner in (path, *_below(path, root)):
            parts = PurePosixPath(inner)
            yield from (str(parts), video_id(inner), str(parts.with_suffix("") if parts.name else parts))


def _below(path: str, root: Path | None) -> Iterator[str]:
    """Yield the rest of a path that begins with the end of the path of the root."""
    if root is None:
        return
    parts = PurePosixPath(path).parts
    for folder in dict.fromkeys((root.absolute(), root.resolve())):
        for start in range(len(folder.parts)):
            end = folder.parts[start:]
            if parts[: len(end)] == end and len(parts) > len(end):
                yield "/".join(parts[len(end) :])


class _Candidates:
    """Function from a name to the ids that it may mean, although it names no video."""

    def __init__(self, ids: Iterable[str]) -> None:
        self._ids = sorted(ids)
        self._by_case: defaultdict[str, list[str]] = defaultdict(list)
        self._by_number: defaultdict[Decimal, list[str]] = defaultdict(list)
        self._by_numbers: defaultdict[tuple[int, ...], list[str]] = defaultdict(list)
        for video in self._ids:
            self._by_case[video.casefold()].append(video)
            if _NUMBER.fullmatch(video):
                self._by_number[Decimal(video)].append(video)
            if numbers := _NUMBERS_OF_ID.fullmatch(video):
                self._by_numbers[tuple(sorted(int(text) for text in numbers.groups()))].append(video)

    def __call__(self, name: str) -> list[str]:
        name = normalize_unicode(name.strip())
        found = list(self._by_case.get(video_id(name).casefold(), ()))
        if not found and re.match(r"[A-Za-z]:[\\/]|[\\/]", name):
            parts = video_id(name).split("/")
            tails = ("/".join(parts[start:]) for start in range(1, len(parts)))
            found = [next((tail for tail in tails if tail in self._by_case.get(tail.casefold(), ())), "")]
        if not found and (number := _NUMBER.fullmatch(name)):
            found = list(self._by_number.get(Decimal(name), ()))
            if not found and number["exponent"]:
                found = [
                    video for ids in self._by_number.values() for video in ids if _rounds_to(video, name)
                ]
        if not found:
            found = [
                video for numbers in _numbers_of_date(name) for video in self._by_numbers.get(numbers, ())
            ]
        return sorted({*found} - {""})


def _rounds_to(video: str, name: str) -> bool:
    """Return whether a number in scientific notation is a longer number, rounded."""
    decimals = len(re.split("[eE]", name)[0].partition(".")[2])
    return Decimal(f"{Decimal(video):.{decimals}E}") == Decimal(name)


def _numbers_of_date(name: str) -> set[tuple[int, ...]]:
    """Return the sorted numbers of the ids that a spreadsheet would write as this date."""
    for pattern in _DATES:
        if not (date := pattern.fullmatch(name)):
            continue
        parts = date.groupdict()
        text = unicodedata.normalize("NFD", parts["month"].casefold())
        letters = "".join(c for c in text if not unicodedata.combining(c))
        letters = "jul" if letters.startswith("juil") else letters[:3]
        month = int(letters) if letters.isdecimal() else _MONTH_OF.get(letters, 0)
        year = int(parts.get("year") or 0)
        others = [int(parts["day"])] if parts.get("day") else [year, year % 100]
        return {(min(month, other), max(month, other)) for other in others if month}
    return set()
