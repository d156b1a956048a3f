"""The page in a real browser: it loads, filters, plays, and its boxes move with the picture."""

import json
import shutil
from pathlib import Path

import pandas as pd
import pytest
from report_runs import CLASSES, FRAMES, HEIGHT, NASTY, VIDEOS, WIDTH, make_run, square

from actorsup.evaluation.settings import EvaluationSettings
from actorsup.report.gallery import CARDS, write_gallery
from actorsup.report.inputs import ReportInputs
from actorsup.report.settings import ReportSettings
from actorsup.report.stage import write_report

pytestmark = pytest.mark.slow


def tables(folder: Path) -> dict[str, Path]:
    """Tables of results with made-up numbers."""
    thresholds = ("0.2", "0.5", "0.5:0.95")
    names = [*CLASSES, "mean"]
    rows = [("odd", "l", "m", 0, name, t, 0.1 * len(name) % 1, 3, 9) for name in names for t in thresholds]
    columns = "dataset linker model seed class iou_threshold average_precision ground_truth tubes".split()
    pd.DataFrame(rows, columns=columns).to_csv(folder / "map.csv", index=False)
    groups = ["all", *(f"class:{name}" for name in CLASSES), "class-mean"]
    rows = [("odd", "l", g, n, t, n / 10, 3) for g in groups for n in (1, 2, 5) for t in (0.2, 0.5)]
    columns = "dataset linker group proposals iou_threshold recall ground_truth".split()
    pd.DataFrame(rows, columns=columns).to_csv(folder / "recall.csv", index=False)
    curve = pd.DataFrame({"epoch": [1, 2, 3], "loss": [1.5, 1.0, 0.8], "accuracy": [0.2, 0.5, 0.6]})
    curve.to_csv(folder / "curve.csv", index=False)
    return {name: folder / f"{name}.csv" for name in ("map", "recall")}


@pytest.fixture(scope="module", params=["always", "never"])
def report(request, tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("report")
    shards, truth = make_run(folder)
    gallery = folder / "odd" / "report_data" / "0001"
    gallery.parent.mkdir(parents=True)
    labels = {video: ("test", (CLASSES[0],)) for video in VIDEOS}
    write_gallery(shards, labels, truth, None, gallery, 640, EvaluationSettings(), {})
    rows = [(video, "x", "test", CLASSES[0], FRAMES) for video in VIDEOS]
    videos = pd.DataFrame(rows, columns=["video", "path", "split", "label", "frames"])
    videos.to_csv(folder / "videos.csv", index=False)
    (folder / "failures.csv").write_text(f'video,stage,reason\n"{NASTY}",frames,"{NASTY}"\n', "utf-8")
    inputs = ReportInputs(
        videos=folder / "videos.csv",
        failures=folder / "failures.csv",
        galleries=[gallery],
        stages={"tubes": shards.tubes},
        curves={("l", "m", 0): folder / "curve.csv"},
        published="thumos13",
        **tables(folder),
    )
    output = folder / "odd" / "report.html"
    write_report("odd", inputs, output, ReportSettings(single_file=request.param), 0.5)
    return output


@pytest.fixture(scope="module")
def browser():
    from playwright.sync_api import Error, sync_playwright

    names = ("chromium", "chromium-browser", "google-chrome")
    found = next((path for path in map(shutil.which, names) if path), None)
    with sync_playwright() as playwright:
        try:
            started = playwright.chromium.launch(executable_path=found, args=["--no-sandbox"])
        except Error as error:
            pytest.fail(f"no browser: apt-get install chromium, or playwright install chromium ({error})")
        yield started
        started.close()


@pytest.fixture
def page(browser, report):
    """The page opened from disk; any console message or network request fails the test."""
    said: list[str] = []
    opened = browser.new_page(viewport={"width": 1200, "height": 900})
    opened.on("console", lambda message: said.append(message.text))
    opened.on("pageerror", lambda error: said.append(str(error)))
    opened.on("request", lambda request: said.append(request.url) if request.url[:4] == "http" else None)
    opened.on("requestfailed", lambda request: said.append(f"failed: {request.url[:200]}"))
    opened.on("dialog", lambda dialog: said.append(f"dialog: {dialog.message}"))
    opened.goto(report.as_uri())
    yield opened
    opened.close()
    assert said == []


def shown(page) -> list[str]:
    return page.locator("#cards .name").all_text_contents()


def test_the_page_loads_and_draws_its_charts(page):
    for name in ("run", "numbers", "training", "videos"):
        page.locator(f"nav a[href='#{name}']").click()
        assert page.locator(f"#{name}").is_visible()
    for chart in page.locator(".chart").all():
        chart.scroll_into_view_if_needed()
        chart.locator("svg.marks").wait_for()
        box = chart.locator("svg.marks").bounding_box()
        assert box["width"] > 200 and box["height"] > 80
    assert page.locator("body").evaluate("body => body.scrollWidth <= innerWidth")


def test_filters_and_order(page):
    assert len(shown(page)) == 3 and shown(page)[0] in VIDEOS[:2]
    page.select_option("#filter-order", "worst")
    assert shown(page)[0] == VIDEOS[2]
    page.select_option("#filter-outcome", "right")
    assert shown(page) == [VIDEOS[0]]
    page.select_option("#filter-outcome", "")
    page.select_option("#filter-kind", "wrong class")
    assert shown(page) == [VIDEOS[1]]
    page.select_option("#filter-kind", "")
    page.fill("#filter-name", "YARD")
    assert shown(page) == [VIDEOS[2]]
    assert page.locator("#counted").text_content() == "1 of 3 videos"
    # all three are of one split: there is nothing to choose
    assert not page.locator("#filter-split").is_visible() and page.locator("#filter-kind").is_visible()


def test_a_table_sorts_and_downloads(page):
    box = page.locator(".table[data-file='odd_map.csv']")
    box.locator("th button", has_text="class").click()
    column = box.locator("tbody tr td:nth-child(4)").all_text_contents()
    assert column == sorted(column) and NASTY in column
    with page.expect_download() as download:
        box.locator("text=Download CSV").click()
    frame = pd.read_csv(download.value.path())
    assert set(frame["class"]) == {*CLASSES, "mean"}


def test_published_figures_are_marked(page):
    box = page.locator(".table[data-file='published.csv']")
    rows = box.locator("tbody tr")
    assert rows.count() > 5 and box.locator("tbody tr.published").count() == rows.count()
    assert page.locator("tr.published").count() == rows.count()


def test_a_video_plays_and_its_boxes_move_with_the_picture(page):
    page.locator("#cards button", has_text="odd").click()
    video, canvas = page.locator("#video"), page.locator("#boxes")
    page.wait_for_function("document.getElementById('video').currentTime > 0.1")
    page.locator("#play").click()
    seen = {}
    for _ in range(3):
        page.locator("#next").click()
        page.wait_for_function("!document.getElementById('video').seeking")
        page.wait_for_timeout(300)
        frame = int(canvas.get_attribute("data-frame"))
        first = canvas.get_attribute("data-boxes").split(";")[0]
        seen[frame] = [float(value) for value in first.split(",")]
    assert len(seen) >= 2
    for frame, found in seen.items():
        assert found == pytest.approx(square(frame), abs=0.06)
    # the picture under the box: the middle of the square is as bright as it was made
    last = max(seen)
    x1, y1, x2, y2 = square(last)
    colour = page.evaluate(
        """([x, y]) => {
            const video = document.getElementById('video'), canvas = document.createElement('canvas');
            canvas.width = video.videoWidth; canvas.height = video.videoHeight;
            const context = canvas.getContext('2d');
            context.drawImage(video, 0, 0);
            try { return [...context.getImageData(x, y, 1, 1).data].slice(0, 3); } catch { return null; }
        }""",
        [(x1 + x2) / 2, (y1 + y2) / 2],
    )
    if colour is not None:  # a browser may not let a page from disk read its own pictures
        assert colour == pytest.approx([250, 220, 40], abs=40)
    size = video.evaluate("video => [video.videoWidth, video.videoHeight]")
    assert size == [WIDTH, HEIGHT]


def test_the_player_works_by_keyboard(page):
    page.locator("#cards button").first.focus()
    page.keyboard.press("Enter")
    page.locator("#player[open]").wait_for()
    page.wait_for_function("document.getElementById('video').readyState >= 2")
    page.evaluate("document.getElementById('video').pause()")
    page.locator("#player-title").focus()
    before = int(page.locator("#boxes").get_attribute("data-frame") or 0)
    page.keyboard.press(".")
    page.wait_for_timeout(400)
    assert int(page.locator("#boxes").get_attribute("data-frame")) == min(before + 1, FRAMES - 1)
    page.keyboard.press("Escape")
    assert not page.locator("#player").is_visible()


def test_a_link_to_a_video_opens_it(page, report):
    page.goto("about:blank")
    page.goto(report.as_uri() + "#video=" + "yard/nothing predicted".replace("/", "%2F").replace(" ", "%20"))
    page.locator("#player[open]").wait_for()
    assert page.locator("#player-title").text_content() == VIDEOS[2]
    assert page.locator("#predicted").text_content() == "none"


@pytest.mark.parametrize(("width", "scheme"), [(360, "light"), (360, "dark"), (1200, "dark")])
def test_it_fits_a_phone_and_the_dark(browser, report, width, scheme):
    page = browser.new_page(viewport={"width": width, "height": 740}, color_scheme=scheme)
    page.goto(report.as_uri())
    page.wait_for_timeout(300)
    assert page.locator("body").evaluate("body => body.scrollWidth <= innerWidth")
    ground = page.locator("body").evaluate("body => getComputedStyle(body).backgroundColor")
    assert (sum(int(v) for v in ground[4:-1].split(",")) < 200) == (scheme == "dark")
    page.close()


def test_only_videos_in_view_are_requested(browser, tmp_path):
    gallery = tmp_path / "many" / "report_data" / "0001"
    gallery.mkdir(parents=True)
    row = {
        "split": "test",
        "labels": ["run"],
        "says": "run",
        "outcome": "right",
        "why": "",
        "kinds": ["correct"],
    }
    cards = [
        row | {"id": f"run/v_{n:05d}", "files": f"0001/{n:05d}", "score": 0.5, "quality": n / 3000}
        for n in range(3000)
    ]
    (gallery / CARDS).write_text(json.dumps(cards), encoding="utf-8")
    (tmp_path / "videos.csv").write_text("video,path,split,label,frames\n", encoding="utf-8")
    (tmp_path / "failures.csv").write_text("video,stage,reason\n", encoding="utf-8")
    inputs = ReportInputs(tmp_path / "videos.csv", tmp_path / "failures.csv", [gallery], {})
    output = tmp_path / "many" / "report.html"
    write_report("many", inputs, output, ReportSettings(single_file="never"), 0.5)
    page = browser.new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(output.as_uri())
    assert page.locator("#counted").text_content() == "3000 of 3000 videos"
    assert len(shown(page)) == 24 and shown(page)[0] == "run/v_02999"
    assert len(asked) <= 4 + 1 + 24 and not [url for url in asked if url.endswith((".webm", "9.js"))]
    page.locator("#more").click()
    assert len(shown(page)) == 48
    page.fill("#filter-name", "v_00007")
    assert shown(page) == ["run/v_00007"]
    page.close()
