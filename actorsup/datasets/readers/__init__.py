"""The types of data sets: each module defines the type of its name; ``DATASETS`` loads them."""

from collections.abc import Mapping
from typing import Any

from actorsup.datasets.base import Dataset, DatasetType
from actorsup.registry import Registry

DATASETS: Registry[DatasetType] = Registry("data set", "actorsup.datasets.readers", group="actorsup.datasets")


def open_dataset(name: str, section: Mapping[str, Any], seed: int) -> Dataset:
    """Open the data set of a section of ``datasets:``.

    Args:
        name: Name of the section.
        section: Settings of the section; its ``type`` is a name in ``DATASETS``.
        seed: Seed of the configuration, which determines the videos of the demo.

    Raises:
        ConfigError: A path does not exist, or needs an environment variable that is not set.
    """
    return DATASETS[section["type"]].open(name, section, seed)
