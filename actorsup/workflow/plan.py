"""What is made of what: the plan of a run, worked out from the configuration and the folders.

Snakemake asks it when it plans; it opens no video and needs no heavy import.
"""

from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from actorsup.attention.settings import AttentionSettings
from actorsup.config.fields import parameters, select
from actorsup.config.read import check_config
from actorsup.errors import ConfigError, did_you_mean
from actorsup.frames.settings import DecodingLimits, FrameSettings
from actorsup.training.settings import TrainingOptions
from actorsup.workflow.dataset import PlannedDataset
from actorsup.workflow.networks import Networks


class Plan:
    """The configuration, checked, and the data sets that it names.

    Attributes:
        config: The whole configuration, with the variants that it names.
        networks: What its detectors, linkers and models are made with.

    Args:
        config: The whole configuration, as Snakemake merged it.

    Raises:
        ConfigError: A mistake in the configuration.
    """

    def __init__(self, config: Mapping[str, Any]) -> None:
        self.config = check_config(config)
        self.networks = Networks(self.config)
        self._datasets: dict[str, PlannedDataset] = {}
        self._evaluable: set[str] = set()

    @property
    def uses_gpu(self) -> bool:
        """Whether jobs ask for a GPU: ``auto`` goes by this machine, which a cluster's need not be like."""
        device = self.config["device"]
        return Path("/dev/nvidia0").exists() if device == "auto" else device != "cpu"

    def dataset(self, name: str) -> PlannedDataset:
        """A data set by the name of its section, after a check of all that it uses.

        Snakemake drops what goes wrong in a rule whose files are there already, so that a mistake
        in a linker would leave the old tables standing: every target asks here first.

        Raises:
            ConfigError: There is no such section, or a file that its linkers, their detectors or
                its models need is not there.
        """
        names = self.config["datasets"]
        if name not in names:
            hint = did_you_mean(name, names)
            raise ConfigError(f"datasets: there is no {name!r}; allowed: {', '.join(names)}{hint}")
        if name not in self._datasets:
            self.networks.check(names[name])
            self._datasets[name] = PlannedDataset(name, names[name], self.config["seed"])
        return self._datasets[name]

    def evaluated_dataset(self, name: str) -> PlannedDataset:
        """The same, after a check that it can be evaluated.

        Raises:
            ConfigError, DataError: It cannot.
        """
        dataset = self.dataset(name)
        if name not in self._evaluable:
            dataset.check_evaluable()
            self._evaluable.add(name)
        return dataset

    def settings(self, section: str, model: Any, stage: str) -> dict[str, Any]:
        """Settings of a section, such as ``evaluation``, that are parameters of a stage."""
        return select(self.config.get(section, {}), parameters(model, stage))

    @property
    def frame_settings(self) -> dict[str, Any]:
        """How frames are stored."""
        return self.settings("frames", FrameSettings, "decode_frames")

    @property
    def decoding_limits(self) -> dict[str, Any]:
        """Limits of the decoding of one video."""
        return select(self.config["frames"], {each.name for each in fields(DecodingLimits)})

    @property
    def training_options(self) -> dict[str, Any]:
        """How training jobs run."""
        return select(self.config.get("training", {}), {each.name for each in fields(TrainingOptions)})

    def ablation(self, dataset: str, name: str) -> dict[str, Any]:
        """What an ablation compares on a data set: its linkers, models and seeds.

        Raises:
            ConfigError: There is no such section, or what it needs is not there.
        """
        names = self.config.get("ablations", {})
        if name not in names:
            hint = did_you_mean(name, names)
            raise ConfigError(f"ablations: there is no {name!r}; allowed: {', '.join(names)}{hint}")
        compared = {key: value for key, value in names[name].items() if value is not None}
        section = {**self.evaluated_dataset(dataset).section, **compared}
        self.networks.check(section)
        return section

    @property
    def processes(self) -> int:
        """How many processes train a model together."""
        return int(self.config.get("training", {}).get("processes", 1))

    @property
    def keeps_epochs(self) -> bool:
        """Whether the weights after each epoch of a model's training are kept."""
        return bool(self.config.get("training", {}).get("keep_epochs", False))

    def epochs_of(self, model: str) -> list[int]:
        """Numbers of the epochs of a model's training, from 1.

        Raises:
            ConfigError: Their weights are not kept, or the model is trained already.
        """
        if not self.keeps_epochs:
            raise ConfigError(
                "training.keep_epochs: the weights after each epoch are not kept; set it to true, and models "
                "are trained again"
            )
        if self.networks.trained_model(model):
            raise ConfigError(f"models.{model}: it is trained already, so that there is nothing by epoch")
        return [*range(1, AttentionSettings(**self.networks.model_settings(model)).epochs + 1)]

    def model_file(self, dataset: str, linker: str, model: str, seed: int | str) -> str:
        """The trained model that scores the tubes of a data set.

        Variants that differ in how tubes are scored alone are trained once.
        """
        trained = self.networks.trained_model(model)
        return trained or f"results/{dataset}/models/{linker}/{self.networks.trained_as(model)}/seed{seed}.pt"

    def epochs_folder(self, dataset: str, linker: str, model: str, seed: int | str) -> str:
        """Where a model's weights after each epoch of its training are."""
        return self.model_file(dataset, linker, model, seed).removesuffix(".pt") + "_epochs"

    def prediction_shards(
        self, dataset: str, linker: str, model: str, seed: int, epoch: int | None = None
    ) -> list[str]:
        """The shards of scored tubes of one run, or of an epoch of it.

        Raises:
            ConfigError: There is no video to predict, or none to train on.
        """
        planned = self.dataset(dataset)
        if not self.networks.trained_model(model):
            planned.shards_to_train()
        folder = f"results/{dataset}/predictions/{linker}/{model}/seed{seed}"
        folder += "" if epoch is None else f"/epoch{epoch}"
        return [f"{folder}/{shard}.h5" for shard in planned.shards_to_score()]
