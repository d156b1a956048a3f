"""The paper's tables and figures: published figures equal the paper's, measured rows follow from tables."""

import re
from pathlib import Path

import pandas as pd
import pytest
import yaml
from workflow_runs import copy_workflow, snakemake, would_run

from actorsup.errors import ConfigError, DataError
from actorsup.report.paper.items import ITEMS
from actorsup.report.paper.published import COLUMNS, PUBLISHED, SUPERVISION, read_published
from actorsup.report.paper.stage import FIGURES, make_table, write_left_out, write_paper_item
from actorsup.report.paper.style import spread, styled
from actorsup.workflow.paper import PaperPlan
from actorsup.workflow.plan import Plan

# ------------------------------------------------------- published figures, against the paper


@pytest.fixture(scope="module")
def published() -> pd.DataFrame:
    return read_published()


@pytest.fixture(scope="module")
def paper() -> str:
    path = Path(__file__).resolve().parents[2] / "shared" / "paper" / "actor-supervision.txt"
    if not path.exists():
        pytest.skip("needs the paper's text in ../shared, which is missing")
    return path.read_text(encoding="utf-8")


def printed_rows(paper: str, after: str, cells: int) -> dict[str, list[str]]:
    """The rows of a table in the paper's text, by the first reference of each; '' is the paper itself."""
    rows = {}
    lines = paper[paper.index(after) :].split("\n\n")[0].split("\n")
    for line in lines:
        name, *values = [re.sub(r"<[^>]+>", "", cell).strip() for cell in line.split("\t")]
        values = [value for value in values if value][-cells:] if cells == 2 else values[:cells]
        if re.search(r"\[\d+\]", name) or name == "This paper":
            number = re.search(r"\[\d+\]", name)
            rows[number[0] if number else ""] = [value.replace(" ", "") for value in values]
    return rows


def ours(published: pd.DataFrame, item: str, columns: list[tuple[str, float]]) -> dict[str, list[str]]:
    rows: dict[str, list[str]] = {}
    table = published[(published["item"] == item) & (published["group"] != "after the paper")]
    for row in table.to_dict("records"):
        number = re.match(r"\[\d+\]", row["reference"])
        cells = rows.setdefault(number[0] if number else "", ["-"] * len(columns))
        cells[columns.index((row["dataset"], row["iou_threshold"]))] = f"{row['percent']:.1f}"
    return rows


def test_every_figure_of_table_1_is_the_papers(paper, published):
    columns = [("ucf_sports", 0.5), ("thumos13", 0.5), ("thumos13", 0.1)]
    printed = printed_rows(paper, "\tUCF-Sports\tTHUMOS13", 3)
    assert len(printed) == 6 and printed[""] == ["93.6", "43.9", "88.7"]
    assert ours(published, "table1", columns) == printed


def test_every_figure_of_table_2_is_the_papers(paper, published):
    columns = [("thumos13", 0.2), ("ucf_sports", 0.5)]
    printed = printed_rows(paper, "\tAction Supervision", 2)
    assert len(printed) == 13 and printed[""] == ["45.5", "48.2"]
    assert ours(published, "table2", columns) == printed


def test_the_supervision_is_that_of_table_2(paper, published):
    printed = {}
    for line in paper[paper.index("\tAction Supervision") :].split("\n\n")[0].split("\n"):
        name, *cells = line.split("\t")
        if re.search(r"\[\d+\]", name) or name == "This paper":
            number = re.search(r"\[\d+\]", name)
            printed[number[0] if number else ""] = ["yes" if "checkmark" in c else "" for c in cells[:4]]
    of_the_paper = published[(published["item"] == "table2") & (published["group"] != "after the paper")]
    for row in of_the_paper.to_dict("records"):
        number = re.match(r"\[\d+\]", row["reference"])
        assert [row[kind] for kind in SUPERVISION] == printed[number[0] if number else ""], row["reference"]


def test_the_supervision_is_that_of_table_1s_caption(paper, published):
    caption = "[41] and Zhu *et al.* [44] use video supervision from action boxes and action labels"
    assert caption in paper
    for row in published[published["item"] == "table1"].to_dict("records"):
        supervised = row["reference"][:4] in ("[41]", "[44]")
        wanted = ["yes", "", "", "yes"] if supervised else [""] * 4
        assert [row[kind] for kind in SUPERVISION] == wanted, row["reference"]


def test_every_reference_is_the_papers(paper, published):
    listed = {number: text for number, text in re.findall(r"^- (\[\d+\]) ([^\n]*)", paper, flags=re.M)}
    for reference in published["reference"].unique():
        number = re.match(r"\[\d+\]", reference)
        if number:
            theirs = listed[number[0]]
            author = re.search(r"[A-Z][a-zéöü]+", reference)
            assert author and author[0] in theirs, reference
            assert reference.split()[-1] in theirs, reference  # the year


def test_every_other_published_figure_is_in_the_text_of_section_4_3(paper, published):
    text = " ".join(paper.split())
    sentence = "improvement in Recall of +19.9% and +21.6% for 0.2 and 0.5 IoU in THUMOS13"
    assert sentence in text
    assert (
        "the gap in recall at 0.5 IoU between adult actors and animal actors like *bird* and *dog* is "
        in text
    )
    assert "*bird* and *dog* is at most +2%" in text
    assert (
        "except for *ball* the recall for all the actors using at most 50 actor proposals is greater than 85%"
        in text
    )
    rest = published[~published["item"].isin(["table1", "table2"])]
    stated = rest[["item", "measure", "iou_threshold", "proposals", "actor", "bound", "percent"]]
    stated = stated.astype(object).fillna("")
    assert [tuple(row) for row in stated.to_numpy().tolist()] == [
        ("figure5", "recall", "", 50.0, "all but ball", "above", 85.0),
        ("figure5", "recall difference", 0.5, "", "adult - bird", "at most", 2.0),
        ("figure5", "recall difference", 0.5, "", "adult - dog", "at most", 2.0),
        ("linking", "recall gain", 0.2, "", "", "", 19.9),
        ("linking", "recall gain", 0.5, "", "", "", 21.6),
    ]


def test_the_gains_that_the_paper_states_follow_from_its_tables(published):
    """Sections 4.3 and 4.4: +34.2, +1.7 and +8.4 points of recall, +7.8 and +10.4 of mAP."""

    def best(item: str, dataset: str, threshold: float, group: str) -> float:
        rows = published[(published["item"] == item) & (published["dataset"] == dataset)]
        rows = rows[(rows["iou_threshold"] == threshold) & (rows["group"] == group)]
        return rows[(rows["boxes"] == "") & (rows["points"] == "")]["percent"].max()

    for item, dataset, threshold, gain in (
        ("table1", "thumos13", 0.1, 34.2),
        ("table1", "ucf_sports", 0.5, 1.7),
        ("table1", "thumos13", 0.5, 8.4),
        ("table2", "thumos13", 0.2, 7.8),
        ("table2", "ucf_sports", 0.5, 10.4),
    ):
        one, other = (best(item, dataset, threshold, group) for group in ("the paper", "in the paper"))
        assert one - other == pytest.approx(gain)


def test_what_is_not_the_papers_says_so(published):
    later = published[~published["stated_in"].str.startswith("Escorcia et al.")]
    assert later["group"].unique().tolist() == ["after the paper"] and (later["note"] != "").all()
    assert (published["source"] == "published").all() and (published["averaging"] == "not stated").all()


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("item,group", "item,grp", "columns are item, grp"),
        (",98.8,", ",,", "line 2: a published figure needs a number"),
        ("Escorcia et al. Table 1", "", "line 2: a published figure needs .* where it is stated"),
    ],
)
def test_a_published_figure_without_number_or_source_is_refused(tmp_path, old, new, words):
    path = tmp_path / "published.csv"
    path.write_text(PUBLISHED.read_text(encoding="utf-8").replace(old, new, 1), encoding="utf-8")
    with pytest.raises(DataError, match=words):
        read_published(path)


# ------------------------------------------------- measured rows, from contract tables by hand

RECALL = """dataset,linker,group,proposals,iou_threshold,recall,ground_truth
{name},siamese,all,1,0.1,0.500000,8
{name},siamese,all,1,0.2,0.375000,8
{name},siamese,all,1,0.5,0.250000,8
{name},siamese,all,3,0.1,1.000000,8
{name},siamese,all,3,0.2,0.875000,8
{name},siamese,all,3,0.5,0.625000,8
{name},siamese,class-mean,3,0.1,0.900000,8
{name},siamese,class-mean,3,0.2,0.800000,8
{name},siamese,class-mean,3,0.5,0.700000,8
{name},siamese,class:run,3,0.5,0.990000,4
{name},siamese,actor:adult,3,0.5,0.750000,4
{name},siamese,actor:bird,3,0.5,0.500000,2
{name},siamese,actor:ball,3,0.5,0.250000,2
{name},viterbi,all,1,0.1,0.125000,8
{name},viterbi,all,1,0.2,0.125000,8
{name},viterbi,all,1,0.5,0.000000,8
{name},viterbi,all,2,0.1,0.375000,8
{name},viterbi,all,2,0.2,0.250000,8
{name},viterbi,all,2,0.5,0.125000,8
{name},viterbi,all,5,0.1,0.500000,8
{name},viterbi,all,5,0.2,0.500000,8
{name},viterbi,all,5,0.5,0.500000,8
{name},viterbi,class-mean,2,0.2,0.300000,8
{name},viterbi,class-mean,2,0.5,0.100000,8
"""
MAP = """dataset,linker,model,seed,class,iou_threshold,average_precision,ground_truth,tubes
x,siamese,paper,0,run,0.2,0.100000,4,9
x,siamese,paper,0,mean,0.2,0.400000,8,20
x,siamese,paper,1,mean,0.2,0.500000,8,20
x,siamese,best,0,mean,0.2,0.610000,8,20
x,siamese,best,0,mean,0.5:0.95,0.210000,8,20
"""


def contract(item: str) -> dict[str, str]:
    """The measured tables of all data sets of an item, at all its thresholds."""
    both = MAP + MAP.split("\n", 1)[1].replace(",0.2,", ",0.5,")
    return dict.fromkeys(ITEMS[item].datasets, both if item == "table2" else RECALL)


def sources(folder: Path, texts: dict[str, str]) -> dict[str, tuple[str, Path]]:
    """Measured tables as files, by the paper's data set."""
    found = {name: (f"my_{name}", folder / f"{name}.csv") for name in texts}
    for name, (_, path) in found.items():
        path.write_text(texts[name].format(name=name), encoding="utf-8")
    return found


def made(item: str, folder: Path, texts: dict[str, str], **more: object) -> pd.DataFrame:
    """The table of an item, from measured tables."""
    table = make_table(item, sources(folder, texts), **more)  # type: ignore[arg-type]
    assert list(table.columns) == COLUMNS
    return table


def values(table: pd.DataFrame, *columns: str, **where: object) -> list[tuple]:
    rows = table[table["source"] == "measured"]
    for name, value in where.items():
        rows = rows[rows[name] == value]
    return [tuple(row) for row in rows[list(columns)].to_numpy().tolist()]


def test_table_1_has_the_recall_of_the_most_proposals(tmp_path):
    table = made("table1", tmp_path, {"thumos13": RECALL})
    columns = ("method", "averaging", "iou_threshold", "proposals", "percent", "ground_truth")
    assert sorted(values(table, *columns)) == [
        ("siamese", "mean over classes", 0.1, 3, 90.0, 8),
        ("siamese", "mean over classes", 0.5, 3, 70.0, 8),
        ("siamese", "pooled", 0.1, 3, 100.0, 8),
        ("siamese", "pooled", 0.5, 3, 62.5, 8),
        ("viterbi", "pooled", 0.1, 5, 50.0, 8),
        ("viterbi", "pooled", 0.5, 5, 50.0, 8),
    ]
    assert set(table[table["source"] == "measured"]["section"]) == {"my_thumos13"}


def test_table_2_has_the_mean_over_seeds(tmp_path):
    rules = {"protocol": None, "interpolation": "trapezoid", "strict": True, "nms_iou": None}
    table = made("table2", tmp_path, {"thumos13": MAP}, evaluation=rules)
    columns = ("method", "percent", "deviation", "seeds", "labels", "note")
    first, second = values(table, *columns)
    assert first[:2] == ("siamese, paper", 45.0) and first[3:] == (
        2,
        "yes",
        "interpolation: trapezoid, strict: true",
    )
    assert first[2] == pytest.approx(7.0711, abs=1e-4)  # of 40 and 50, over n - 1
    assert second[:2] == ("siamese, best", 61.0) and pd.isna(second[2]) and second[3] == 1


def test_notes_state_the_settings_of_the_evaluation_that_matter(tmp_path):
    rules = {"interpolation": "envelope", "matching": "free", "box_area": "continuous"}
    (recall,) = set(values(made("table1", tmp_path, {"thumos13": RECALL}, evaluation=rules), "note"))
    assert recall == ("box_area: continuous",)
    protocol = rules | {"protocol": "act"}
    (precision,) = set(values(made("table2", tmp_path, {"thumos13": MAP}, evaluation=protocol), "note"))
    assert precision == ("protocol: act",)


def test_figure_4_has_all_numbers_of_proposals_and_table_1s_figures(tmp_path):
    table = made("figure4", tmp_path, {"thumos13": RECALL})
    found = values(table, "method", "proposals", "percent", averaging="pooled", iou_threshold=0.5)
    assert found == [
        ("siamese", 1, 25.0), ("siamese", 3, 62.5),
        ("viterbi", 1, 0.0), ("viterbi", 2, 12.5), ("viterbi", 5, 50.0),
    ]  # fmt: skip
    published = table[table["source"] == "published"]
    assert published["proposals"].isna().all()  # the paper's text does not say them
    # it compares with previous unsupervised approaches
    assert set(published["percent"]) == {54.5, 89.4, 35.5, 91.9, 32.8, 93.6, 43.9, 88.7}


def test_figure_5_has_each_actor_and_the_differences_that_the_text_states(tmp_path):
    table = made("figure5", tmp_path, {"a2d": RECALL})
    assert values(table, "actor", "percent", "ground_truth", measure="recall") == [
        ("adult", 75.0, 4), ("bird", 50.0, 2), ("ball", 25.0, 2),
    ]  # fmt: skip
    assert values(table, "actor", "percent", measure="recall difference") == [("adult - bird", 25.0)]
    assert len(table[table["source"] == "published"]) == 3


def test_linkers_are_compared_at_their_smaller_limit(tmp_path):
    limits = {"siamese": 3, "viterbi": 5}
    table = made("linking", tmp_path, {"thumos13": RECALL}, limits=limits)
    columns = ("method", "averaging", "iou_threshold", "proposals", "percent")
    assert values(table, *columns, measure="recall gain") == [
        ("siamese - viterbi", "pooled", 0.2, 3, 62.5),
        ("siamese - viterbi", "mean over classes", 0.2, 3, 50.0),
        ("siamese - viterbi", "pooled", 0.5, 3, 50.0),
        ("siamese - viterbi", "mean over classes", 0.5, 3, 60.0),
    ]
    # one that found fewer than it may has the recall of all that it found
    more = made("linking", tmp_path, {"thumos13": RECALL}, limits={"siamese": 50, "viterbi": 50})
    gains = values(more, "iou_threshold", "percent", measure="recall gain", averaging="pooled")
    assert gains == [(0.2, 37.5), (0.5, 12.5)]


@pytest.mark.parametrize("item", ITEMS)
def test_published_rows_are_never_mixed_with_measured_ones(tmp_path, item):
    texts = dict.fromkeys(
        ITEMS[item].datasets, MAP + MAP.replace("0.2", "0.5") if item == "table2" else RECALL
    )
    if item == "table2":
        texts = dict.fromkeys(texts, MAP + "\n".join(MAP.replace(",0.2,", ",0.5,").split("\n")[1:]))
    limits = {"siamese": 3, "viterbi": 5}
    published_only = made(item, tmp_path, {}, limits=limits)
    both = made(item, tmp_path, texts, limits=limits)
    assert set(published_only["source"]) == {"published"} and set(both["source"]) == {"published", "measured"}
    # what is measured changes nothing of what is published, and has none of its marks
    pd.testing.assert_frame_equal(
        both[both["source"] == "published"].reset_index(drop=True), published_only, check_dtype=False
    )
    measured = both[both["source"] == "measured"]
    assert set(measured["group"]) == {"measured"} and measured["stated_in"].isna().all()
    assert (~measured["reference"].str.contains("Escorcia")).all()


@pytest.mark.parametrize("item", ITEMS)
def test_the_files_have_the_same_bytes_each_time(tmp_path, item, monkeypatch):
    limits, contents = {"siamese": 3, "viterbi": 5}, []
    files = sources(tmp_path, contract(item))
    paths = [tmp_path / f"{item}.{kind}" for kind in ("csv", "svg", "png")]
    for when in ("0", "1700000000"):
        # matplotlib would take its date from here
        monkeypatch.setenv("SOURCE_DATE_EPOCH", when)
        write_paper_item(item, files, {}, *paths, limits=limits)
        contents.append([path.read_bytes() for path in paths])
    written, table = pd.read_csv(paths[0]), make_table(item, files, limits=limits)
    assert written["percent"].tolist() == pytest.approx(table["percent"].astype(float).tolist())
    assert written["source"].tolist() == table["source"].tolist()
    assert contents[0] == contents[1]
    _, svg, png = contents[0]
    assert svg.startswith(b"<?xml") and b"dc:date" not in svg and png.startswith(b"\x89PNG")


def test_the_figures_say_which_figures_are_published(tmp_path):
    for item in ITEMS:
        table = made(item, tmp_path, contract(item), limits={"siamese": 3, "viterbi": 5})
        with styled():
            (legend,) = FIGURES[item](table).legends
        words = [text.get_text() for text in legend.get_texts()]
        kinds = ["published" if word.startswith("published") else "measured" for word in words]
        assert all(word.startswith(kind) for word, kind in zip(words, kinds, strict=True))
        assert set(kinds) == {"published", "measured"}
        for kind, line in zip(kinds, legend.legend_handles, strict=True):
            assert line.is_dashed() == (kind == "published")


def test_a_missing_threshold_is_an_error(tmp_path):
    text = "\n".join(line for line in RECALL.split("\n") if ",0.1," not in line)
    with pytest.raises(DataError, match=r"my_thumos13_recall\.csv: no row at IoU 0\.1; add it to evaluation"):
        made("table1", tmp_path, {"thumos13": text})
    with pytest.raises(DataError, match=r"thumos13\.csv: column 'group' is missing"):
        made("table1", tmp_path, {"thumos13": RECALL.replace("group", "grp")})


def test_labels_are_spread_apart_and_stay_in_order():
    assert spread([93.6, 91.9, 89.4], 5, 100) == [93.6, 88.6, 83.6]
    assert spread([10, 99, 50], 5, 98) == [10, 98, 50]
    assert spread([], 5, 100) == []


def test_left_out_data_sets_are_a_table(tmp_path):
    write_left_out({"table1": {"ucf_sports": "it is, not here"}, "figure5": {}}, tmp_path / "left_out.csv")
    text = (tmp_path / "left_out.csv").read_text(encoding="utf-8")
    assert text == 'item,dataset,reason\ntable1,UCF-Sports,"it is, not here"\n'


# ------------------------------------------------------------------------------------ the plan


@pytest.fixture
def config(repository) -> dict:
    config = yaml.safe_load((repository / "config.yaml").read_text(encoding="utf-8"))
    # paths of data sets that a machine may have
    for section in config["datasets"].values():
        if "root" in section:
            section["root"] = "no/such/folder"
    return config


def test_each_missing_data_set_has_its_reason(config):
    config["datasets"].pop("ucf_sports", None)
    config["paper"]["a2d"] = "demo"
    paper = PaperPlan(Plan(config))
    assert paper.measured("table1") == {}
    reasons = paper.left_out("table1")
    assert "there is no section 'ucf_sports'" in reasons["ucf_sports"]
    assert "datasets.thumos13.root: no such file or folder: no/such/folder" in reasons["thumos13"]
    assert paper.left_out("figure5") == {}
    assert paper.measured("figure5") == {"a2d": ("demo", "results/demo_recall.csv")}


def test_sections_for_the_papers_data_sets_are_a_setting(config):
    config["paper"] = {"thumos13": "demo", "linkers": ["demo_siamese", "demo_viterbi+tubes=4"]}
    paper = PaperPlan(Plan(config))
    assert paper.measured("linking") == {"thumos13": ("demo", "results/demo/linking_recall.csv")}
    assert paper.limits == {"demo_siamese": 10, "demo_viterbi+tubes=4": 4}
    assert paper.measured("table2") == {"thumos13": ("demo", "results/demo_map.csv")}
    config["evaluation"]["iou_thresholds"] = [0.2]
    assert (
        PaperPlan(Plan(config))
        .left_out("table1")["thumos13"]
        .startswith("evaluation.iou_thresholds lacks 0.5")
    )
    del config["paper"]
    assert PaperPlan(Plan(config)).linkers == ["siamese", "viterbi"]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (
            {"linkers": ["siamese", "viterbbi"]},
            "paper.linkers: 'viterbbi' is not there; .*did you mean 'viterbi'",
        ),
        ({"linkers": ["siamese"]}, "paper.linkers: "),
        ({"thumos": "thumos13"}, "paper: unknown key 'thumos'; .*did you mean 'thumos13'"),
        ({"a2d": 3}, "paper.a2d: 3 is a whole number; allowed: text"),
    ],
)
def test_a_mistake_in_its_section_is_an_error(config, changes, words):
    config["paper"] |= changes
    with pytest.raises(ConfigError, match=words):
        Plan(config)


def test_with_no_data_there_are_published_figures_and_what_was_left_out(repository, tmp_path):
    folder = copy_workflow(repository, tmp_path / "house", {"datasets.thumos13.root": "no/such/folder"})
    text = snakemake(folder, "--dry-run", "paper_tables")
    assert len(re.findall(r"^Job \d+: Writing the paper's \w+; left out:", text, flags=re.M)) == len(ITEMS)
    assert re.search(
        r"Writing the paper's table1; .*thumos13.*datasets.thumos13.root: no such file or folder", text
    )
    assert re.search(r"Writing the paper's table2; left out: .*ucf_sports", snakemake(folder, "paper_tables"))
    table = pd.read_csv(folder / "results" / "paper" / "table2.csv")
    assert set(table["source"]) == {"published"}
    left_out = pd.read_csv(folder / "results" / "paper" / "left_out.csv")
    assert left_out["item"].value_counts().to_dict() == {
        "table1": 2, "table2": 2, "figure4": 2, "figure5": 1, "linking": 1,
    }  # fmt: skip
    assert "Nothing to be done" in snakemake(folder, "paper_tables")


def test_with_data_the_plan_makes_the_measured_tables(repository, tmp_path):
    changes = {
        "paper.thumos13": "demo",
        "paper.linkers": ["demo_siamese", "demo_viterbi"],
        "datasets.demo.train_videos": 6,
        "datasets.demo.test_videos": 6,
    }
    folder = copy_workflow(repository, tmp_path / "house", changes)
    rules = would_run(folder, "results/paper/linking.csv")
    assert rules["evaluate_linking"] == 1 and rules["link_actors"] >= 2
    assert not rules.keys() & {"train_attention", "score_tubes", "evaluate_map", "evaluate_recall"}
    rules = would_run(folder, "paper_tables")
    assert rules["evaluate_linking"] == rules["evaluate_recall"] == rules["evaluate_map"] == 1
