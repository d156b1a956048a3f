"""Links and commands in the pages are valid."""

import re
import shlex
from pathlib import Path

from actorsup import cli


def anchor_of(heading: str) -> str:
    """The anchor that GitHub gives a heading."""
    return re.sub(r"[^\w\- ]", "", heading.replace("`", "").lower()).replace(" ", "-")


def test_links_between_pages_are_valid(repository):
    pages = [*(repository / "docs").glob("*.md"), *repository.glob("*.md")]
    wrong = []
    for page in pages:
        text = re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.M | re.S)
        for link in re.findall(r"\]\((?!https?:)([^)\s]*)\)", text):
            name, _, anchor = link.partition("#")
            target = page.parent / name if name else page
            if not target.exists():
                wrong.append(f"{page.name}: {link}")
            elif anchor:
                headings = re.findall(r"^#+ (.*)$", target.read_text(encoding="utf-8"), flags=re.M)
                if anchor not in map(anchor_of, headings):
                    wrong.append(f"{page.name}: {link}")
    assert wrong == []


def commands(repository) -> list[tuple[str, list[str]]]:
    """Commands of the pages, in code blocks and between backticks, as (page, words)."""
    found = []
    for page in sorted([*(repository / "docs").glob("*.md"), *repository.glob("*.md")]):
        text = page.read_text(encoding="utf-8")
        blocks = re.findall(r"^```sh\n(.*?)^```", text, flags=re.M | re.S)
        lines = [line for block in blocks for line in block.replace("\\\n", " ").splitlines()]
        lines += re.findall(r"`((?:snakemake|actorsup|python) [^`]+)`", text)
        for line in lines:
            for part in re.split(r"&&|\|", line):
                try:
                    words = shlex.split(part, comments=True)
                except ValueError:
                    words = []
                if words and Path(words[0]).name in ("snakemake", "actorsup", "python"):
                    found.append((page.name, [Path(words[0]).name, *words[1:]]))
    return found


def targets(repository) -> list[re.Pattern]:
    """Patterns of valid targets: output files of the rules, and names of rules."""
    text = "".join(path.read_text(encoding="utf-8") for path in (repository / "rules").glob("*.smk"))
    outputs = re.findall(r'"(results/[^"]*)"', text)
    patterns = [re.sub(r"\\\{\w+\\\}", r"[\\w+=.-]+", re.escape(output)) for output in outputs]
    patterns.append(r"results/\w+")  # a data set's folder
    return [re.compile(pattern) for pattern in [*patterns, *re.findall(r"^rule (\w+):", text, flags=re.M)]]


def test_commands_in_the_pages_are_valid(repository):
    known = targets(repository)
    wrong, seen = [], set()
    for page, (program, *words) in commands(repository):
        seen.add(program)
        for name, word in zip(["", *words], words, strict=False):
            if any(mark in word for mark in ("...", "{", "$", "TARGET", "VIDEO", "NAME", "DATASET")):
                continue  # a placeholder
            path = word.startswith(("results/", "docs/", "benchmarks/", "profiles/", "samples/", "tests/"))
            made = any(pattern.fullmatch(word.rstrip("/")) for pattern in known)
            if (
                path
                and not made
                and not (repository / word).exists()
                and name not in ("--output", "--directory")
            ):
                wrong.append(f"{page}: {program} ... {word}")
        if program == "actorsup" and len(words) > 1 and "..." not in words:
            try:
                cli._create_parser().parse_args(words)
            except SystemExit:
                wrong.append(f"{page}: actorsup {' '.join(words)}")
    assert wrong == []
    assert seen == {"snakemake", "actorsup", "python"}
