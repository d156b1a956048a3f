"""Settings, weights and training sets of the configured detectors, linkers and models."""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from actorsup.artifacts.paths import existing_path, expand_path
from actorsup.attention.encoders import ENCODERS, TORCHVISION, encoder_module, encoder_type
from actorsup.attention.presets import with_preset
from actorsup.attention.scoring_settings import ScoringSettings
from actorsup.attention.settings import AttentionSettings
from actorsup.config.fields import parameters, select
from actorsup.config.read import base_of
from actorsup.detection.base import DetectorType
from actorsup.detection.detectors import DETECTORS
from actorsup.detection.settings import DetectorTrainingSection
from actorsup.errors import ConfigError
from actorsup.linking.base import LinkerType, TrackerType
from actorsup.linking.linkers import LINKERS
from actorsup.linking.settings import SiameseTrainingSection
from actorsup.linking.trackers import TRACKERS
from actorsup.registry import Registry

_STAGES = {"detectors": "detect_actors", "linkers": "link_actors"}
_TRAINING = {
    "detectors": ("train_detector", DetectorTrainingSection),
    "linkers": ("train_siamese", SiameseTrainingSection),
}


class Networks:
    """The sections ``detectors``, ``linkers`` and ``models`` of a checked configuration.

    Args:
        config: The whole configuration, with the variants that it names.
    """

    def __init__(self, config: Mapping[str, Any]) -> None:
        self._config = config

    def check(self, section: Mapping[str, Any]) -> None:
        """Check the settings and files of a data set's linkers and models before anything runs.

        Raises:
            ConfigError: A setting is wrong, or a file is missing.
        """
        for linker in section["linkers"]:
            self.linker_weights(linker)
            self.detector_weights(self.detector_of(linker))
        for model in section["models"]:
            self._check_model(model)

    def _check_model(self, model: str) -> None:
        if self.trained_model(model):
            return
        try:
            settings = AttentionSettings(**self.model_settings(model))
            encoder_type(settings.encoder).check_snippet(settings.snippet)
        except ConfigError as error:
            raise ConfigError(f"models.{model}.{error}") from error
        self.encoder_weights(model)

    def settings(self, kind: str, name: str) -> dict[str, Any]:
        """Return the settings of a detector or linker that its stage reads."""
        type_ = self._type(kind, name)
        section = select(self._config[kind][name], parameters(type_.section, _STAGES[kind]))
        paths = {key: str(expand_path(section[key], f"{kind}.{name}.{key}")) for key in type_.files}
        return section | paths

    def model_settings(self, model: str) -> dict[str, Any]:
        """Return the settings that a model is built and trained with."""
        return self._of_model(model, AttentionSettings, "train_attention")

    def scoring_settings(self, model: str) -> dict[str, Any]:
        """Return the settings that a trained model scores tubes with."""
        return self._of_model(model, ScoringSettings, "score_tubes")

    def _of_model(self, model: str, settings: Any, stage: str) -> dict[str, Any]:
        return select(with_preset(self._config["models"][model]), parameters(settings, stage))

    def detector_of(self, linker: str) -> str:
        """Return the name of the detector whose detections a linker links."""
        return self._config["linkers"][linker]["detector"]

    def detector_weights(self, detector: str) -> list[str]:
        """Return the weights file of a detector; empty if it needs none."""
        return self._files_of("detectors", detector)

    def linker_weights(self, linker: str) -> list[str]:
        """Return the weights files of a linker's tracker; empty if it needs none."""
        return self._files_of("linkers", linker)

    def module(self, kind: str, name: str) -> str:
        """Return the module that defines the type of a detector or linker."""
        return self._registry(kind, name).module(self._config[kind][name]["type"])

    def _registry(self, kind: str, name: str) -> Registry[Any]:
        if kind == "detectors":
            return DETECTORS
        return LINKERS if self._config[kind][name]["type"] in LINKERS else TRACKERS

    def _type(self, kind: str, name: str) -> DetectorType | TrackerType | LinkerType:
        found: DetectorType | TrackerType | LinkerType
        found = self._registry(kind, name)[self._config[kind][name]["type"]]
        return found

    def _files_of(self, kind: str, name: str) -> list[str]:
        section, type_ = self._config[kind][name], self._type(kind, name)
        if type_.files:
            return [str(existing_path(section[key], f"{kind}.{name}.{key}")) for key in type_.files]
        if "weights" not in {each.name for each in fields(type_.section)}:
            return []
        return self._weights(kind, name, section.get("weights", "published"), type_.published(section))

    def encoder_weights(self, model: str) -> list[str]:
        """Return the weights file that a model's encoder starts from; empty for random weights."""
        section = self._config["models"][model]
        weights = section.get("weights", "published")
        if weights.startswith("detector:"):
            detector = weights.removeprefix("detector:")
            if not DETECTORS[self._config["detectors"][detector]["type"]].trunk:
                sections = self._config["detectors"].items()
                allowed = ", ".join(name for name, other in sections if DETECTORS[other["type"]].trunk)
                raise ConfigError(
                    f"models.{model}.weights: {weights!r} has no trunk that an encoder could start from; "
                    f"allowed after 'detector:': {allowed or 'none of these detectors'}"
                )
            return self.detector_weights(detector)
        return self._weights("models", model, weights, encoder_type(self._encoder(model)).published)

    def encoder_modules(self, model: str) -> list[str]:
        """Return the modules that may define a model's encoder; all encoders if a model file names it."""
        if self.trained_model(model):
            return [*map(ENCODERS.module, ENCODERS), TORCHVISION]
        return [encoder_module(self._encoder(model))]

    def _encoder(self, model: str) -> str:
        return str(self._config["models"][model].get("encoder", AttentionSettings.encoder))

    def trained_model(self, model: str) -> str | None:
        """Return the file of an already trained model, or None if the workflow trains the model."""
        section = self._config["models"][model]
        return self._file(section["trained"], f"models.{model}.trained") if "trained" in section else None

    def trained_as(self, model: str) -> str:
        """Return the first variant of a model's section that is trained with the same settings."""
        same_training = [
            name
            for name in sorted(self._config["models"], key=lambda name: (name.count("+"), name))
            if base_of(name) == base_of(model)
            and "trained" not in self._config["models"][name]
            and self.model_settings(name) == self.model_settings(model)
        ]
        return same_training[0]

    def training_settings(self, kind: str, name: str) -> dict[str, Any]:
        """Return the settings that a network is trained with, without the paths of its training set."""
        section = self._config[kind][name]
        stage, model = _TRAINING[kind]
        read = select(section, parameters(self._type(kind, name).section, stage) - {"training"})
        training = select(section.get("training") or {}, parameters(model, stage))
        if training.get("start"):
            training["start"] = str(existing_path(training["start"], f"{kind}.{name}.training.start"))
        return {**read, "training": training}

    def training_data(self, kind: str, name: str) -> dict[str, str]:
        """Return the paths of the training set of a detector or Siamese network, by setting."""
        section = self._config[kind][name]
        stage, model = _TRAINING[kind]
        if not section.get("training"):
            raise ConfigError(
                f"{kind}.{name}: weights: trained needs a training set; name it under training:"
            )
        return {
            key: self._file(path, f"{kind}.{name}.training.{key}")
            for key, path in select(section["training"], parameters(model, stage, indirect=True)).items()
            if path is not None
        }

    @staticmethod
    def _file(path: str, key: str) -> str:
        """Return a path, which must exist unless a rule creates it."""
        return path if path.startswith("results/") else str(existing_path(path, key))

    def _trained_as(self, kind: str, name: str) -> str:
        """Return the base section of a variant if both train the same network, else the variant."""
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
            case "trained" if kind in _TRAINING:
                self.training_data(kind, name)
                return [f"results/weights/{kind}/{self._trained_as(kind, name)}.pt"]
            case "published" | "trained":
                raise ConfigError(f"{key}: {weights!r} is not available for this network; name a file")
        return [str(existing_path(weights, key))]
