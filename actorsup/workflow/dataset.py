"""One data set of a run: its videos in their shards, and what is asked of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from actorsup.artifacts.provenance import code_digest, settings_digest
from actorsup.config.fields import parameters, select
from actorsup.datasets.base import Dataset, DatasetType, Listing, VideoRecord, shard_index
from actorsup.datasets.digests import content_digests, files_digest
from actorsup.datasets.readers import DATASETS, open_dataset
from actorsup.datasets.readers.demo import demo_settings
from actorsup.demo.settings import DemoSettings
from actorsup.errors import ConfigError

Section = Mapping[str, Any]


@dataclass(frozen=True)
class PlannedDataset:
    """One data set of the configuration, with its videos in their shards."""

    name: str
    section: Section
    seed: int

    @property
    def type(self) -> DatasetType:
        """The registered type of its section."""
        return DATASETS[self.section["type"]]

    @property
    def module(self) -> str:
        """The module that defines its type; its code decides what the ground truth is."""
        return DATASETS.module(self.section["type"])

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
            shards.setdefault(self.shard_of(record), []).append(record)
        return dict(sorted(shards.items()))

    def shard_of(self, record: VideoRecord) -> str:
        """Name of the shard of a video.

        Videos of the training split have the even buckets, all others the odd ones, so that a
        video to predict that is added or changed trains nothing again.
        """
        buckets = self.section["shards"]
        apart = 0 if record.split == "train" or buckets == 1 else 1
        of_split = (buckets + 1) // 2 if apart == 0 else buckets // 2
        bucket = shard_index(record.video, of_split) * 2 + apart if buckets > 1 else 0
        return f"{bucket:04d}"

    @cached_property
    def digests(self) -> dict[str, str]:
        """Digest of the content of each video; the demo's are those of what makes them."""
        if self.type.is_generated:
            made_by = settings_digest(
                [self.demo_settings("make_demo_videos"), code_digest("actorsup.demo.videos")]
            )
            return dict.fromkeys((record.video for record in self.listing.records), made_by)
        return content_digests(self.listing.records, Path(f"results/{self.name}/digests.json"))

    @property
    def train_labels(self) -> dict[str, tuple[str, ...]]:
        """Action classes of each labeled training video."""
        return {r.video: r.labels for r in self.listing.records if self._teaches(r)}

    def count(self, shard: str | None = None) -> int:
        """How many videos it has, or one of its shards."""
        return len(self.listing.records if shard is None else self.shards[shard])

    @property
    def table_records(self) -> list[VideoRecord]:
        """The videos of videos.csv: all that are there, and those missing if they count."""
        counted = self.section.get("absent_videos", "count") == "count"
        missing = self.listing.missing if counted else ()
        return sorted([*self.listing.records, *missing], key=lambda record: record.video)

    def demo_settings(self, stage: str) -> dict[str, int]:
        """Parameters of a stage that makes videos, images or sequences of the demo."""
        if not self.type.is_generated:
            raise ConfigError(f"datasets.{self.name}: its videos are not made here; its type is not demo")
        return select({**demo_settings(self.section), "seed": self.seed}, parameters(DemoSettings, stage))

    def made_by_rules(self) -> list[str]:
        """What must be made before the videos can be decoded."""
        return [f"results/{self.name}/source/videos"] if self.type.is_generated else []

    def annotation_files(self) -> list[str]:
        """The files that hold its ground truth.

        Raises:
            ConfigError: It has none, so that nothing can be evaluated.
        """
        if not self.type.has_ground_truth(self.section):
            raise ConfigError(
                f"datasets.{self.name}: it has no ground truth to evaluate with; name a table of boxes as "
                f"its ground_truth:, or ask for results/{self.name}/predictions.json"
            )
        return self.type.annotation_files(self.name, self.section, self.dataset)

    def annotations_digest(self) -> str:
        """Digest of an annotation of a file a frame, empty where its files are inputs of a rule."""
        pattern = self.type.annotation_pattern
        if not pattern:
            return ""
        dataset: Any = self.dataset
        return files_digest(dataset.root / dataset.annotations, pattern)

    def annotated_table(self) -> list[str]:
        """The table of the frames that are annotated, or none where all are."""
        return [f"results/{self.name}/annotated.csv"] if self.type.has_sparse_boxes(self.section) else []

    def ground_truth_section(self) -> dict[str, Any]:
        """The settings that the ground truth depends on."""
        return select(self.section, parameters(self.type.section, "write_ground_truth"))

    def check_evaluable(self) -> None:
        """Whether its predictions can be evaluated, told before any work.

        Raises:
            ConfigError: It has no ground truth, no test video, or none with ground truth.
            DataError: The table of ground truth cannot be used.
        """
        self.annotation_files()
        tests = {r.video for r in (*self.listing.records, *self.listing.missing) if r.split == "test"}
        if not tests:
            raise ConfigError(
                f"datasets.{self.name}: no video is of the test split, so that nothing can be evaluated; "
                f"set some apart by the split 'test', or ask for results/{self.name}/predictions.json"
            )
        if self.type.is_user_written:
            truth = self.dataset.ground_truth()
            if truth is None or not tests & set(truth.boxes["video"]):
                raise ConfigError(
                    f"datasets.{self.name}.ground_truth: it has no box of a video of the test split, such as "
                    f"{min(tests)!r}; wanted ids as in the table of videos"
                )

    def is_evaluable(self) -> bool:
        """Whether its predictions can be evaluated; the page of one that cannot has no numbers."""
        try:
            self.check_evaluable()
        except ConfigError:
            return False
        return True

    def splits_and_labels(self, shard: str) -> dict[str, tuple[str, tuple[str, ...]]]:
        """Split and action classes of each video of a shard that is to be predicted."""
        return {r.video: (r.split, r.labels) for r in self.shards[shard] if r.split != "train"}

    def ground_truth_table(self) -> list[str]:
        """The table of its ground truth, or none where it has none."""
        known = self.type.has_ground_truth(self.section)
        return [f"results/{self.name}/ground_truth.csv"] if known else []

    def videos_to_decode(self, shard: str) -> list[tuple[str, str, str]]:
        """Id, path below the data set's root and content digest of each video of a shard."""
        # as text: of a hundred thousand videos Path.relative_to takes seconds
        root = f"{self.dataset.root.as_posix().removesuffix('/')}/"
        return [
            (r.video, r.path.as_posix().removeprefix(root), self.digests[r.video]) for r in self.shards[shard]
        ]

    def table_rows(self) -> list[dict[str, str]]:
        """What videos.csv says of each video before it is opened."""
        return [
            {
                "video": record.video,
                "path": str(record.path),
                "split": record.split,
                "label": "|".join(record.labels),
                "shard": self.shard_of(record),
            }
            for record in self.table_records
        ]

    def shards_to_train(self) -> list[str]:
        """Names of the shards that hold labeled training videos.

        Raises:
            ConfigError: There is no such video, so that nothing can be trained.
        """
        shards = [s for s, records in self.shards.items() if any(self._teaches(r) for r in records)]
        if not shards:
            missing = sum(self._teaches(r) for r in self.listing.missing)
            raise ConfigError(
                f"datasets.{self.name}: no labeled training video is there, {missing} are missing; training "
                "needs at least one, or name a model that is trained already: models.NAME.trained"
            )
        return shards

    @staticmethod
    def _teaches(record: VideoRecord) -> bool:
        return record.split == "train" and bool(record.labels)

    def shards_to_score(self) -> list[str]:
        """Names of the shards that hold videos to predict: all but those trained on.

        Raises:
            ConfigError: There is none.
        """
        shards = [s for s in self.shards if self.videos_to_score(s)]
        if not shards:
            if not self.listing.records and not self.listing.missing:
                raise ConfigError(f"datasets.{self.name}: there is not one video in {self.dataset.root}")
            raise ConfigError(
                f"datasets.{self.name}: no video is there to predict; set some apart by the split 'test', or "
                "leave their split empty"
            )
        return shards

    def videos_to_score(self, shard: str) -> list[str]:
        """Ids of a shard's videos to predict: all but those of the training split."""
        return [record.video for record in self.shards[shard] if record.split != "train"]
