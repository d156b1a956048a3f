"""CSV tables as people, spreadsheets and other programs write them."""

import logging
from pathlib import Path

import pytest

from actorsup.datasets.readers.folder import Folder
from actorsup.errors import DataError
from actorsup.evaluation.ground_truth import read_annotated, read_ground_truth, test_videos
from actorsup.formats.ground_truth_csv import read_annotated_table, read_ground_truth_table
from actorsup.formats.labeled import read_video_info
from actorsup.formats.tables import Columns, read_table, table_chunks
from actorsup.formats.video_names import match_names

test_videos.__test__ = False
COLUMNS = Columns(("video", "label", "split"), ("n",), ("n",))
PLAIN = "video,label,split,n\na,kick,train,1.5\nb,squat,test,2\n"
ROWS = [["a", "kick", "train", 1.5], ["b", "squat", "test", 2.0]]


def table(folder: Path, content: str | bytes) -> Path:
    path = folder / "t.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


@pytest.mark.parametrize(
    "content",
    [
        PLAIN,
        PLAIN.replace("\n", "\r\n"),
        PLAIN.replace("\n", "\r"),
        PLAIN.replace("1.5\n", "1.5,\n").replace("2\n", "2,,\n"),  # separators at the end of rows
        PLAIN.replace("\n", ",\n"),  # and of the header
        PLAIN.replace("\n", ",,,\n"),
        PLAIN.replace(",n\n", ",n,\n"),  # of the header only
        PLAIN.replace(",", ";"),
        PLAIN.replace(",", "\t"),
        PLAIN.replace(",", ";").replace("1.5", "1,5"),
        PLAIN.replace(",", "\t").replace("1.5", "1,5"),
        "sep=;\n" + PLAIN.replace(",", ";"),
        'sep=,\r\n"video","label","split","n"\r\n"a","kick","train","1.5"\r\n"b","squat","test","2"\r\n',
        "SEP=|,,\n" + PLAIN.replace(",", "|"),
        "\ufeff" + PLAIN,
        PLAIN.replace(",", "\t").encode("utf-16"),
        ("\ufeff" + PLAIN).encode("utf-16-be"),
        PLAIN.encode("utf-16-le"),
        "\n \n" + PLAIN.replace("\n", "\n\n,,,\n  \n"),  # blank lines
        "# made by hand\n# on Monday\n" + PLAIN + "# the end\n",
        "# " + PLAIN,  # as numpy.savetxt writes a header
        PLAIN.replace("video,label,split,n", " Video , LABEL,Split ,N"),
        PLAIN.replace(",", " , "),
        PLAIN.rstrip("\n"),
        "n,split,label,video\n1.5,train,kick,a\n2,test,squat,b\n",
        ",video,label,split,n\n0,a,kick,train,1.5\n1,b,squat,test,2\n",  # a pandas index
        "Unnamed: 0,video,label,split,n,notes\n0,a,kick,train,1.5,x\n1,b,squat,test,2,\n",
        "video,label,split,n,\na,kick,train,1.5,seen twice\nb,squat,test,2\n",  # notes without a name
    ],
)
def test_forms_of_one_table(tmp_path, content, caplog):
    rows = read_table(table(tmp_path, content), COLUMNS)
    assert rows[["video", "label", "split", "n"]].to_numpy().tolist() == ROWS
    assert not caplog.records


def test_lines_and_chunks(tmp_path):
    text = 'sep=,\n\nvideo,label,split\na,"k\n\r\nick",train\n\n# comment\nb,,\n"c ""x""",NA,None\n'
    path = table(tmp_path, text)
    assert read_table(path, COLUMNS).index.tolist() == [4, 9, 10]
    for size in (1, 2):
        chunks = [chunk for chunk in table_chunks(path, COLUMNS, size) if len(chunk)]
        assert [line for chunk in chunks for line in chunk.index] == [4, 9, 10]
    # NA and None are words
    assert read_table(path, COLUMNS).iloc[2].tolist() == ['c "x"', "NA", "None"]
    header = read_table(table(tmp_path, "video,label,split\n"), COLUMNS)
    assert header.empty and list(header.columns) == ["video", "label", "split"]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "the file is empty"),
        ("\n\n", "the file is empty"),
        ("video,label,split\na,kick\n", "line 2 has 2 fields, but the header has 3"),
        ("video,label,split\n\na,kick,train,x\n", "line 3 has 4 fields, but the header has 3"),
        ("video,label,split\n0,a,kick,train\n", "line 2 has 4 fields"),  # an index without a header
        ("video,lable,split\na,kick,train\n", "column 'label' is missing.*did you mean 'lable'"),
        ("a,kick,train\nb,squat,test\n", "the first line must be the header, such as video, label, split"),
        ("video,video,label,split\na,a,k,train\n", "names the column 'video' twice"),
        ("video,class,action,split\na,k,k,train\n", "is it 'class' or 'action'. Rename one to 'label'"),
        (PLAIN.replace("1.5", "1,5"), "line 2 has 5 fields"),
        (PLAIN.replace("1.5", '"1,234"'), "line 2: n is '1,234'; wanted a number"),
        (PLAIN.replace("2\n", "12 px\n"), "line 3: n is '12 px'; wanted a number"),
        (PLAIN.replace(",", ";").replace("1.5", "1,5").replace("2\n", "2.5\n"), "line 2: n is '1,5'"),
        (PLAIN.replace(",", "\t").replace("1.5", "1,234"), "line 2: n is '1,234'"),
        ('video,label,split\n"a,kick,train\n', "lines 2 to 2: unexpected end of data; is a quote not closed"),
        (
            b"video,label,split\na,k,train\ncaf\xe9,k,test\n",
            "line 3 is not UTF-8 text; in Windows-1252.*café",
        ),
        ("video,label,split\n".encode("utf-16") + b"x", "no whole UTF-16 text"),
    ],
)
def test_one_line_about_a_table_that_cannot_be_read(tmp_path, content, words):
    with pytest.raises(DataError, match=rf"t\.csv: .*{words}") as error:
        read_table(table(tmp_path, content), COLUMNS)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("video", ["file", "Filename", "file name", "path", "name", "id"])
@pytest.mark.parametrize("label", ["class", "Action", "labels"])
def test_common_names_of_columns(tmp_path, caplog, video, label):
    path = table(tmp_path, f"{video},{label},split\na,kick,train\n")
    assert read_table(path, COLUMNS).to_numpy().tolist() == [["a", "kick", "train"]]
    assert len(caplog.records) == 2 and " as 'label'" in caplog.text


# ------------------------------------------------------------------------------ names of videos


@pytest.mark.parametrize(
    ("name", "ids", "wanted"),
    [
        ("clips\\a.avi", ["clips/a", "a"], "clips/a"),
        ("videos\\a.mp4", ["a", "b"], "a"),
        ("videos\\a.mp4", ["a", "videos/a"], "videos/a"),
        ("/data/videos/clips/a.avi", ["clips/a", "a"], "clips/a"),
        ("C:\\data\\videos\\clips\\a.avi", ["clips/a", "a"], "clips/a"),
        ("/elsewhere/clips/a.avi", ["clips/a", "a"], "clips/a"),
        ("file:///data/videos/a.avi", ["a"], "a"),
        ("./a.avi", ["a"], "a"),
        ("a.MXF", ["a"], "a"),
        ("my%20clip.mp4", ["my clip"], "my clip"),
        ("100%25", ["100%25", "100%"], "100%25"),
        ("1", ["0001", "0002"], "0001"),
        ("2.0", ["0001", "0002"], "0002"),
        ("2-Jan", ["1-2", "1-3"], "1-2"),
        ("02. Mrz", ["3-2"], "3-2"),
        ("01.02.2026", ["2-1"], "2-1"),
        ("2026-02-01 00:00:00", ["1.2"], "1.2"),
        ("Jan-50", ["1-50"], "1-50"),
        ("1.00E+05", ["1e5", "2e5"], "1e5"),
        ("1.23457E+17", ["123456789012345678"], "123456789012345678"),
    ],
)
def test_names_that_mean_one_video(name, ids, wanted):
    matched = match_names([name], ids, Path("/data/videos"))
    assert matched.ids == {name: wanted} and not matched.doubtful


@pytest.mark.parametrize(
    ("names", "ids"),
    [
        (["1"], ["01", "001"]),
        (["4-Mar"], ["3-4", "4-3"]),
        (["1", "1.0"], ["01"]),
        (["big.mp4"], ["Big"]),
        (["C:\\one\\a.avi", "D:\\two\\a.avi"], ["a"]),
    ],
)
def test_names_that_may_mean_several_videos_or_differ_in_case(names, ids):
    matched = match_names(names, ids)
    assert not matched.guessed and {*matched.doubtful} == {*names}
    assert ids[0] in matched.doubt(names[0])


@pytest.mark.parametrize("name", ["test/a", "b", "2026-01-02", "02.01.2026", "a1"])
def test_other_names_are_of_no_known_video(name):
    # a file of the same name in another folder, and another date, are other videos
    matched = match_names([name], ["a", "2026-02-01", "01.02.2026"])
    assert not matched.guessed and not matched.doubtful and matched.ids == {name: name}


def test_a_video_that_another_row_names_is_not_guessed():
    matched = match_names(["1", "01", "A", "a"], ["01", "a"])
    assert matched.ids == {"1": "1", "01": "01", "A": "A", "a": "a"} and not matched.doubtful


# ------------------------------------------------------------------------------ tables of videos


def folder(root: Path, content: str | bytes, *names: str) -> Folder:
    for name in names or ("a1.mp4", "a2.mp4", "a3.mp4", "a4.mp4"):
        (root / "videos" / name).parent.mkdir(parents=True, exist_ok=True)
        (root / "videos" / name).touch()
    return Folder(root / "videos", table(root, content))


@pytest.mark.parametrize("name", ["trailing.csv", "trailing_all.csv", "win.csv"])
def test_shared_tables(tmp_path, shared, name):
    content = (shared / "data" / "messy" / "tables" / name).read_bytes()
    listing = folder(tmp_path, content).listing()
    assert not listing.missing and not listing.unlisted
    assert [(r.video, r.labels, r.split) for r in listing.records] == [
        ("a1", ("kick",), "train"), ("a2", ("squat",), "train"),
        ("a3", ("kick",), "test"), ("a4", ("squat",), "test"),
    ]  # fmt: skip


def test_names_that_a_spreadsheet_changed_are_read(tmp_path, caplog):
    text = "video;label;split\n1;k;Train\n2;k;TRAINING\n2-Jan;s;Test\n\\videos\\x\\a.mp4;s;testing\n"
    listing = folder(tmp_path, text, "0001.mp4", "0002.mp4", "1-2.mp4", "x/a.mp4").listing()
    assert [(r.video, r.split) for r in listing.records] == [
        ("0001", "train"), ("0002", "train"), ("1-2", "test"), ("x/a", "test"),
    ]  # fmt: skip
    assert "'1' as '0001'" in caplog.text and "'2-Jan' as '1-2'" in caplog.text and not listing.missing


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        (
            "1,kick,train\n",
            "line 2: no video has the name '1', which may mean '001', '01'; did a spreadsheet",
        ),
        ("A.MP4,kick,train\n", "line 2: no video has the name 'A.MP4'; did you mean 'a'"),
        ("a,kick,val\n", "line 2: 'a': split is 'val'; allowed: train, test or nothing"),
        ("a,kick,train\na,squat,train\n", "line 3: 'a': line 2 has the video 'a' too, with another label"),
        ("a.mp4,kick,train\n./a,kick,test\n", "line 3: './a': line 2 has the video 'a' too"),
        ("", "has a header, but no row"),
        ("/etc/passwd,kick,train\n", "is not a path below"),
        ("..\\up,kick,train\n", "is not a path below"),
    ],
)
def test_rows_of_videos_with_an_error(tmp_path, rows, words):
    data = folder(tmp_path, "video,label,split\n" + rows, "a.mp4", "01.mp4", "001.mp4")
    with pytest.raises(DataError, match=rf"t\.csv: .*{words}"):
        data.listing()


def test_equal_rows_are_read_once(tmp_path, caplog):
    data = folder(tmp_path, "video,label,split\na,kick,train\na.mp4,kick,train\n", "a.mp4")
    assert [record.video for record in data.listing().records] == ["a"]
    assert "line 3 repeats line 2" in caplog.text


# ------------------------------------------------------------------------------ other tables

TRUTH = "video,tube,class,frame,x1,y1,x2,y2\n"


def test_ground_truth_and_annotated_frames_of_a_folder(tmp_path):
    data = folder(tmp_path, "video,label,split\n0001,kick,train\n", "0001.mp4")
    boxes = tmp_path / "gt.csv"
    boxes.write_text("video;track;label;frame;x1;y1;x2;y2;\n1;0;kick;3.0;1,5;2;3;4;\n")
    (tmp_path / "annotated.csv").write_text("Frame,Video\n3,videos\\0001.mp4\n")
    truth = Folder(data.root, data.table, boxes, annotated=tmp_path / "annotated.csv").ground_truth()
    assert truth.boxes[["video", "class", "frame", "x1"]].to_numpy().tolist() == [["0001", "kick", 3, 1.5]]
    assert {video: frames.tolist() for video, frames in truth.annotated.items()} == {"0001": [3]}


@pytest.mark.parametrize("chunk", [1, 2, 100])
def test_repeated_boxes(tmp_path, caplog, monkeypatch, chunk):
    path = table(tmp_path, TRUTH + "a,0,run,0,1,1,2,2\na,0,run,1,1,1,2,2\na,0,run,0,1,1,2,2\n")
    assert (
        len(read_ground_truth_table(path)) == 2
        and "dropped 1 rows" in caplog.text
        and "lines 4" in caplog.text
    )
    monkeypatch.setattr("actorsup.formats.tables.table_chunks.__defaults__", (chunk,))
    assert read_ground_truth(path)["a"][0].frames.tolist() == [0, 1]
    table(tmp_path, TRUTH + "a,0,run,0,1,1,2,2\n\na,0,run,0,1,1,2,3\n")
    with pytest.raises(DataError, match="line 4: its tube has a box in this frame already, in line 2"):
        read_ground_truth_table(path)
    with pytest.raises(DataError, match=r"in this frame already|two boxes in frame 0"):
        read_ground_truth(path)


def test_tables_of_the_evaluation(tmp_path):
    path = table(tmp_path, "Video;split;label;frames\na;Test;x;\nb;Training;k|j;5\nc;train;m;NA\n")
    assert test_videos(path) == (["a"], {"k", "j"})
    table(tmp_path, "video,split\na,test\na,train\n")
    with pytest.raises(DataError, match="line 3: the video is in an earlier line too, in line 2"):
        test_videos(path)
    table(tmp_path, "video,frame\na,3.0\na,3\n")
    assert read_annotated(path) == {"a": {3}}
    table(tmp_path, "video,frame\na,3.5\n")
    with pytest.raises(DataError, match=r"line 2: frame is 3\.5"):
        read_annotated_table(path)


def test_sizes_of_videos(tmp_path):
    path = table(tmp_path, "video;frames;fps;width;height;\n0001;10;29,97;64;48;\nb;0;;;;\n")
    assert read_video_info(path)["0001"].fps == 29.97 and len(read_video_info(path)) == 1
    table(tmp_path, "video,frames,fps,width,height\na,10,25,-64,48\n")
    with pytest.raises(DataError, match=r"line 2: .*impossible video"):
        read_video_info(path)


@pytest.fixture(autouse=True)
def _warnings(caplog):
    caplog.set_level(logging.WARNING)
