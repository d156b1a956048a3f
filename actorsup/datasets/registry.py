"""Data sets by the ``type`` of their section."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from actorsup.config import existing_path, expand_path
from actorsup.datasets.a2d import A2D
from actorsup.datasets.base import Dataset
from actorsup.datasets.demo import Demo
from actorsup.datasets.folder import Folder
from actorsup.datasets.thumos13 import Thumos13
from actorsup.datasets.ucf_sports import UcfSports
from actorsup.demo.settings import DemoSettings

Section = Mapping[str, Any]


def open_dataset(name: str, section: Section, seed: int) -> Dataset:
    """The data set of a section of ``datasets:``.

    Args:
        name: The section's name.
        section: The section; its type is a key of ``DATASETS``.
        seed: The configuration's seed, which the demo is made with.

    Raises:
        ConfigError: A path that is not there, or needs an environment variable that is not set.
    """
    return DATASETS[section["type"]](name, section, seed)


def _demo(name: str, section: Section, seed: int) -> Dataset:
    return Demo(Path(f"results/{name}/source"), DemoSettings(**demo_settings(section), seed=seed))


def demo_settings(section: Section) -> dict[str, Any]:
    """What a section says of the demo's videos, by the names of ``DemoSettings``."""
    names = {"train_videos": "train", "test_videos": "test", "frames": "frames", "untrimmed": "untrimmed"}
    return {name: section[key] for key, name in names.items() if key in section}


def _published(name: str, section: Section) -> dict[str, Path]:
    """The root of a published data set and, where the section names them, its annotations.

    Raises:
        ConfigError: The root or the annotations are not there.
    """
    root = existing_path(section["root"], f"datasets.{name}.root")
    if "annotations" not in section:
        return {"root": root}
    key = f"datasets.{name}.annotations"
    # a relative path is below the root
    annotations = existing_path(str(root / expand_path(section["annotations"], key)), key)
    return {"root": root, "annotations": annotations.absolute()}


def _thumos13(name: str, section: Section, seed: int) -> Dataset:
    return Thumos13(**_published(name, section), split=section.get("split", 1))


def _ucf_sports(name: str, section: Section, seed: int) -> Dataset:
    return UcfSports(**_published(name, section))


def _a2d(name: str, section: Section, seed: int) -> Dataset:
    return A2D(**_published(name, section), memory=Path(f"results/{name}/labels.json"))


def _folder(name: str, section: Section, seed: int) -> Dataset:
    def path(key: str) -> Path | None:
        return existing_path(section[key], f"datasets.{name}.{key}") if key in section else None

    root = existing_path(section["root"], f"datasets.{name}.root")
    classes = tuple(section.get("classes", ()))
    return Folder(root, path("table"), path("ground_truth"), classes, path("annotated"))


DATASETS: dict[str, Callable[[str, Section, int], Dataset]] = {
    "demo": _demo,
    "thumos13": _thumos13,
    "ucf_sports": _ucf_sports,
    "a2d": _a2d,
    "folder": _folder,
}
"""What opens a data set, by type; one more is one more entry."""
