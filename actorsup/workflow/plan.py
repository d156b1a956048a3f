"""The plan of a run: the inputs and parameters of its jobs, from the configuration and the existing files.

The rules query it while Snakemake plans, so it opens no video and imports nothing slow.
"""

from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from actorsup.attention.settings import AttentionSettings
from actorsup.config.fields import parameters, select
from actorsup.config.messages import listed
from actorsup.config.read import check_config
from actorsup.errors import ConfigError
from actorsup.frames.settings import DecodingLimits, FrameSettings
from actorsup.training.settings import TrainingOptions
from actorsup.workflow.dataset import PlannedDataset
from actorsup.workflow.networks import Networks


class Plan:
    """A checked configuration and its data sets.

    Attributes:
        config: The whole configuration, including a section for each variant.
        networks: Settings, weights and training data of its detectors, linkers and models.

    Args:
        config: The whole configuration, as merged by Snakemake.

    Raises:
        ConfigError: The configuration has a mistake.
    """

    def __init__(self, config: Mapping[str, Any]) -> None:
        self.config = check_config(config)
        self.networks = Networks(self.config)
        self._datasets: dict[str, PlannedDataset] = {}
        self._evaluable: set[str] = set()

    @property
    def uses_gpu(self) -> bool:
        """Whether jobs request a GPU; ``auto`` looks for one on this machine, not on cluster nodes."""
        device = self.config["device"]
        return Path("/dev/nvidia0").exists() if device == "auto" else device != "cpu"

    def dataset(self, name: str) -> PlannedDataset:
        """Return a data set after a check of its linkers, their detectors and its models.

        Every target calls this: Snakemake ignores errors in the inputs of a rule whose outputs exist, so a
        mistake in a linker would otherwise leave outdated tables in place.

        Args:
            name: Name of its section.

        Raises:
            ConfigError: The section does not exist, or a file that it needs is missing.
        """
        if name not in self._datasets:
            section = self._section("datasets", name)
            self.networks.check(section)
            self._datasets[name] = PlannedDataset(name, section, self.config["seed"])
        return self._datasets[name]

    def describe_unused(self) -> list[str]:
        """Return a line for each data set of this run whose folder has files that are not used."""
        listed = [dataset for dataset in self._datasets.values() if "listing" in vars(dataset)]
        return [text for dataset in listed if (text := dataset.describe_unused())]

    def _section(self, kind: str, name: str) -> Mapping[str, Any]:
        sections = self.config.get(kind, {})
        if name not in sections:
            raise ConfigError(f"{kind}: there is no {name!r}; {listed(sections, name)}")
        section: Mapping[str, Any] = sections[name]
        return section

    def evaluated_dataset(self, name: str) -> PlannedDataset:
        """Same as ``dataset``, after a check that the data set can be evaluated.

        Raises:
            ConfigError, DataError: It cannot be evaluated.
        """
        dataset = self.dataset(name)
        if name not in self._evaluable:
            dataset.check_evaluable()
            self._evaluable.add(name)
        return dataset

    def settings(self, section: str, model: Any, stage: str) -> dict[str, Any]:
        """Settings of a section, such as ``evaluation``, that its settings class declares for a stage."""
        return select(self.config.get(section, {}), parameters(model, stage))

    @property
    def frame_settings(self) -> dict[str, Any]:
        """Settings of the frame store."""
        return self.settings("frames", FrameSettings, "decode_frames")

    @property
    def decoding_limits(self) -> dict[str, Any]:
        """Limits of decoding one video."""
        return select(self.config["frames"], {each.name for each in fields(DecodingLimits)})

    @property
    def training_options(self) -> dict[str, Any]:
        """Settings of training jobs that do not change their results."""
        return select(self.config.get("training", {}), {each.name for each in fields(TrainingOptions)})

    def ablation(self, dataset: str, name: str) -> dict[str, Any]:
        """Return the section of a data set with the linkers, models and seeds of an ablation.

        Raises:
            ConfigError: The ablation does not exist, or a file that it needs is missing.
        """
        ablation = self._section("ablations", name)
        compared = {key: value for key, value in ablation.items() if value is not None}
        section = {**self.evaluated_dataset(dataset).section, **compared}
        self.networks.check(section)
        return section

    @property
    def processes(self) -> int:
        """Number of processes that train a model together."""
        return int(self.config.get("training", {}).get("processes", 1))

    @property
    def keeps_epochs(self) -> bool:
        """Whether training keeps the weights after each epoch."""
        return bool(self.config.get("training", {}).get("keep_epochs", False))

    def epochs_of(self, model: str) -> list[int]:
        """Return the numbers of a model's training epochs, from 1.

        Raises:
            ConfigError: Their weights are not kept, or the model is a trained file.
        """
        if not self.keeps_epochs:
            raise ConfigError(
                "training.keep_epochs: the weights after each epoch are not kept; set it to true, which "
                "trains the models again"
            )
        if self.networks.trained_model(model):
            raise ConfigError(f"models.{model}: a trained model has no weights by epoch; name other models")
        return [*range(1, AttentionSettings(**self.networks.model_settings(model)).epochs + 1)]

    def model_file(self, dataset: str, linker: str, model: str, seed: int | str) -> str:
        """Return the file of the model that scores the tubes of a data set.

        Variants that differ only in scoring share one file.
        """
        trained = self.networks.trained_model(model)
        return trained or f"results/{dataset}/models/{linker}/{self.networks.trained_as(model)}/seed{seed}.pt"

    def epochs_folder(self, dataset: str, linker: str, model: str, seed: int | str) -> str:
        """Return the folder of a model's weights after each training epoch."""
        return self.model_file(dataset, linker, model, seed).removesuffix(".pt") + "_epochs"

    def prediction_shards(
        self, dataset: str, linker: str, model: str, seed: int, epoch: int | None = None
    ) -> list[str]:
        """Return the shards of scored tubes of one run, or of one of its epochs.

        Raises:
            ConfigError: The data set has no video to predict, or none to train on.
        """
        planned = self.dataset(dataset)
        if not self.networks.trained_model(model):
            planned.shards_to_train()
        folder = f"results/{dataset}/predictions/{linker}/{model}/seed{seed}"
        folder += "" if epoch is None else f"/epoch{epoch}"
        return [f"{folder}/{shard}.h5" for shard in planned.shards_to_score()]

    def training_score_shards(self, dataset: str, linker: str, model: str, seed: int) -> list[str]:
        """Return the shards of scored tubes of the training videos of one run, which only CorLoc reads."""
        folder = f"results/{dataset}/training_scores/{linker}/{model}/seed{seed}"
        return [f"{folder}/{shard}.h5" for shard in self.training_shards(dataset)]

    def training_shards(self, dataset: str) -> list[str]:
        """Return the shards with labeled training videos; empty if there are none."""
        planned = self.dataset(dataset)
        return [shard for shard in planned.shards if planned.training_videos(shard)]
