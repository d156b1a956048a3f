import shutil

import pytest

from actorsup.artifacts import provenance
from actorsup.artifacts.provenance import code_digest, file_digest, settings_digest


@pytest.fixture
def library(tmp_path, repository, monkeypatch):
    """A copy of the library that a test may edit."""
    copy = tmp_path / "actorsup"
    shutil.copytree(repository / "actorsup", copy, ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(provenance, "_ROOT", copy)
    code_digest.cache_clear()
    yield copy
    code_digest.cache_clear()


def edited(path, old, new):
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    code_digest.cache_clear()


def test_comments_docstrings_and_formatting_keep_the_digest(library):
    before = code_digest("actorsup.tubes")
    path = library / "boxes.py"
    edited(path, '"""Box arithmetic in numpy.', '"""Another docstring.')
    edited(
        path, "def area(boxes: Array) -> Array:", "# a comment\n\n\ndef area(\n    boxes: Array,\n) -> Array:"
    )
    assert code_digest("actorsup.tubes") == before


def test_an_edit_changes_the_digests_of_importing_modules(library):
    before = {m: code_digest(m) for m in ("actorsup.tubes", "actorsup.boxes", "actorsup.coco")}
    edited(library / "boxes.py", "np.maximum(a", "np.minimum(a")
    after = {m: code_digest(m) for m in before}
    assert [m for m in before if before[m] != after[m]] == ["actorsup.tubes", "actorsup.boxes"]


STAGES = ("report.stage", "report.gallery", "report.cost", "report.paper.stage", "evaluation.stage")


@pytest.mark.parametrize(
    ("file", "stages"),
    [
        ("report/static/page.html", ["report.stage"]),
        ("report/static/page.js", ["report.stage"]),
        ("report/static/page.css", ["report.stage"]),
        ("report/paper/published.csv", ["report.stage", "report.paper.stage"]),
    ],
)
def test_templates_and_tables_count_as_code_of_the_stages_that_read_them(library, file, stages):
    before = {stage: code_digest(f"actorsup.{stage}") for stage in STAGES}
    path = library / file
    path.write_text(path.read_text() + "\n")
    code_digest.cache_clear()
    assert [stage for stage in STAGES if code_digest(f"actorsup.{stage}") != before[stage]] == stages


def test_settings_digest_does_not_depend_on_the_order_of_keys():
    assert settings_digest({"a": 1, "b": [2]}) == settings_digest({"b": [2], "a": 1})
    assert settings_digest({"a": 1}) != settings_digest({"a": 2})


def test_the_record_identifies_inputs_by_content(tmp_path):
    weights = tmp_path / "w.pt"
    weights.write_bytes(b"abc")
    record = provenance.provenance("detect", {"batch": 8}, [weights], code="c")
    # sha256 of "abc", from FIPS 180-2
    assert record["inputs"][weights.as_posix()].startswith("ba7816bf8f01cfea") and file_digest(
        weights
    ).endswith("15ad")
    assert record["settings"] == {"batch": 8} and record["code"] == "c" and record["versions"]["actorsup"]


def test_the_digest_of_a_package_of_types_follows_relative_imports(tmp_path, monkeypatch):
    folder = tmp_path / "lab_types" / "inner"  # a namespace package: no __init__.py above
    folder.mkdir(parents=True)
    (folder / "__init__.py").write_text("")
    (folder / "change.py").write_text("from .util import value\nfrom . import other\nTYPE = value\n")
    (folder / "util.py").write_text("import actorsup.boxes\nvalue = 1\n")
    (folder / "other.py").write_text("")
    monkeypatch.syspath_prepend(str(tmp_path))
    found = provenance.find_dependencies("lab_types.inner.change")
    wanted = {f"lab_types.inner{name}" for name in ("", ".change", ".util", ".other")}
    assert {name for name in found if name.startswith("lab_types")} == wanted
    assert "actorsup.boxes" in found
    before = code_digest("lab_types.inner.change")
    edited(folder / "util.py", "value = 1", "value = 2")
    assert code_digest("lab_types.inner.change") != before
