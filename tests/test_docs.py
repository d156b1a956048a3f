"""The docs are in step with the code: links lead somewhere."""

import re
import shlex
from pathlib import Path

from actorsup import cli


def slug(heading: str) -> str:
    """The anchor that GitHub gives a heading."""
    return re.sub(r"[^\w\- ]", "", heading.replace("`", "").lower()).replace(" ", "-")


def test_every_link_between_pages_leads_somewhere(repository):
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
                if anchor not in map(slug, headings):
                    wrong.append(f"{page.name}: {link}")
    assert wrong == []


def commands(repository) -> list[tuple[str, list[str]]]:
    """Every command in the code blocks of the pages, and what stands in a line between backticks."""
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


def made_by_rules(repository) -> list[re.Pattern]:
    """What the rules make, as patterns of file names, and the rules that are targets themselves."""
    text = "".join(path.read_text(encoding="utf-8") for path in (repository / "rules").glob("*.smk"))
    outputs = re.findall(r'"(results/[^"]*)"', text)
    patterns = [re.sub(r"\\\{\w+\\\}", r"[\\w+=.-]+", re.escape(output)) for output in outputs]
    patterns.append(r"results/\w+")  # a data set's folder
    return [re.compile(pattern) for pattern in [*patterns, *re.findall(r"^rule (\w+):", text, flags=re.M)]]


def test_every_command_of_the_pages_is_one(repository):
    known = made_by_rules(repository)
    wrong, seen = [], set()
    for page, (program, *words) in commands(repository):
        seen.add(program)
        for name, word in zip(["", *words], words, strict=False):
            if any(mark in word for mark in ("...", "{", "$", "TARGET", "VIDEO", "NAME", "DATASET")):
                continue  # stands for something of the reader's
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
                cli._parser().parse_args(words)
            except SystemExit:
                wrong.append(f"{page}: actorsup {' '.join(words)}")
    assert wrong == []
    assert seen == {"snakemake", "actorsup", "python"}
