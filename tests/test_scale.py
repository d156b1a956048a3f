"""Scale: stable buckets for thousands of videos, fast plans, few files, and the cost table."""

import csv
import hashlib
import importlib.util
import re
import shutil
import sys
from pathlib import Path

import pytest
from workflow_runs import edit, would_run

from actorsup.errors import DataError
from actorsup.report.cost import find_records, write_cost
from actorsup.workflow.dataset import PlannedDataset


@pytest.fixture(scope="module")
def scale(repository):
    """The benchmark module, which generates the data sets of these tests."""
    spec = importlib.util.spec_from_file_location("scale", repository / "benchmarks" / "scale.py")
    module = importlib.util.module_from_spec(spec)
    sys.modules["scale"] = module
    spec.loader.exec_module(module)
    return module


def bucket(video: str, split: str, buckets: int) -> str:
    """Return the bucket of a video by definition: training videos in even buckets, all others in odd ones."""
    number = int.from_bytes(hashlib.blake2b(video.encode(), digest_size=8).digest(), "big")
    return f"{number % ((buckets + 1) // 2) * 2 if split == 'train' else number % (buckets // 2) * 2 + 1:04d}"


def planned(folder: Path, shards: int = 96) -> PlannedDataset:
    data = folder / "data"
    section = {"type": "folder", "root": str(data), "table": str(data / "videos.csv"), "shards": shards}
    return PlannedDataset("made", section, 0)


def params(folder: Path) -> dict[str, list[tuple[str, str, str]]]:
    dataset = planned(folder)
    return {shard: dataset.videos_to_decode(shard) for shard in dataset.shards}


def rows(folder: Path) -> list[list[str]]:
    with open(folder / "data" / "videos.csv", encoding="utf-8") as stream:
        return list(csv.reader(stream))[1:]


def write_rows(folder: Path, table: list[list[str]]) -> None:
    text = "".join(",".join(row) + "\n" for row in [["video", "label", "split"], *table])
    (folder / "data" / "videos.csv").write_text(text, encoding="utf-8")


def changed_shards(before: dict[str, object], after: dict[str, object]) -> set[str]:
    return {s for s in before.keys() | after.keys() if before.get(s) != after.get(s)}


@pytest.fixture(scope="module")
def made(scale, tmp_path_factory) -> Path:
    """A data set of 3,000 generated videos."""
    folder = tmp_path_factory.mktemp("made up")
    scale.generate_data_set(folder, 3000, 96)
    return folder


@pytest.fixture
def unchanged(made, monkeypatch):
    monkeypatch.chdir(made)
    table = (made / "data" / "videos.csv").read_text(encoding="utf-8")
    yield made
    (made / "data" / "videos.csv").write_text(table, encoding="utf-8")


def test_only_shards_of_changed_videos_have_changed_params(unchanged):
    before, table = params(unchanged), rows(unchanged)
    assert sum(map(len, before.values())) == 3000 and len(before) == 96
    added = ["class00/added", "class00", "train"]
    (unchanged / "data" / f"{added[0]}.avi").write_text("new")
    other, resplit = table[7], table[123]
    video = unchanged / "data" / f"{other[0]}.avi"
    content = video.read_text()
    video.write_text("of other content")
    moved = [*resplit[:2], "test" if resplit[2] == "train" else "train"]
    write_rows(
        unchanged, [added, *(moved if row is resplit else row for row in table if row is not table[2000])]
    )
    after = params(unchanged)
    video.write_text(content)
    (unchanged / "data" / f"{added[0]}.avi").unlink()
    concerned = [added, table[2000], other, resplit, moved]
    assert changed_shards(before, after) == {bucket(name, split, 96) for name, _, split in concerned}


def test_params_of_shards_contain_no_labels(unchanged):
    before, labels = params(unchanged), planned(unchanged).train_labels
    write_rows(unchanged, [[name, "class05", split] for name, _, split in rows(unchanged)])
    assert params(unchanged) == before
    assert planned(unchanged).train_labels.keys() == labels.keys()
    assert planned(unchanged).train_labels != labels


@pytest.mark.parametrize("root", ["data", "data/", "./data", "data/class03/..", "."])
def test_paths_in_params_are_relative_to_the_root(unchanged, root):
    section = {"type": "folder", "root": root, "shards": 2}
    dataset = PlannedDataset("made", section, 0)
    found = {video: path for shard in dataset.shards for video, path, _ in dataset.videos_to_decode(shard)}
    below = "data/" if root == "." else ""
    assert found[f"{below}class03/v_0000003"] == f"{below}class03/v_0000003.avi"
    assert len(found) == 3000


def test_the_plan_is_fast_and_has_only_the_changed_shards(scale, unchanged):
    settings = unchanged / "made.json"
    took = scale.plan(unchanged, settings)
    # CPU seconds, because wall time depends on the load of the machine
    assert took.cpu < 10 and took.memory < 1024 and took.jobs > 300
    scale.make_all(unchanged, settings)
    table, targets = rows(unchanged), (*scale.TARGETS, "--configfile", str(settings))
    trained = next(row for row in table if row[2] == "train")
    relabeled = [[name, "class09" if name == trained[0] else label, split] for name, label, split in table]
    write_rows(unchanged, relabeled)
    rules = would_run(unchanged, *targets)
    assert rules["train_attention"] == 1 and rules["score_tubes"] == 48
    assert not rules.keys() & {"decode_frames", "detect_actors", "link_actors"}

    tests = [row for row in table if row[2] == "test"]
    edit(unchanged / "data" / f"{tests[0][0]}.avi", "class", "other")
    write_rows(unchanged, [row for row in table if row is not tests[1]])
    rules = would_run(unchanged, *targets)
    edit(unchanged / "data" / f"{tests[0][0]}.avi", "other", "class")
    shards = len({bucket(name, "test", 96) for name, *_ in tests[:2]})
    for stage in ("decode_frames", "detect_actors", "link_actors", "score_tubes"):
        assert rules[stage] == shards, stage
    assert "train_attention" not in rules


# ---------------------------------------------------------------------------- cost by stage

HEADER = "s\th:m:s\tmax_rss\tmax_vms\tmax_uss\tmax_pss\tio_in\tio_out\tmean_load\tcpu_time\n"


def record(path: str, wall: str, memory: str, written: str, cpu: str) -> None:
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    Path(path).write_text(f"{HEADER}{wall}\t0:00:01\t{memory}\t1\t1\t1\t0\t{written}\t90\t{cpu}\n")


def test_costs_are_the_sums_of_the_records(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    record("benchmarks/results/a/link_actors/siamese/0000.tsv", "10.5", "700", "2", "20")
    record("benchmarks/results/a/link_actors/siamese/0001.tsv", "1.5", "900", "0.5", "2")
    record("benchmarks/results/a/decode_frames/0000.tsv", "3", "NA", "-", "NA")
    record("benchmarks/results/a/evaluate_map.tsv", "1", "50", "0", "1")
    record("benchmarks/results/b/decode_frames/0000.tsv", "99", "99", "99", "99")
    record("benchmarks/results/weights/train_siamese/net.tsv", "100", "10", "1", "200")
    record("benchmarks/results/weights/train_detector/net.tsv", "7", "7", "7", "7")
    found = find_records("a", ["results/weights/linkers/net.pt", "mine/linkers/net.pt", "none.pt"])
    assert len(found) == 5
    write_cost(found, 4, "cost.csv")
    with open("cost.csv", encoding="utf-8") as stream:
        lines = list(csv.DictReader(stream))
    assert [line["stage"] for line in lines] == [
        "train_siamese", "decode_frames", "link_actors", "evaluate_map", "all",
    ]  # fmt: skip
    link, everything = lines[2], lines[4]
    assert (link["jobs"], link["videos"], link["wall_seconds"], link["cpu_seconds"]) == (
        "2",
        "4",
        "12.00",
        "22.00",
    )
    assert link["peak_memory_mb"] == "900.0" and link["bytes_written"] == str(int(2.5 * 2**20))
    assert link["wall_seconds_per_video"] == "3.0000" and link["cpu_seconds_per_video"] == "5.5000"
    assert link["bytes_written_per_video"] == str(int(2.5 * 2**20 / 4))
    assert lines[1]["cpu_seconds"] == "0.00" and lines[1]["wall_seconds"] == "3.00"
    assert everything["jobs"] == "5" and everything["wall_seconds"] == "116.00"
    assert everything["cpu_seconds"] == "223.00" and everything["peak_memory_mb"] == "900.0"


def test_missing_and_broken_records_are_reported(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DataError, match="no record of this data set"):
        write_cost(find_records("a"), 4, "cost.csv")
    broken = Path("benchmarks/results/a/decode_frames/0000.tsv")
    for text in ("", "nothing\n1\n", HEADER + "x\ty\tz\n"):
        broken.parent.mkdir(parents=True, exist_ok=True)
        broken.write_text(text)
        with pytest.raises(DataError, match=r"0000\.tsv: not a benchmark record"):
            write_cost([broken], 4, "cost.csv")
    assert not Path("cost.csv").exists()


def test_every_rule_writes_its_benchmark_where_the_cost_table_looks(repository):
    for path in (repository / "rules").glob("*.smk"):
        for rule in re.split(r"^(?:use )?rule ", path.read_text(encoding="utf-8"), flags=re.M)[1:]:
            name = re.match(r"(?:\w+ as )?(\w+)", rule)[1]
            if name in ("sum_cost", "fetch_weights"):  # the table itself; cached rules cannot have one
                continue
            path = r'benchmark:\n\s+"benchmarks/results/(\{dataset\}|weights|paper)/(\w+)[/.]'
            found = re.search(path, rule)
            assert found, name
            assert name.startswith(found[2])


def test_workflows_share_published_weights_and_keep_them_apart(repository, scale, tmp_path, monkeypatch):
    """A script that replaces the download writes the model's name and a file that shows that it ran."""
    (tmp_path / "cache").mkdir()
    monkeypatch.setenv("SNAKEMAKE_OUTPUT_CACHE", str(tmp_path / "cache"))
    targets = [f"results/weights/published/{model}.pth" for model in ("vgg16", "ssd300_vgg16")]
    for run in ("first", "second"):
        folder = tmp_path / run
        folder.mkdir()
        scale.generate_data_set(folder, 24, 1)
        # copies: Snakemake resolves a linked rule file before it looks for scripts
        for name in ("rules", "workflow_scripts"):
            (folder / name).unlink()
            shutil.copytree(repository / name, folder / name)
        (folder / "workflow_scripts" / "fetch_weights.py").write_text(
            "open(snakemake.output[0], 'w').write(snakemake.wildcards.model)\n"
            "open(f'{snakemake.wildcards.model} ran', 'w')\n"
        )
        scale.snakemake(folder, "--cores", "1", "--cache", "--", *targets)
        assert [(folder / path).read_text() for path in targets] == ["vgg16", "ssd300_vgg16"]
        assert len(list(folder.glob("* ran"))) == (2 if run == "first" else 0)
