"""Writes the list in docs/errors.md: every error of the library that a user can meet, out of its code.

python docs/list_errors.py
"""

import ast
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "errors.md"

STAGES = {
    "Configuration and plan": (
        "paths",
        "registry",
        "plan",
        "provenance",
        "storage",
        "atomic",
        "weights",
        "devices",
        "epochs",
        "monitor",
        "processes",
        "errors",
        "seals",
        "plain_hdf5",
    ),
    "Data sets and ground truth": ("datasets", "demo"),
    "Import, export, conversion": ("exchange", "convert"),
    "Frames": ("frames",),
    "Detection": ("detection", "coco", "backbones"),
    "Linking": ("linking",),
    "Attention": ("attention",),
    "Evaluation": ("evaluation", "tube_files", "tubes"),
    "Tables, figures and the page": ("paper", "report", "failures", "cost", "summary", "predict", "cli"),
}
KINDS = {
    "ConfigError": "setting",
    "DataError": "file",
    "VideoError": "one video",
    "ActorsupError": "other",
}
MARK = "<!-- what follows is written by docs/list_errors.py -->"


def messages(path: Path) -> list[tuple[str, str]]:
    """Kind and text of each error that a module makes, in the order of its lines."""
    found = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Name)
            and node.func.id in KINDS
            and node.args
        ):
            text = _text(node.args[0])
            if " " in text:  # one that is nothing but a variable is worded elsewhere
                found.append((node.lineno, KINDS[node.func.id], text))
    return [(kind, text) for _, kind, text in sorted(found)]


def _text(node: ast.expr) -> str:
    """A message with what is filled in as a word in braces."""
    if isinstance(node, ast.Constant):
        return str(node.value)
    if isinstance(node, ast.JoinedStr):
        return "".join(_text(part) for part in node.values)
    if isinstance(node, ast.BinOp):
        return _text(node.left) + _text(node.right)
    value = node.value if isinstance(node, ast.FormattedValue) else node
    return "{" + _word(value) + "}"


def _word(node: ast.expr) -> str:
    """The name that tells most about an expression."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        return node.attr
    if isinstance(node, ast.Call):
        return _word(node.args[0]) if node.args else _word(node.func)
    inner = next((child for child in ast.walk(node) if isinstance(child, ast.Name)), None)
    return inner.id if inner else "value"


def page() -> str:
    """The whole page."""
    modules = sorted((ROOT / "actorsup").rglob("*.py"))
    head = PAGE.read_text(encoding="utf-8").split(MARK)[0]
    parts, listed = [f"{head}{MARK}\n"], set()
    for title, packages in STAGES.items():
        rows = []
        for path in modules:
            if path.relative_to(ROOT / "actorsup").parts[0].removesuffix(".py") in packages:
                listed.add(path)
                rows += [f"| {kind} | {_cell(text)} |" for kind, text in messages(path)]
        parts.append(
            "\n".join([f"## {title}\n", "| of a | message |", "| --- | --- |", *dict.fromkeys(rows), ""])
        )
    if left := [path for path in modules if path not in listed and messages(path)]:
        raise SystemExit(f"{left[0]}: has errors, but no place on the page; add it to STAGES")
    return "\n".join(parts)


def _cell(text: str) -> str:
    return "`" + text.replace("|", "\\|").replace("`", "'").replace("\n", " ") + "`"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
