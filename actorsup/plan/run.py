"""What is made of what: the plan of a run, worked out from the configuration and the folders.

Snakemake asks it when it plans; it opens no video and needs no heavy import.
"""

from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from actorsup.attention.presets import with_preset
from actorsup.attention.scoring_settings import ScoringSettings
from actorsup.attention.settings import AttentionSettings
from actorsup.config import base_of, check_config, existing_path, expand_path, with_variants
from actorsup.errors import ConfigError, did_you_mean
from actorsup.plan.dataset import PlannedDataset

_SCORING = {field.name for field in fields(ScoringSettings)}
_OF_DECODING = ("keep", "time_limit", "memory_limit")
_OWN_ENCODERS = ("vgg16", "small")
FILES = ("path", "backbone", "head")
"""Settings that name files, wherever they stand."""
_READ_BY_TRAINING = {
    "detectors": ("type", "model"),
    "linkers": ("trunk", "exemplar_size", "search_size", "context"),
}
TRAINING_PATHS = ("images", "annotations", "sequences", "held_out")
"""Settings of ``training:`` that name what is trained on."""


class Plan:
    """The configuration, checked, and the data sets that it names.

    Args:
        config: The whole configuration, as Snakemake merged it.

    Raises:
        ConfigError: A mistake in the configuration.
    """

    def __init__(self, config: Mapping[str, Any]) -> None:
        self.config = with_variants(config)
        check_config(self.config)
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
            self._check_networks(names[name])
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

    def _check_networks(self, dataset: Mapping[str, Any]) -> None:
        for linker in dataset["linkers"]:
            self.linker_weights(linker)
            self.detector_weights(self.detector_of(linker))
        for model in dataset["models"]:
            self._check_model(model)

    def _check_model(self, model: str) -> None:
        if self.trained_model(model):
            return
        try:
            settings = AttentionSettings(**self.model_settings(model))
        except ConfigError as error:
            raise ConfigError(f"models.{model}.{error}") from error
        if settings.encoder not in _OWN_ENCODERS:
            # asked of torchvision, which takes seconds to load, for such an encoder alone
            from actorsup.attention.torchvision_trunks import check_encoder

            try:
                check_encoder(settings.encoder, _OWN_ENCODERS)
            except ConfigError as error:
                raise ConfigError(f"models.{model}.{error}") from error
        self.encoder_weights(model)

    @property
    def frame_settings(self) -> dict[str, Any]:
        """How frames are stored: what they are decoded within is no part of it."""
        return {key: value for key, value in self.config["frames"].items() if key not in _OF_DECODING}

    def settings(self, kind: str, name: str) -> dict[str, Any]:
        """A section without what it takes to train its network: that is in the weights."""
        section = {key: value for key, value in self.config[kind][name].items() if key != "training"}
        section = with_preset(section) if kind == "models" else section
        files = {key: expand_path(section[key], f"{kind}.{name}.{key}") for key in FILES if key in section}
        return section | {key: str(path) for key, path in files.items()}

    def model_settings(self, model: str) -> dict[str, Any]:
        """What a model is built and trained with."""
        return {k: v for k, v in self.settings("models", model).items() if k not in _SCORING}

    def scoring_settings(self, model: str) -> dict[str, Any]:
        """What a model's tubes are scored with, once it is trained."""
        return {k: v for k, v in self.settings("models", model).items() if k in _SCORING}

    def detector_of(self, linker: str) -> str:
        """Name of the detector whose detections a linker links."""
        return self.config["linkers"][linker]["detector"]

    def detector_weights(self, detector: str) -> list[str]:
        """The weights file of a detector, or none where it needs none."""
        section = self.config["detectors"][detector]
        if section["type"] == "supplied":
            return [str(existing_path(section["path"], f"detectors.{detector}.path"))]
        published = section.get("model", "ssd300_vgg16") if section["type"] == "torchvision" else None
        return self._weights("detectors", detector, section.get("weights", "published"), published)

    def linker_weights(self, linker: str) -> list[str]:
        """The weights files of a linker's tracker, or none where it needs none."""
        section = self.config["linkers"][linker]
        if section["type"] == "nanotrack":
            return [str(existing_path(section[f], f"linkers.{linker}.{f}")) for f in ("backbone", "head")]
        if section["type"] in ("static", "viterbi"):
            return []
        published = "vgg16" if section.get("trunk", "vgg16") == "vgg16" else None
        return self._weights("linkers", linker, section.get("weights", "published"), published)

    def encoder_weights(self, model: str) -> list[str]:
        """The weights file that a model's encoder starts from, or none."""
        section = self.config["models"][model]
        weights = section.get("weights", "published")
        if weights.startswith("detector:"):
            detector = weights.removeprefix("detector:")
            if self.config["detectors"][detector]["type"] not in ("torchvision", "small_ssd"):
                raise ConfigError(
                    f"models.{model}.weights: {weights!r} has no trunk that an encoder could start from; "
                    "allowed: detectors of the types torchvision and small_ssd"
                )
            return self.detector_weights(detector)
        encoder = section.get("encoder", "vgg16")
        return self._weights("models", model, weights, None if encoder == "small" else encoder)

    def ablation(self, dataset: str, name: str) -> dict[str, Any]:
        """What an ablation compares on a data set: its linkers, models and seeds.

        Raises:
            ConfigError: There is no such section, or what it needs is not there.
        """
        names = self.config.get("ablations", {})
        if name not in names:
            hint = did_you_mean(name, names)
            raise ConfigError(f"ablations: there is no {name!r}; allowed: {', '.join(names)}{hint}")
        section = {**self.evaluated_dataset(dataset).section, **names[name]}
        self._check_networks(section)
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
        if self.trained_model(model):
            raise ConfigError(f"models.{model}: it is trained already, so that there is nothing by epoch")
        return [*range(1, AttentionSettings(**self.model_settings(model)).epochs + 1)]

    def trained_model(self, model: str) -> str | None:
        """The file of a model that is trained already, or None where it is to be trained."""
        section = self.config["models"][model]
        return self._file(section["trained"], f"models.{model}.trained") if "trained" in section else None

    def model_file(self, dataset: str, linker: str, model: str, seed: int | str) -> str:
        """The trained model that scores the tubes of a data set.

        Variants that differ in how tubes are scored alone are trained once.
        """
        trained = self.trained_model(model)
        return trained or f"results/{dataset}/models/{linker}/{self.trained_as(model)}/seed{seed}.pt"

    def epochs_folder(self, dataset: str, linker: str, model: str, seed: int | str) -> str:
        """Where a model's weights after each epoch of its training are."""
        return self.model_file(dataset, linker, model, seed).removesuffix(".pt") + "_epochs"

    def trained_as(self, model: str) -> str:
        """Name of the first model of the same section and its variants that is trained alike."""
        alike = [
            name
            for name in sorted(self.config["models"], key=lambda name: (name.count("+"), name))
            if base_of(name) == base_of(model)
            and "trained" not in self.config["models"][name]
            and self.model_settings(name) == self.model_settings(model)
        ]
        return alike[0]

    def prediction_shards(
        self, dataset: str, linker: str, model: str, seed: int, epoch: int | None = None
    ) -> list[str]:
        """The shards of scored tubes of one run, or of an epoch of it.

        Raises:
            ConfigError: There is no video to predict, or none to train on.
        """
        planned = self.dataset(dataset)
        if not self.trained_model(model):
            planned.shards_to_train()
        folder = f"results/{dataset}/predictions/{linker}/{model}/seed{seed}"
        folder += "" if epoch is None else f"/epoch{epoch}"
        return [f"{folder}/{shard}.h5" for shard in planned.shards_to_score()]

    def training_settings(self, kind: str, name: str) -> dict[str, Any]:
        """What a network is built and trained with, without the paths of its training set.

        What it detects or tracks with, once it is trained, is not among it.
        """
        section = self.config[kind][name]
        read = {key: value for key, value in section.items() if key in _READ_BY_TRAINING[kind]}
        training = {k: v for k, v in section.get("training", {}).items() if k not in TRAINING_PATHS}
        if training.get("start"):
            training["start"] = str(existing_path(training["start"], f"{kind}.{name}.training.start"))
        return {**read, "training": training}

    def training_data(self, kind: str, name: str) -> dict[str, str]:
        """Where the set lies that a detector or a Siamese network is trained on."""
        section = self.config[kind][name]
        if "training" not in section:
            raise ConfigError(f"{kind}.{name}: its weights are to be trained; say on what under training:")
        return {
            key: self._file(path, f"{kind}.{name}.training.{key}")
            for key, path in section["training"].items()
            if key in TRAINING_PATHS
        }

    @staticmethod
    def _file(path: str, key: str) -> str:
        """A path that must be there, unless a rule makes it."""
        return path if path.startswith("results/") else str(existing_path(path, key))

    def _taught_as(self, kind: str, name: str) -> str:
        """The section that a variant is of where its network is taught the same, else itself."""
        base = base_of(name)
        same = self.training_settings(kind, base) == self.training_settings(kind, name)
        return base if same else name

    def _weights(self, kind: str, name: str, weights: str, published: str | None) -> list[str]:
        key = f"{kind}.{name}.weights"
        match weights:
            case "random":
                return []
            case "published" if published:
                return [f"results/weights/published/{published}.pth"]
            case "trained" if kind in _READ_BY_TRAINING:
                self.training_data(kind, name)
                return [f"results/weights/{kind}/{self._taught_as(kind, name)}.pt"]
            case "published" | "trained":
                raise ConfigError(f"{key}: {weights!r} is not to be had for this network; name a file")
        return [str(existing_path(weights, key))]
