"""What is made of what: the plan of a run, worked out from the configuration and the folders.

Snakemake asks it when it plans; it opens no video and needs no heavy import.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cached_property
from pathlib import Path
from typing import Any

from actorsup.attention.scoring_settings import ScoringSettings
from actorsup.config import check_config, existing_path, expand_path
from actorsup.datasets.base import Dataset, Listing, VideoRecord, bucket_of
from actorsup.datasets.digests import content_digests
from actorsup.datasets.registry import open_dataset
from actorsup.errors import ConfigError, did_you_mean
from actorsup.provenance import code_digest, settings_digest

Section = Mapping[str, Any]
_SCORING = {field.name for field in fields(ScoringSettings)}
FILES = ("path", "backbone", "head")
"""Settings that name files, wherever they stand."""
TRAINING_PATHS = ("images", "annotations", "sequences", "held_out")
"""Settings of ``training:`` that name what is trained on."""


@dataclass(frozen=True)
class PlannedDataset:
    """One data set of the configuration, with its videos in their shards."""

    name: str
    section: Section
    seed: int

    @cached_property
    def dataset(self) -> Dataset:
        """The data set itself."""
        return open_dataset(self.name, self.section, self.seed)

    @cached_property
    def listing(self) -> Listing:
        """Which videos there are."""
        return self.dataset.listing()

    @cached_property
    def shards(self) -> dict[str, list[VideoRecord]]:
        """The videos of each shard that has any, by the shard's name, both sorted."""
        shards: dict[str, list[VideoRecord]] = {}
        for record in self.listing.records:
            shards.setdefault(self.shard_of(record.video), []).append(record)
        return dict(sorted(shards.items()))

    def shard_of(self, video: str) -> str:
        """Name of the shard of a video."""
        return f"{bucket_of(video, self.section['shards']):04d}"

    @cached_property
    def digests(self) -> dict[str, str]:
        """Digest of the content of each video; the demo's are those of what makes them."""
        if self.section["type"] == "demo":
            made_by = settings_digest([self.demo_settings(), code_digest("actorsup.demo.videos")])
            return dict.fromkeys((record.video for record in self.listing.records), made_by)
        return content_digests(self.listing.records, Path(f"results/{self.name}/digests.json"))

    @property
    def train_labels(self) -> dict[str, tuple[str, ...]]:
        """Action classes of each labelled training video."""
        return {r.video: r.labels for r in self.listing.records if self._teaches(r)}

    @property
    def table_records(self) -> list[VideoRecord]:
        """The videos of videos.csv: all that are there, and those missing if they count."""
        counted = self.section.get("absent_videos", "count") == "count"
        missing = self.listing.missing if counted else ()
        return sorted([*self.listing.records, *missing], key=lambda record: record.video)

    def demo_settings(self, *more: str) -> dict[str, int]:
        """What the demo's videos are made from, and what is ``more``: its stills or sequences."""
        if self.section["type"] != "demo":
            raise ConfigError(f"datasets.{self.name}: its videos are not made here; its type is not demo")
        counts = {"train": self.section["train_videos"], "test": self.section["test_videos"]}
        others = {key: self.section[key] for key in more if key in self.section}
        return {**counts, **others, "seed": self.seed}

    def made_by_rules(self) -> list[str]:
        """What must be made before the videos can be decoded."""
        return [f"results/{self.name}/source/videos"] if self.section["type"] == "demo" else []

    def annotation_files(self) -> list[str]:
        """The files that hold its ground truth.

        Raises:
            ConfigError: It has none, so that nothing can be evaluated.
        """
        match self.section:
            case {"type": "demo"}:
                return [f"results/{self.name}/source/ground_truth.csv"]
            case {"type": "thumos13", "root": root}:
                return [str(existing_path(f"{root}/annotations/pyannot.pkl", f"datasets.{self.name}.root"))]
            case {"ground_truth": path}:
                return [str(existing_path(path, f"datasets.{self.name}.ground_truth"))]
        raise ConfigError(
            f"datasets.{self.name}: it has no ground truth to evaluate with; name a table of boxes as its "
            f"ground_truth:, or ask for results/{self.name}/predictions.json"
        )

    def ground_truth_table(self) -> list[str]:
        """The table of its ground truth, or none where it has none."""
        known = self.section["type"] != "folder" or "ground_truth" in self.section
        return [f"results/{self.name}/ground_truth.csv"] if known else []

    def videos_to_decode(self, shard: str) -> list[tuple[str, str, str]]:
        """Id, path and content digest of each video of a shard."""
        return [(r.video, str(r.path), self.digests[r.video]) for r in self.shards[shard]]

    def table_rows(self) -> list[dict[str, str]]:
        """What videos.csv says of each video before it is opened."""
        return [
            {
                "video": record.video,
                "path": str(record.path),
                "split": record.split,
                "label": "|".join(record.labels),
                "shard": self.shard_of(record.video),
            }
            for record in self.table_records
        ]

    def shards_to_train(self) -> list[str]:
        """Names of the shards that hold labelled training videos.

        Raises:
            ConfigError: There is no such video, so that nothing can be trained.
        """
        shards = [s for s, records in self.shards.items() if any(self._teaches(r) for r in records)]
        if not shards:
            missing = sum(self._teaches(r) for r in self.listing.missing)
            raise ConfigError(
                f"datasets.{self.name}: no labelled training video is there, {missing} are missing; "
                "training needs at least one"
            )
        return shards

    @staticmethod
    def _teaches(record: VideoRecord) -> bool:
        return record.split == "train" and bool(record.labels)

    def shards_to_score(self) -> list[str]:
        """Names of the shards that hold videos to predict: all but those trained on."""
        return [s for s in self.shards if self.videos_to_score(s)]

    def videos_to_score(self, shard: str) -> list[str]:
        """Ids of a shard's videos to predict: all but those of the training split."""
        return [record.video for record in self.shards[shard] if record.split != "train"]


class Plan:
    """The configuration, checked, and the data sets that it names.

    Args:
        config: The whole configuration, as Snakemake merged it.

    Raises:
        ConfigError: A mistake in the configuration.
    """

    def __init__(self, config: Mapping[str, Any]) -> None:
        check_config(config)
        self.config = config
        self._datasets: dict[str, PlannedDataset] = {}

    @property
    def uses_gpu(self) -> bool:
        """Whether jobs will ask for the GPU, as far as can be told without loading PyTorch."""
        return self.config["device"] != "cpu" and Path("/dev/nvidia0").exists()

    def dataset(self, name: str) -> PlannedDataset:
        """A data set by the name of its section.

        Raises:
            ConfigError: There is no such section.
        """
        names = self.config["datasets"]
        if name not in names:
            hint = did_you_mean(name, names)
            raise ConfigError(f"datasets: there is no {name!r}; allowed: {', '.join(names)}{hint}")
        if name not in self._datasets:
            self._datasets[name] = PlannedDataset(name, self.config["datasets"][name], self.config["seed"])
        return self._datasets[name]

    def settings(self, kind: str, name: str) -> dict[str, Any]:
        """A section without what it takes to train its network: that is in the weights."""
        section = {key: value for key, value in self.config[kind][name].items() if key != "training"}
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
            return self.detector_weights(weights.removeprefix("detector:"))
        published = "vgg16" if section.get("encoder", "vgg16") == "vgg16" else None
        return self._weights("models", model, weights, published)

    def training_settings(self, kind: str, name: str) -> dict[str, Any]:
        """What a network is built and trained with, without the paths of its training set."""
        section = self.config[kind][name]
        training = {k: v for k, v in section.get("training", {}).items() if k not in TRAINING_PATHS}
        if training.get("start"):
            training["start"] = str(existing_path(training["start"], f"{kind}.{name}.training.start"))
        return {**self.settings(kind, name), "training": training}

    def training_data(self, kind: str, name: str) -> dict[str, Path]:
        """Where the set lies that a detector or a Siamese network is trained on."""
        section = self.config[kind][name]
        if "training" not in section:
            raise ConfigError(f"{kind}.{name}: its weights are to be trained; say on what under training:")
        return {
            key: expand_path(path, f"{kind}.{name}.training.{key}")
            for key, path in section["training"].items()
            if key in TRAINING_PATHS
        }

    def _weights(self, kind: str, name: str, weights: str, published: str | None) -> list[str]:
        key = f"{kind}.{name}.weights"
        match weights:
            case "random":
                return []
            case "published" if published:
                return [f"results/weights/published/{published}.pth"]
            case "trained" if kind in ("detectors", "linkers"):
                return [f"results/weights/{kind}/{name}.pt"]
            case "published" | "trained":
                raise ConfigError(f"{key}: {weights!r} is not to be had for this network; name a file")
        return [str(existing_path(weights, key))]
