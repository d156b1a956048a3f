"""Readers of published data sets, and of the caches of a run."""

import pickle
from pathlib import Path

import h5py
import numpy as np
import scipy.io
from forms import damaged_hdf5, damaged_matlab, damaged_pickle
from mutation import damaged_bytes
from reader import JSON, TEXT, Reader, separated, write

from actorsup.datasets.readers.a2d import A2D, cached_codes
from actorsup.datasets.readers.thumos13 import Thumos13
from actorsup.datasets.readers.ucf_sports import UcfSports
from actorsup.linking.siamese.tracking_sets import read_tracking_set
from actorsup.report.cost import read_record
from actorsup.report.paper.published import PUBLISHED as PAPER
from actorsup.report.paper.published import read_published


def thumos(folder: Path) -> None:
    (folder / "UCF-101" / "Kick").mkdir(parents=True)
    (folder / "ucfTrainTestlist").mkdir()
    for split, video in (("train", "a"), ("test", "b")):
        (folder / "ucfTrainTestlist" / f"{split}list01.txt").write_text(f"Kick/{video}.avi 1\n")
    tube = {"label": 0, "ef": 3, "sf": 1, "boxes": np.array([[1, 2, 9, 30], [2, 2, 9, 30]], np.uint8)}
    plain = {"label": 0, "ef": 2, "sf": 1, "boxes": [[1, 2, 9, 30]]}
    content = {f"Kick/{n}": {"annotations": [tube, plain], "numf": 3, "label": 0} for n in "ab"}
    (folder / "good.pkl").write_bytes(pickle.dumps(content, protocol=2))


def cache(folder: Path) -> None:
    """The same in the form of ACT's cache."""
    rows = np.array([[1, 0, 1, 8, 29], [2, 1, 1, 8, 29]], np.float32)
    content = {
        "labels": ["Kick"],
        "gttubes": {f"Kick/{n}": {0: [rows]} for n in "ab"},
        "nframes": {f"Kick/{n}": 3 for n in "ab"},
        "train_videos": [["Kick/a"]] * 3,
        "test_videos": [["Kick/b"]] * 3,
        "resolution": {f"Kick/{n}": (48, 64) for n in "ab"},
    }
    (folder / "UCF-101").mkdir()
    (folder / "good.pkl").write_bytes(pickle.dumps(content, protocol=2))


def structures(*entries: dict[str, object]) -> np.ndarray:
    made = np.empty((1, len(entries)), [(name, object) for name in entries[0]])
    for index, entry in enumerate(entries):
        for name, value in entry.items():
            made[name][0, index] = value
    return made


def matlab(folder: Path) -> None:
    thumos(folder)
    boxes = np.array([[1, 2, 9, 30], [2, 2, 9, 30]], np.uint16)
    tubes = structures({"sf": 2, "ef": 3, "boxes": boxes, "class": 1})
    videos = structures(*({"name": f"Kick/{n}", "num_imgs": 3, "tubes": tubes} for n in "ab"))
    scipy.io.savemat(folder / "good.mat", {"annot": videos})


def read_thumos(path: Path) -> None:
    dataset = Thumos13(path.parent, annotations=Path(path.name))
    dataset.listing()
    dataset.ground_truth()


def lists(folder: Path) -> None:
    thumos(folder)
    write("good.txt", "Kick/a.avi 1\nKick/b.avi 1\n")(folder)


def read_lists(path: Path) -> None:
    (path.parent / "ucfTrainTestlist" / "testlist01.txt").write_bytes(path.read_bytes())
    (path.parent / "ucfTrainTestlist" / "trainlist01.txt").write_text("Kick/c.avi 1\n")
    Thumos13(path.parent, annotations=Path("good.pkl")).listing()


def actors(folder: Path) -> None:
    """A2D."""
    (folder / "clips320H").mkdir()
    (folder / "Annotations" / "mat" / "v").mkdir(parents=True)
    write("good.csv", "v,11,0:00,0:01,48,64,3,1,0\nw,77,0:00,0:01,48,64,3,1,1\n")(folder)
    write("videoset.csv", "v,11,0:00,0:01,48,64,3,1,0\n")(folder)
    with h5py.File(folder / "good.h5", "w", userblock_size=512) as file:
        file["id"] = np.array([[77, 11]], np.float64)
        file["reBBox"] = np.array([[1, 5, 10, 20], [2, 6, 11, 21]], np.float64).T
        file["instance"] = np.array([[1, 2]], np.float64)
        file["reMask"] = np.ones((2, 8, 6), np.uint8)


def read_actors(path: Path) -> None:
    (path.parent / "Annotations" / "mat" / "v" / "00002.mat").write_bytes(path.read_bytes())
    dataset = A2D(path.parent, cache=path.parent / "labels.json")
    dataset.listing()
    dataset.ground_truth()


def read_videoset(path: Path) -> None:
    (path.parent / "videoset.csv").write_bytes(path.read_bytes())
    (path.parent / "Annotations" / "mat" / "v" / "00002.mat").write_bytes(
        (path.parent / "good.h5").read_bytes()
    )
    dataset = A2D(path.parent)
    dataset.listing()
    dataset.ground_truth()


def read_memory(path: Path) -> None:
    """The cache of A2D's labels."""
    cached_codes({"v": [path]}, lambda _: [11], path.with_name("memory.json"))
    path.with_name("memory.json").write_bytes(path.read_bytes())
    cached_codes({"v": [path]}, lambda _: [11], path.with_name("memory.json"))


def sports(folder: Path) -> None:
    (folder / "Diving-Side" / "001" / "gt").mkdir(parents=True)
    for name in ("1.jpg", "2.jpg"):
        (folder / "Diving-Side" / "001" / name).write_bytes(b"x")
    write("good.txt", "10\t5\t20\t30\tRunning\r\n")(folder)


def read_sports(path: Path) -> None:
    for name in ("1", "2"):
        (path.parent / "Diving-Side" / "001" / "gt" / f"{name}.tif.txt").write_bytes(path.read_bytes())
    dataset = UcfSports(path.parent)
    dataset.listing()
    dataset.ground_truth()


def rectangles(folder: Path) -> None:
    """ALOV300++."""
    for name in ("imagedata++/01/v", "alov300++_rectangleAnnotation_full/01"):
        (folder / name).mkdir(parents=True)
    for number in (1, 6):
        (folder / "imagedata++/01/v" / f"{number:08d}.jpg").write_bytes(b"x")
    write("good.ann", "1 2 30 40 30 40 2 2 2\n6 2 30 40 30 40 2 2 2\n")(folder)


def read_rectangles(path: Path) -> None:
    (path.parent / "alov300++_rectangleAnnotation_full/01/v.ann").write_bytes(path.read_bytes())
    read_tracking_set(path.parent)


def read_list(path: Path) -> None:
    (path.parent / "list.txt").write_bytes(path.read_bytes())
    read_tracking_set(path.parent)


def tracked(folder: Path) -> None:
    sequence(folder)
    (folder / "good.txt").rename(folder / "s" / "groundtruth.txt")
    write("good.txt", "s\n")(folder)


RECORD = (
    "s\th:m:s\tmax_rss\tmax_vms\tmax_uss\tmax_pss\tio_in\tio_out\tmean_load\tcpu_time\n"
    "1.5\t0:00:01\t100.1\t200.2\t90.0\t95.0\t0.0\t1.5\t90.0\t1.2\n"
    "0.5\t0:00:00\tNA\t-\tNA\tNA\tNA\tNA\t0.0\tNA\n"
)
FIGURES = "".join(PAPER.read_text(encoding="utf-8").splitlines(keepends=True)[:6])


def sequence(folder: Path) -> None:
    (folder / "list.txt").write_text("s\n")
    (folder / "s").mkdir()
    for number in range(3):
        (folder / "s" / f"{number + 1:08d}.jpg").write_bytes(b"x")
    (folder / "good.txt").write_text("1,2,30,40\n1.5,2,30,40\n2,2,30,40\n")


def read_sequence(path: Path) -> None:
    (path.parent / "s" / "groundtruth.txt").write_bytes(path.read_bytes())
    read_tracking_set(path.parent)


PUBLISHED: dict[str, Reader] = {
    "tracking_set": Reader(".txt", sequence, TEXT, read_sequence),
    "tracking_list": Reader(".txt", tracked, separated(" "), read_list),
    "tracking_alov": Reader(".ann", rectangles, separated(" "), read_rectangles),
    "pickle": Reader(".pkl", thumos, (damaged_pickle, damaged_bytes), read_thumos),
    "thumos_cache": Reader(".pkl", cache, (damaged_pickle, damaged_bytes), read_thumos),
    "thumos_matlab": Reader(
        ".mat", matlab, (damaged_matlab, damaged_matlab, damaged_bytes), read_thumos, examples=3
    ),
    "thumos_lists": Reader(".txt", lists, separated(" "), read_lists),
    "a2d_frame": Reader(".h5", actors, (damaged_hdf5,), read_actors),
    "a2d_videos": Reader(".csv", actors, TEXT, read_videoset),
    "a2d_memory": Reader(".json", write("good.json", {"v": ["good.json:9:9", [11]]}), JSON, read_memory),
    "ucf_sports": Reader(".txt", sports, separated("\t"), read_sports),
    "cost": Reader(".tsv", write("good.tsv", RECORD), separated("\t"), read_record),
    "figures": Reader(".csv", write("good.csv", FIGURES), TEXT, read_published),
}
