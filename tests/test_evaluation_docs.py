"""The example in docs/evaluation.md runs, and its tables agree with the code."""

import re

from actorsup.evaluation import PROTOCOLS
from actorsup.evaluation.command import add_options


def test_the_example_runs(repository):
    text = (repository / "docs" / "evaluation.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"```python\n(.*?)```", text, flags=re.S)
    assert example.count("assert ") == 3
    exec(compile(example, "docs/evaluation.md", "exec"), {})


def test_the_table_of_public_evaluators_agrees_with_the_code(repository):
    text = (repository / "docs" / "evaluation.md").read_text(encoding="utf-8")
    table = {}
    for line in text.split("\n"):
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        for name in re.findall(r"`(\w+)`", cells[0]):
            if name in PROTOCOLS and len(cells) == 7:
                table[name] = cells[1:]
    assert table == {
        name: [
            protocol.interpolation,
            protocol.matching,
            "yes" if protocol.strict else "no",
            str(protocol.nms_iou or "none"),
            protocol.box_area,
            protocol.duration,
        ]
        for name, protocol in PROTOCOLS.items()
    }


def test_the_command_of_the_docs_has_its_options(repository):
    import argparse

    parser = argparse.ArgumentParser()
    add_options(parser)
    text = (repository / "docs" / "evaluation.md").read_text(encoding="utf-8")
    used = set(re.findall(r"--[a-z-]+", re.search(r"actorsup evaluate(.*?)```", text, flags=re.S)[1]))
    assert used <= set(parser.format_help().replace(",", " ").split()) | {"--ground-truth"}
