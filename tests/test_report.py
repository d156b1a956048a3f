"""The page: its content for each video, its files, and that text from data never becomes code."""

import json
import re
from html.parser import HTMLParser
from pathlib import Path

import av
import cv2
import numpy as np
import pandas as pd
import pytest
from report_runs import CLASSES, FRAMES, HEIGHT, NASTY, VIDEOS, WIDTH, details_of, make_run, square

from actorsup.artifacts.folders import replace_folder
from actorsup.evaluation.corloc import CORLOC_COLUMNS
from actorsup.evaluation.settings import EvaluationSettings
from actorsup.report import charts, html
from actorsup.report.drawn_videos import draw_videos
from actorsup.report.examples import MAX_FRAMES, shown_frames
from actorsup.report.gallery import CARDS, write_gallery
from actorsup.report.inputs import ReportInputs
from actorsup.report.numbers import numbers
from actorsup.report.page import ASSETS
from actorsup.report.settings import ReportSettings
from actorsup.report.stage import write_report
from actorsup.report.webm import RATE, playable_rate, write_webm
from actorsup.workflow.summary import summary


def frames_of(path: Path) -> tuple[list[np.ndarray], float]:
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        return [frame.to_ndarray(format="rgb24") for frame in container.decode(stream)], float(
            stream.average_rate
        )


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    shards, table = make_run(folder)
    labels = {video: ("test", (CLASSES[0],)) for video in VIDEOS}
    gallery = folder / "results" / "odd" / "report_data" / "0001"
    gallery.parent.mkdir(parents=True)
    write_gallery(shards, labels, table, None, gallery, 640, EvaluationSettings(), {"stage": "make_gallery"})
    (gallery / ".snakemake_timestamp").touch()  # as Snakemake does when the job ends
    return folder, shards, table, gallery


# ------------------------------------------------------------------------------- videos


def test_a_video_keeps_its_frames_their_order_and_rate(tmp_path):
    images = [np.full((48, 64, 3), 20 * frame, np.uint8) for frame in range(11)]
    write_webm(tmp_path / "a.webm", images, 12.5, 640)
    found, rate = frames_of(tmp_path / "a.webm")
    assert rate == 12.5 and len(found) == 11
    assert [round(float(image.mean()) / 20) for image in found] == list(range(11))
    assert [path.name for path in tmp_path.iterdir()] == ["a.webm"]


@pytest.mark.parametrize(("height", "width"), [(1, 1), (33, 17), (1000, 30), (700, 1401)])
def test_videos_of_any_size_are_playable(tmp_path, height, width):
    write_webm(tmp_path / "a.webm", [np.full((height, width, 3), 128, np.uint8)] * 2, 25, 640)
    (first, _), _ = frames_of(tmp_path / "a.webm")
    assert max(first.shape) <= 640 and min(first.shape[:2]) >= 16
    assert abs(float(first.mean()) - 128) < 6


@pytest.mark.parametrize("fps", [0.0, float("nan"), float("inf"), -3.0, 90000.0])
def test_an_unplayable_rate_is_replaced(fps):
    assert playable_rate(fps) == RATE


def test_a_long_video_is_shown_in_every_nth_frame():
    assert list(shown_frames(5)) == [0, 1, 2, 3, 4]
    assert len(shown_frames(100_000)) <= MAX_FRAMES
    assert shown_frames(2 * MAX_FRAMES).step == 2


# ------------------------------------------------------------------------------ gallery


def test_cards_state_the_outcome_and_the_kind_of_error(run):
    cards = {row["id"]: row for row in json.loads((run[3] / CARDS).read_text("utf-8"))}
    right, wrong, nothing = (cards[video] for video in VIDEOS)
    assert (right["outcome"], right["says"], right["score"], right["quality"]) == (
        "right",
        CLASSES[0],
        0.8,
        1,
    )
    assert (wrong["outcome"], wrong["why"]) == ("wrong", "wrong class")
    assert wrong["quality"] == 1  # a tube of its own class is there, with a lower score
    assert (nothing["outcome"], nothing["why"], nothing["says"], nothing["quality"]) == (
        "wrong", "missed", None, 0,
    )  # fmt: skip
    assert nothing["kinds"] == ["missed"]


def test_details_hold_every_box_in_source_pixels(run):
    content = details_of(run[3] / "0000.js")
    expected = [square(frame) for frame in range(FRAMES)]
    assert content["truth"][0]["first"] == 0
    np.testing.assert_allclose(content["truth"][0]["boxes"], expected, atol=0.06)
    np.testing.assert_allclose(content["predictions"][0]["boxes"], expected, atol=0.06)
    assert [one["kind"] for one in content["predictions"]] == [
        "correct", "background", "wrong class", "background",
    ]  # fmt: skip
    assert content["predictions"][0]["why"] == "right: IoU 1.00"
    assert content["truth"][0]["why"] == "matched"
    np.testing.assert_allclose([row[0][:4] for row in content["detections"]], expected, atol=0.06)
    assert [tube["overlap"] for tube in content["tubes"]] == [1.0, 0.0]
    assert (content["frames"], content["rate"], content["width"], content["height"]) == (
        FRAMES, 25, WIDTH, HEIGHT,
    )  # fmt: skip


def test_the_played_video_shows_the_square_where_the_box_is(run):
    found, _ = frames_of(run[3] / "0000.webm")
    assert len(found) == FRAMES
    for image, (x1, y1, x2, y2) in zip(
        found, details_of(run[3] / "0000.js")["truth"][0]["boxes"], strict=True
    ):
        inside = image[round(y1) + 3 : round(y2) - 3, round(x1) + 3 : round(x2) - 3]
        assert inside.mean(axis=(0, 1)) == pytest.approx([250, 220, 40], abs=25)


def test_a_killed_gallery_resumes_after_the_last_finished_video(run, tmp_path):
    _, shards, table, gallery = run
    output, stamp = tmp_path / "0001", {"stage": "make_gallery"}
    with pytest.raises(RuntimeError), replace_folder(output, stamp) as partial:
        (partial / "0000.js").write_text("finished", encoding="utf-8")
        raise RuntimeError("killed")
    assert not output.exists()
    write_gallery(shards, {}, table, None, output, 640, EvaluationSettings(), stamp)
    assert (output / "0000.js").read_text("utf-8") == "finished"  # not done again
    assert sorted(p.name for p in output.glob("*.js")) == sorted(p.name for p in gallery.glob("*.js"))
    write_gallery(shards, {}, table, None, output, 640, EvaluationSettings(), {"stage": "another"})
    assert (output / "0000.js").read_text("utf-8") != "finished"
    assert [path.name for path in tmp_path.iterdir()] == ["0001"]


# --------------------------------------------------------------------------------- page


def tags_of(text: str) -> list[tuple[str, list]]:
    """The tags of a page as a browser parses them, without the content of scripts."""
    found = []
    reader = HTMLParser()
    reader.handle_starttag = lambda tag, attributes: found.append((tag, attributes))
    reader.feed(text)
    return found


def page(run, settings, failures="video,stage,reason\n") -> str:
    folder, shards, _, gallery = run
    rows = [f'"{video}",x,test,"{CLASSES[0]}",{FRAMES}' for video in VIDEOS]
    (folder / "videos.csv").write_text("video,path,split,label,frames\n" + "\n".join(rows), encoding="utf-8")
    (folder / "failures.csv").write_text(failures, encoding="utf-8")
    inputs = ReportInputs(
        videos=folder / "videos.csv",
        failures=folder / "failures.csv",
        galleries=[gallery],
        stages={"tubes": shards.tubes},
    )
    output = gallery.parents[1] / "report.html"
    write_report("odd", inputs, output, settings, 0.5)
    return output.read_text(encoding="utf-8")


def test_a_single_file_page_requests_nothing(run):
    text = page(run, ReportSettings(single_file="always"))
    asked = [value for _, attributes in tags_of(text) for key, value in attributes if key in ("src", "href")]
    assert all(value.startswith(("data:", "#")) for value in asked)
    held = json.loads(re.search(r"window\.actorsupFiles = (\{.*?\});</script>", text)[1])
    assert {Path(name).suffix for name in held} == {".js", ".jpg", ".webm"}
    assert len(held) == 3 * len(VIDEOS)
    assert json.loads(held["0001/0000.js"]) == details_of(run[3] / "0000.js")


def test_a_page_with_separate_files_names_existing_files(run):
    text = page(run, ReportSettings(single_file="never"))
    named = re.findall(r'(?:src|href)="(report_data/[^"]+)"', text)
    assert len(named) == 4
    assert all((run[3].parents[1] / name).is_file() for name in named)
    assert ASSETS in named[0] and len(text) < 20_000


@pytest.mark.parametrize("single_file", ["always", "never"])
def test_text_from_data_never_becomes_code(run, single_file):
    reason = "<script>alert('failed')</script>"
    text = page(
        run, ReportSettings(single_file=single_file), f'video,stage,reason\n"{NASTY}",frames,{reason}\n'
    )
    index = (run[3].parent / ASSETS / "index.js").read_text("utf-8") if single_file == "never" else text
    for wrong in ("<img src=x", "<script>alert", "<b>odd"):
        assert wrong not in text and wrong not in index
    tags = tags_of(text)
    assert not [tag for tag, _ in tags if tag == "img"]
    assert sum(tag == "b" for tag, _ in tags) == 2  # the page's own key figures: videos, frames
    assert not [key for _, attributes in tags for key, _ in attributes if key.startswith("on")]
    # every script that is opened is one of the page's own
    assert sum(tag == "script" for tag, _ in tags) == (4 if single_file == "always" else 3)


def test_a_data_set_with_only_failures_has_a_page(tmp_path):
    for name, text in (
        ("videos.csv", "video,path,split,label,frames\na,a.avi,test,run,0\n"),
        ("failures.csv", "video,stage,reason\na,frames,an empty file\n"),
    ):
        (tmp_path / name).write_text(text, encoding="utf-8")
    inputs = ReportInputs(tmp_path / "videos.csv", tmp_path / "failures.csv", [], {})
    write_report("sad", inputs, tmp_path / "report.html", ReportSettings(), 0.5)
    text = (tmp_path / "report.html").read_text("utf-8")
    assert "an empty file" in text and "none can be shown" in text and "1 could not be used" in text


def test_a_table_is_escaped_keeps_its_order_and_marks_published_rows():
    frame = pd.DataFrame(
        {"class": ["<b>", "x"], "recall": [0.5, np.nan], "source": ["measured", "published"]}
    )
    text = html.table(frame, "a & b", "file.csv")
    assert "<td>&lt;b&gt;</td>" in text and 'data-title="a &amp; b"' in text
    assert '<td class="number">0.5000</td>' in text and '<td class="number"></td>' in text
    assert text.count('class="published"') == 1


def test_charts_contain_the_numbers_of_their_table():
    rows = [("demo", "l", "m", seed, name, t, 0.1 * seed + 0.5, 3, 9)
            for seed in (0, 1) for name in ("run", "mean") for t in ("0.2", "0.5", "0.5:0.95")]  # fmt: skip
    columns = [
        "dataset", "linker", "model", "seed", "class", "iou_threshold", "average_precision", "ground_truth",
        "tubes",
    ]  # fmt: skip
    table = pd.DataFrame(rows, columns=columns)
    (data,) = charts.map_by_threshold(table)["datasets"].values()
    assert sorted((row["seed"], row["iou"], round(row["average_precision"], 2)) for row in data) == [
        (0, 0.2, 0.5), (0, 0.5, 0.5), (1, 0.2, 0.6), (1, 0.5, 0.6),
    ]  # fmt: skip
    (data,) = charts.ap_by_class(table, "0.5")["datasets"].values()
    assert [(row["class"], round(row["average_precision"], 2)) for row in data] == [("run", 0.55)]


def test_the_page_shows_the_means_of_corloc(tmp_path):
    rows = [
        ("d", "l", model, 0, split, name, threshold, 0.25, 0.125, 0.375, 0.625, 8)
        for model in ("tiny", "random tube") for split in ("test", "train")
        for name in ("run", "mean") for threshold in (0.2, 0.5)
    ]  # fmt: skip
    pd.DataFrame(rows, columns=CORLOC_COLUMNS).to_csv(tmp_path / "corloc.csv", index=False)
    inputs = ReportInputs(Path(), Path(), [], {}, corloc=tmp_path / "corloc.csv")
    text = numbers("d", inputs)
    shown, folded = text.split("As a table")
    assert "CorLoc and class accuracy" in shown and "of 0.5 or more" in shown
    assert shown.count("<td>random tube</td>") == 2 and folded.count("<td>random tube</td>") == 8
    assert '<td class="number">0.2500</td>' in shown and '<td class="number">0.6250</td>' in shown


# ------------------------------------------------------------------------- drawn, summary


def test_drawn_videos_have_the_tube_in_them(run, tmp_path):
    _, shards, table, _ = run
    draw_videos([shards.frames], [shards.predictions], table, tmp_path / "drawn", 640, {"stage": "draw"})
    path = tmp_path / "drawn" / f"{VIDEOS[2]}.webm"  # nothing predicted: only ground truth, dashed blue
    found, _ = frames_of(path)
    assert len(found) == FRAMES
    x1, y1, x2, _ = (round(v * found[0].shape[1] / WIDTH) for v in square(6))
    edge = found[6][y1 - 1 : y1 + 2, x1:x2].reshape(-1, 3).astype(int)
    assert (edge[:, 2] - edge[:, 0]).max() > 60  # bluer than the yellow square and the grey ground
    solid = frames_of(tmp_path / "drawn" / f"{VIDEOS[0]}.webm")[0][6]
    assert cv2.absdiff(solid, found[6]).max() > 60


def test_the_summary_lists_new_files_and_failures(tmp_path):
    (tmp_path / "d").mkdir()
    header = "dataset,linker,model,seed,class,iou_threshold,average_precision,ground_truth,tubes\n"
    lines = [f"d,l,m,{seed},mean,{t},{ap},3,9\n" for seed, t, ap in ((0, "0.2", 0.5), (1, "0.2", 0.7))]
    (tmp_path / "d_map.csv").write_text(header + "".join(lines), encoding="utf-8")
    (tmp_path / "d" / "failures.csv").write_text("video,stage,reason\na,frames,an empty file\n", "utf-8")
    text = summary(["d"], tmp_path, since=0)
    assert "mAP 0.600 at 0.2 (l, m, mean of 2 seeds)" in text
    assert "1 videos could not be used" in text and "a, at frames: an empty file" in text
    assert summary(["d"], tmp_path, since=2**40) == ""
    (tmp_path / "d_map.csv").write_text("", encoding="utf-8")
    assert "d_map.csv" in summary(["d"], tmp_path, since=0)
