"""The problems and notes that ``actorsup check`` collects."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from actorsup.errors import first_few


@dataclass(frozen=True)
class Finding:
    """One problem of a data set, or a note about it.

    Attributes:
        serious: Whether the finding is a problem, which would make tables wrong or computation useless.
        text: Description of the finding, with the number of cases, the first names and the remedy.
    """

    serious: bool
    text: str


def finding(serious: bool, what: str, names: Sequence[object], remedy: str = "") -> Iterator[Finding]:
    """Yield a finding about some names, or none without names; ``what`` has a place for their number."""
    if len(names):
        yield Finding(serious, f"{what.format(f'{len(names):,}')}: {first_few(names)}{remedy}")
