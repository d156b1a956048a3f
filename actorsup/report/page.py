"""The page: what was run, the numbers, the training, the videos; opens from disk, without a network."""

import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from html import escape
from pathlib import Path
from typing import Any

from actorsup.artifacts.atomic import write_whole
from actorsup.report import html
from actorsup.report.gallery import CARDS
from actorsup.report.settings import ReportSettings

STATIC = Path(__file__).parent / "static"
_MOST_IN_ONE_FILE = 16 << 20
ASSETS = "page"
"""Folder below ``report_data/`` of the page's own script, style and index."""
_KINDS = {".jpg": "image/jpeg", ".webm": "video/webm"}


@dataclass(frozen=True)
class Page:
    """What stands on the page.

    Attributes:
        title: The data set's name.
        subtitle: One line of what was run.
        sections: Anchor, title and HTML of each part, in order.
        folder: ``report_data/``; below it lie the galleries' folders.
        galleries: Names of these folders, one a shard.
    """

    title: str
    subtitle: str
    sections: Sequence[tuple[str, str, str]]
    folder: Path
    galleries: Sequence[str] = field(default=())


def write_page(page: Page, output: Path, settings: ReportSettings) -> None:
    """Write the page, and beside it its script, style and index below ``report_data/``.

    Args:
        page: What stands on it.
        output: The HTML file; ``report_data/`` is looked for beside it.
        settings: Whether all goes into one file.
    """
    cards = [
        row for name in page.galleries for row in json.loads((page.folder / name / CARDS).read_text("utf-8"))
    ]
    shared = {
        "page.js": (STATIC / "page.js").read_text("utf-8"),
        "vega.js": _vega(),
        "index.js": f"actorsup.index({html.as_json(sorted(cards, key=lambda row: row['id']))});\n",
    }
    style = (STATIC / "page.css").read_text("utf-8")
    files = [path for name in page.galleries for path in sorted((page.folder / name).iterdir())]
    weight = sum(path.stat().st_size for path in files)
    one_file = {"always": True, "never": False}.get(settings.single_file, weight <= _MOST_IN_ONE_FILE)
    (page.folder / ASSETS).mkdir(parents=True, exist_ok=True)
    if one_file:
        parts = [f"window.actorsupFiles = {html.as_json(_inlined(files, page.folder))};", *shared.values()]
        scripts = "\n".join(f"<script>{_safe(text)}</script>" for text in parts)
        head = f"<style>{style}</style>"
    else:
        for name, text in {**shared, "page.css": style}.items():
            write_whole(page.folder / ASSETS / name, text)
        scripts = "\n".join(f'<script src="report_data/{ASSETS}/{name}"></script>' for name in shared)
        head = f'<link rel="stylesheet" href="report_data/{ASSETS}/page.css">'
    write_whole(output, _filled(page, head, scripts))


def _filled(page: Page, head: str, scripts: str) -> str:
    links = "".join(f'<a href="#{name}">{escape(title)}</a>' for name, title, _ in page.sections)
    values = {
        "title": escape(page.title),
        "subtitle": escape(page.subtitle),
        "style": head,
        "navigation": links,
        "sections": "\n".join(html.section(*part) for part in page.sections),
        "scripts": scripts,
    }
    # cut at the marks, so that a mark inside what is filled in stays as it is
    first, *rest = (STATIC / "page.html").read_text("utf-8").split("@")
    pieces = [first]
    for piece in rest:
        pieces.append(values.get(piece, piece))
    return "".join(pieces)


def _safe(text: str) -> str:
    """A script that can stand inside a page: no end tag in it."""
    return text.replace("</script", "<\\/script").replace("<!--", "<\\!--")


def _inlined(files: Sequence[Path], folder: Path) -> dict[str, str]:
    """The galleries' files by their path below the folder: pictures and videos as data, details as JSON."""
    found = {}
    for path in files:
        name = path.relative_to(folder).as_posix()
        if path.suffix == ".js":
            text = path.read_text("utf-8")
            found[name] = text[text.index(", ") + 2 : text.rindex(");")]
        elif path.suffix in _KINDS:
            found[name] = f"data:{_KINDS[path.suffix]};base64,{base64.b64encode(path.read_bytes()).decode()}"
    return found


@cache
def _vega() -> str:
    """Vega, Vega-Lite and vega-embed in one script, as vl-convert carries them."""
    import altair
    import vl_convert

    bundle: Any = vl_convert.javascript_bundle  # its stub asks for what has a default
    return str(bundle(vl_version="_".join(altair.SCHEMA_VERSION.split(".")[:2])))
