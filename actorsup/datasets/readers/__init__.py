"""The types of data sets, one module per type, named like it; ``DATASETS`` finds them."""

from collections.abc import Mapping
from typing import Any

from actorsup.datasets.base import Dataset, DatasetType
from actorsup.registry import Registry

DATASETS: Registry[DatasetType] = Registry("data set", "actorsup.datasets.readers", group="actorsup.datasets")


def open_dataset(name: str, section: Mapping[str, Any], seed: int) -> Dataset:
    """Open the data set of a section of ``datasets:``.

    Args:
        name: The section's name.
        section: The section; its type is one of ``DATASETS``.
        seed: The configuration's seed, from which the demo is generated.

    Raises:
        ConfigError: A path does not exist, or needs an environment variable that is not set.
    """
    return DATASETS[section["type"]].open(name, section, seed)
