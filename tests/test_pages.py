"""docs/files.md and docs/how-it-works.md agree with the code."""

import json
import re
from pathlib import Path

import h5py
import pytest
from report_runs import make_run

from actorsup.attention.model import model_content, random_model
from actorsup.attention.settings import AttentionSettings
from actorsup.datasets.readers.folder import TABLE_COLUMNS
from actorsup.detection import networks
from actorsup.detection.detectors.supplied import COLUMNS as SUPPLIED_COLUMNS
from actorsup.evaluation.bootstrap import INTERVAL_COLUMNS
from actorsup.evaluation.corloc import CORLOC_COLUMNS
from actorsup.evaluation.error_analysis import ERROR_COLUMNS, KINDS, MISSED
from actorsup.evaluation.predictions import read_predictions
from actorsup.evaluation.tables import ABLATION_COLUMNS, EPOCH_COLUMNS, MAP_COLUMNS, RECALL_COLUMNS
from actorsup.formats.ground_truth_csv import GROUND_TRUTH_COLUMNS
from actorsup.frames.video_table import VIDEO_COLUMNS
from actorsup.linking.siamese import network as siamese
from actorsup.report.cost import COST_COLUMNS
from actorsup.workflow.failures import FAILURE_COLUMNS

TABLES = {
    "{dataset}_map.csv": MAP_COLUMNS,
    "{dataset}_recall.csv": RECALL_COLUMNS,
    "{dataset}_corloc.csv": CORLOC_COLUMNS,
    "{dataset}/errors.csv": ERROR_COLUMNS,
    "{dataset}/confidence_intervals.csv": INTERVAL_COLUMNS,
    "{dataset}/ablations/{ablation}.csv": ABLATION_COLUMNS,
    "{dataset}/map_by_epoch.csv": EPOCH_COLUMNS,
    "{dataset}/videos.csv": VIDEO_COLUMNS,
    "{dataset}/failures.csv": FAILURE_COLUMNS,
    "{dataset}/ground_truth.csv": GROUND_TRUTH_COLUMNS,
    "{dataset}/annotated.csv": ["video", "frame"],
    "{dataset}/cost.csv": COST_COLUMNS,
}
SHARDS = ("frames", "detections", "tubes", "predictions")


@pytest.fixture(scope="module")
def files(repository) -> str:
    return (repository / "docs" / "files.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def works(repository) -> str:
    return (repository / "docs" / "how-it-works.md").read_text(encoding="utf-8")


def part(text: str, heading: str) -> str:
    """The text under a heading, up to the next one."""
    return re.search(rf"^#+ {re.escape(heading)}\n(.*?)(?=^#|\Z)", text, flags=re.M | re.S)[1]


@pytest.mark.parametrize("table", TABLES)
def test_tables_have_the_columns_that_the_page_says(files, table):
    (columns,) = re.findall(r"^`([a-z_0-9, ]+)`$", part(files, f"`results/{table}`"), flags=re.M)
    assert columns.split(", ") == TABLES[table]


def test_forms_of_a_user_s_tables(files):
    written = part(files, "What you write")
    assert f"`{', '.join(TABLE_COLUMNS)}`" in written and f"`{', '.join(SUPPLIED_COLUMNS)}`" in written
    errors = part(files, "`results/{dataset}/errors.csv`")
    assert all(f"`{kind}`" in errors for kind in (*KINDS, MISSED))


@pytest.fixture(scope="module")
def shards(tmp_path_factory):
    return make_run(tmp_path_factory.mktemp("run"))[0]


@pytest.mark.parametrize("stage", SHARDS)
def test_shards_hold_what_the_page_says(files, shards, stage):
    heading, text = re.search(rf"^### (`{stage}/1`: .*)\n((?:(?!^#).*\n)*)", files, flags=re.M).groups()
    assert f"results/{{dataset}}/{stage}/" in heading
    rows = re.findall(r"^\| `(\w+)` \| \((.*?)\) (\w+) \|", text, flags=re.M)
    if stage == "predictions":
        tubes = re.search(r"^### `tubes/1`.*\n((?:(?!^#).*\n)*)", files, flags=re.M)[1]
        rows += re.findall(r"^\| `(\w+)` \| \((.*?)\) (\w+) \|", tubes, flags=re.M)
    with h5py.File(getattr(shards, stage), "r") as file:
        assert file.attrs["schema"] == f"{stage}/1" and "provenance" in file.attrs
        assert ("classes" in file.attrs) == (stage == "predictions")
        group = file[dict(file["videos"][()])[min(dict(file["videos"][()]))]]
        # the run of the test uses its scored tubes as proposals
        scores = {"class_logit", "class_score"} if stage == "tubes" else set()
        assert {name for name, _, _ in rows} == set(group) - scores
        sizes: dict[str, int] = {"4": 4, "2": 2}
        for name, shape, dtype in rows:
            assert group[name].dtype == dtype, name
            letters = [one.strip() for one in shape.split(",") if one.strip()]
            assert len(letters) == group[name].ndim, name
            for letter, size in zip(letters, group[name].shape, strict=True):
                assert sizes.setdefault(letter, size) == size, name
        if stage in ("frames", "detections"):
            attributes = re.search(r"^Attributes of a video: (.*?)\n\n", text, flags=re.M | re.S)[1]
            assert {*re.findall(r"`(\w+)`", attributes)} == set(group.attrs)


def test_the_example_of_predictions_json_can_be_read(files, tmp_path):
    example = re.search(r"^```json\n(.*?)^```", files, flags=re.M | re.S)[1]
    path = tmp_path / "predictions.json"
    path.write_text(example, encoding="utf-8")
    assert len(read_predictions(path).videos["kitchen/monday"]) == 1 and json.loads(example)["classes"]


def test_model_files_hold_what_the_page_says(files):
    model = random_model(AttentionSettings(encoder="small"), ["a", "b"], 0)
    detector = networks.random_network(networks.SMALL_SSD, [1])
    contents = {
        "models/{linker}/{model}/seed{seed}.pt": model_content(model, {}),
        "weights/linkers/{linker}.pt": siamese.weights_content(
            siamese.random_siamese("small", 0), "small", {}
        ),
        "weights/detectors/{detector}.pt": networks.weights_content("small_ssd", detector, (90, 120), {}),
    }
    for path, content in contents.items():
        row = re.search(rf"^\| `results/[^`]*{re.escape(path)}` \| (.*) \|$", files, flags=re.M)[1]
        assert re.findall(r"`(\w+)`", re.sub(r"\(.*?\)", "", row)) == list(content), path


def rules(repository: Path) -> dict[str, str]:
    texts = "\n".join(path.read_text(encoding="utf-8") for path in (repository / "rules").glob("*.smk"))
    return {rule.split(":")[0]: rule for rule in re.split(r"^rule ", texts, flags=re.M)[1:]}


def test_stages_are_rules_that_make_what_the_page_says(repository, works):
    there = rules(repository)
    rows = re.findall(
        r"^\| [^|]+ \| (`.*?) \| `actorsup/(\w+)/` \| (.*?) \|", part(works, "The stages"), flags=re.M
    )
    assert len(rows) == 9
    for named, package, made in rows:
        assert (repository / "actorsup" / package).is_dir()
        texts = [there[name] for name in re.findall(r"`(\w+)`", named)]
        assert all(f"actorsup.{package}." in text for text in texts)
        for path in re.findall(r"`([^`]+)`", made):
            whole = f"results/{{dataset}}/{path}".replace("/{dataset}/../", "/")
            assert any(whole in text for text in texts), path


def test_the_diagram_names_rules_and_paths_that_there_are(repository, works):
    diagram = re.search(r"```mermaid\n(.*?)```", works, flags=re.S)[1]
    there = rules(repository)
    named = {*re.findall(r"\|(\w+_\w+)\|", diagram), *re.findall(r"\{\{(\w+)\}\}", diagram)}
    assert len(named) >= 10 and named <= there.keys()
    made = [path for path in re.findall(r'\["([^"]+)"\]', diagram) if path != "predictions.json, .h5"]
    assert len(made) >= 9
    for path in made:
        whole = f"results/{path}" if path.startswith("{dataset}") else f"results/{{dataset}}/{path}"
        assert any(f'"{whole}"' in text for text in there.values()), path
