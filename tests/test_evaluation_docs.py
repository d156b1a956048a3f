"""The examples in docs/evaluation.md run, and its tables agree with the code."""

import re
from dataclasses import fields

from actorsup.evaluation import PROTOCOLS, EvaluationProtocol
from actorsup.evaluation.command import add_options


def test_the_examples_run(repository):
    text = (repository / "docs" / "evaluation.md").read_text(encoding="utf-8")
    examples = re.findall(r"```python\n(.*?)```", text, flags=re.S)
    assert [example.count("assert ") for example in examples] == [3, 2]
    for example in examples:
        exec(compile(example, "docs/evaluation.md", "exec"), {})


def test_the_table_of_public_evaluators_agrees_with_the_code(repository):
    text = (repository / "docs" / "evaluation.md").read_text(encoding="utf-8")
    rows = text[text.index("| `protocol` | differs") :].split("\n\n")[0].split("\n")[2:]
    stated = {}
    for names, differences in (row.strip("|").split(" | ") for row in rows):
        stated |= dict.fromkeys(re.findall(r"`(\w+)`", names), differences.strip())
    defaults = EvaluationProtocol()
    actual = {}
    for name, protocol in PROTOCOLS.items():
        changed = {f.name: getattr(protocol, f.name) for f in fields(protocol)}
        changed = {key: value for key, value in changed.items() if value != getattr(defaults, key)}
        words = {"strict": "strict", "nms_iou": f"nms_iou {protocol.nms_iou}"}
        actual[name] = ", ".join(words.get(key, str(value)) for key, value in changed.items())
    assert stated == actual


def test_the_command_of_the_docs_has_its_options(repository):
    import argparse

    parser = argparse.ArgumentParser()
    add_options(parser)
    text = (repository / "docs" / "evaluation.md").read_text(encoding="utf-8")
    used = set(re.findall(r"--[a-z-]+", re.search(r"actorsup evaluate(.*?)```", text, flags=re.S)[1]))
    assert used <= set(parser.format_help().replace(",", " ").split()) | {"--ground-truth"}
