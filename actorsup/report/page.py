"""The page of a data set, which opens from disk without a network."""

import base64
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from jinja2.utils import htmlsafe_json_dumps
from markupsafe import Markup

from actorsup.artifacts.atomic import write_text_atomically
from actorsup.report.gallery import CARDS
from actorsup.report.html import STATIC, TEMPLATES
from actorsup.report.settings import ReportSettings

ASSETS = "page"
"""Folder below ``report_data/`` of the page's script, style and index."""
_SINGLE_FILE_LIMIT = 16 << 20  # bytes
_MEDIA_TYPES = {".jpg": "image/jpeg", ".webm": "video/webm"}


@dataclass(frozen=True)
class Page:
    """The contents of the page.

    Attributes:
        title: Name of the data set.
        subtitle: One line about the run.
        sections: Anchor, title and content of each section, in order.
        folder: ``report_data/``, which holds the folders of the galleries.
        galleries: Names of these folders, one for each shard.
    """

    title: str
    subtitle: str
    sections: Sequence[tuple[str, str, Markup]]
    folder: Path
    galleries: Sequence[str] = field(default=())


def write_page(page: Page, output: Path, settings: ReportSettings) -> None:
    """Write the page; unless it is a single file, also its script, style and index below ``report_data/``.

    Args:
        page: Its contents.
        output: The HTML file, next to ``report_data/``.
        settings: Whether to write a single file.
    """
    cards = [
        row for name in page.galleries for row in json.loads((page.folder / name / CARDS).read_text("utf-8"))
    ]
    cards.sort(key=lambda row: row["id"])
    style = (STATIC / "page.css").read_text("utf-8")
    scripts = {
        "page.js": (STATIC / "page.js").read_text("utf-8"),
        "vega.js": _vega(),
        "index.js": f"actorsup.index({_json(cards)});\n",
    }
    files = [path for name in page.galleries for path in sorted((page.folder / name).iterdir())]
    size = sum(path.stat().st_size for path in files)
    single_file = {"always": True, "never": False}.get(settings.single_file, size <= _SINGLE_FILE_LIMIT)
    (page.folder / ASSETS).mkdir(parents=True, exist_ok=True)
    if single_file:
        inlined = {
            path.relative_to(page.folder).as_posix(): _inlined(path)
            for path in files
            if path.suffix == ".js" or path.suffix in _MEDIA_TYPES
        }
        scripts = {"files.js": f"window.actorsupFiles = {_json(inlined)};", **scripts}
    else:
        for name, text in {**scripts, "page.css": style}.items():
            write_text_atomically(page.folder / ASSETS / name, text)
    html = TEMPLATES.get_template("page.html").render(
        title=page.title,
        subtitle=page.subtitle,
        sections=page.sections,
        single_file=single_file,
        assets=f"report_data/{ASSETS}",
        style=Markup(style),
        scripts={name: _inside_script_tag(text) for name, text in scripts.items()},
    )
    write_text_atomically(output, html)


def _json(value: Any) -> Markup:
    return htmlsafe_json_dumps(value, allow_nan=False)


def _inside_script_tag(script: str) -> Markup:
    return Markup(script.replace("</script", "<\\/script").replace("<!--", "<\\!--"))


def _inlined(path: Path) -> str:
    """A file of a gallery as text: JSON of a video's details, or a data URL of its picture or video."""
    if path.suffix == ".js":
        text = path.read_text("utf-8")
        return text[text.index(", ") + 2 : text.rindex(");")]
    return f"data:{_MEDIA_TYPES[path.suffix]};base64,{base64.b64encode(path.read_bytes()).decode()}"


@cache
def _vega() -> str:
    """The scripts of Vega, Vega-Lite and vega-embed as one, from vl-convert."""
    import altair
    import vl_convert

    bundle: Any = vl_convert.javascript_bundle  # its type stub requires an argument that has a default
    return str(bundle(vl_version="_".join(altair.SCHEMA_VERSION.split(".")[:2])))
