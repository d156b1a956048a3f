"""A data set of the configuration: its videos by shard, its labels, ground truth and digests."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from actorsup.artifacts.provenance import code_digest, settings_digest
from actorsup.config.fields import parameters, select
from actorsup.datasets.base import Dataset, DatasetType, GroundTruth, Listing, VideoRecord, shard_index
from actorsup.datasets.contents import DEFAULT_NAMING
from actorsup.datasets.digests import content_digests, files_digest
from actorsup.datasets.readers import DATASETS, open_dataset
from actorsup.datasets.readers.demo import demo_settings
from actorsup.demo.settings import DemoSettings
from actorsup.errors import ConfigError

Section = Mapping[str, Any]


@dataclass(frozen=True)
class PlannedDataset:
    """A data set of the configuration, with its videos assigned to shards."""

    name: str
    section: Section
    seed: int

    @property
    def type(self) -> DatasetType:
        """Registered type of the data set."""
        return DATASETS[self.section["type"]]

    @property
    def module(self) -> str:
        """Module that defines the type; its code determines the ground truth."""
        return DATASETS.module(self.section["type"])

    @cached_property
    def dataset(self) -> Dataset:
        """The opened data set."""
        return open_dataset(self.name, self.section, self.seed)

    @cached_property
    def listing(self) -> Listing:
        """Existing, missing and unlisted videos."""
        return self.dataset.listing()

    def describe_unused(self) -> str:
        """Count the files and folders in the data set's folder that are not used; "" if all are used."""
        counts = Counter(entry.reason for entry in self.listing.unused)
        if self.listing.ignored:
            counts["hidden or files of a system"] = self.listing.ignored
        if not counts:
            return ""
        texts = ", ".join(f"{count:,} {reason}" for reason, count in counts.items())
        return (
            f"{self.dataset.root}: {counts.total():,} files or folders are not used ({texts}); "
            f"`actorsup check {self.name}` lists them"
        )

    @cached_property
    def shards(self) -> dict[str, list[VideoRecord]]:
        """Videos of each non-empty shard, by shard name; both are sorted."""
        shards: dict[str, list[VideoRecord]] = {}
        for record in self.listing.records:
            shards.setdefault(self.shard_of(record), []).append(record)
        return dict(sorted(shards.items()))

    def shard_of(self, record: VideoRecord) -> str:
        """Return the shard name of a video.

        Training videos are in even shards, all others in odd ones, so that a new or changed test video
        re-runs no training.
        """
        buckets = self.section["shards"]
        apart = 0 if record.split == "train" or buckets == 1 else 1
        of_split = (buckets + 1) // 2 if apart == 0 else buckets // 2
        bucket = shard_index(record.video, of_split) * 2 + apart if buckets > 1 else 0
        return f"{bucket:04d}"

    @cached_property
    def digests(self) -> dict[str, str]:
        """Content digest of each video; for generated videos, a digest of their settings and code."""
        if self.type.is_generated:
            generator_digest = settings_digest(
                [self.demo_settings("make_demo_videos"), code_digest("actorsup.demo.videos")]
            )
            return dict.fromkeys((record.video for record in self.listing.records), generator_digest)
        return content_digests(self.listing.records, Path(f"results/{self.name}/digests.json"))

    @property
    def train_labels(self) -> dict[str, tuple[str, ...]]:
        """Action classes of each labeled training video."""
        return {r.video: r.labels for r in self.listing.records if self._is_training(r)}

    def count(self, shard: str | None = None) -> int:
        """Return the number of videos of the data set, or of one of its shards."""
        return len(self.listing.records if shard is None else self.shards[shard])

    @property
    def table_records(self) -> list[VideoRecord]:
        """Videos of videos.csv: all that exist, and missing ones unless ``absent_videos: leave_out``."""
        counted = self.section.get("absent_videos", "count") == "count"
        missing = self.listing.missing if counted else ()
        return sorted([*self.listing.records, *missing], key=lambda record: record.video)

    def demo_settings(self, stage: str) -> dict[str, int]:
        """Return the settings of a stage that generates videos, images or sequences of the demo."""
        if not self.type.is_generated:
            raise ConfigError(f"datasets.{self.name}: its type is not demo, so its videos are not generated")
        return select({**demo_settings(self.section), "seed": self.seed}, parameters(DemoSettings, stage))

    def generated_inputs(self) -> list[str]:
        """Return the generated folder that decoding needs; empty if the videos are not generated."""
        return [f"results/{self.name}/source/videos"] if self.type.is_generated else []

    @property
    def has_timed_boxes(self) -> bool:
        """Whether the ground truth has times in place of frames."""
        return self.section.get("frame_unit") in ("seconds", "milliseconds")

    def annotation_files(self) -> list[str]:
        """Return the files of the ground truth.

        Raises:
            ConfigError: The data set has no ground truth.
        """
        if not self.type.has_ground_truth(self.section):
            raise ConfigError(
                f"datasets.{self.name}: it has no ground truth to evaluate with; name a table of boxes as "
                f"its ground_truth:, or ask for results/{self.name}/predictions.json"
            )
        return self.type.annotation_files(self.name, self.section, self.dataset)

    def annotations_digest(self) -> str:
        """Return the digest of per-frame annotation files; empty if the annotations are inputs of a rule."""
        pattern = self.type.annotation_pattern
        if not pattern:
            return ""
        dataset: Any = self.dataset
        return files_digest(dataset.root / dataset.annotations, pattern)

    @cached_property
    def user_ground_truth(self) -> GroundTruth | None:
        """Ground truth that users write; None for data sets that others publish.

        Raises:
            DataError: The ground truth is unreadable.
        """
        is_user_written = self.type.is_user_written and self.type.has_ground_truth(self.section)
        return self.dataset.ground_truth() if is_user_written else None

    def annotated_table(self) -> list[str]:
        """Return the table of annotated frames; empty if every frame is annotated.

        Raises:
            DataError: The ground truth is unreadable.
        """
        is_sparse = self.type.has_sparse_boxes(self.section)
        if not is_sparse and (truth := self.user_ground_truth) is not None:
            is_sparse = bool(truth.annotated)
        return [f"results/{self.name}/annotated.csv"] if is_sparse else []

    def ground_truth_section(self) -> dict[str, Any]:
        """Return the settings that the ground truth depends on."""
        return select(self.section, parameters(self.type.section, "write_ground_truth"))

    def check_evaluable(self) -> None:
        """Check that predictions can be evaluated.

        Raises:
            ConfigError: There is no ground truth, no test video, or no test video with ground truth.
            DataError: The ground truth is unreadable.
        """
        self.annotation_files()
        tests = {r.video for r in (*self.listing.records, *self.listing.missing) if r.split == "test"}
        if not tests:
            raise ConfigError(
                f"datasets.{self.name}: no video has the split test, so nothing can be evaluated; "
                f"set some apart by the split 'test', or ask for results/{self.name}/predictions.json"
            )
        if self.type.is_user_written:
            truth = self.user_ground_truth
            if truth is None or not tests & set(truth.boxes["video"]):
                raise ConfigError(
                    f"datasets.{self.name}.ground_truth: it has no box of a test video, such as "
                    f"{min(tests)!r}; wanted ids as in the table of videos"
                )

    def is_evaluable(self) -> bool:
        """Return whether predictions can be evaluated; otherwise the HTML report has no measures."""
        try:
            self.check_evaluable()
        except ConfigError:
            return False
        return True

    def splits_and_labels(self, shard: str) -> dict[str, tuple[str, tuple[str, ...]]]:
        """Return split and action classes of each video of a shard that is scored."""
        return {r.video: (r.split, r.labels) for r in self.shards[shard] if r.split != "train"}

    def ground_truth_table(self) -> list[str]:
        """Return the table of the ground truth; empty if there is none."""
        has_ground_truth = self.type.has_ground_truth(self.section)
        return [f"results/{self.name}/ground_truth.csv"] if has_ground_truth else []

    def videos_to_decode(self, shard: str) -> list[tuple[str, str, str]]:
        """Return id, path below the data set's root and content digest of each video of a shard."""
        # Path.relative_to takes seconds for 100,000 videos
        root = f"{self.dataset.root.as_posix().removesuffix('/')}/"
        return [
            (r.video, r.path.as_posix().removeprefix(root), self.digests[r.video]) for r in self.shards[shard]
        ]

    @property
    def frame_naming(self) -> dict[str, Any]:
        """How the names of the files number the frames of folders, the same for all videos."""
        return asdict(next((r.naming for r in self.listing.records), DEFAULT_NAMING))

    def table_rows(self) -> list[dict[str, str]]:
        """Return the columns of videos.csv that are known before decoding, for each video."""
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
        """Return the names of the shards with labeled training videos.

        Raises:
            ConfigError: There is no labeled training video.
        """
        shards = [shard for shard in self.shards if self.training_videos(shard)]
        if not shards:
            missing = sum(self._is_training(r) for r in self.listing.missing)
            raise ConfigError(
                f"datasets.{self.name}: no labeled training video is there, {missing} are missing; training "
                "needs at least one, or name a model that is trained already: models.NAME.trained"
            )
        return shards

    def training_videos(self, shard: str) -> list[str]:
        """Return the ids of a shard's labeled training videos."""
        return [record.video for record in self.shards[shard] if self._is_training(record)]

    @staticmethod
    def _is_training(record: VideoRecord) -> bool:
        return record.split == "train" and bool(record.labels)

    def shards_to_score(self) -> list[str]:
        """Return the names of the shards with videos to score: all but training videos.

        Raises:
            ConfigError: There is no video to score.
        """
        shards = [s for s in self.shards if self.videos_to_score(s)]
        if not shards:
            if not self.listing.records and not self.listing.missing:
                raise ConfigError(f"datasets.{self.name}: there is no video in {self.dataset.root}")
            raise ConfigError(
                f"datasets.{self.name}: there is no video to score; set some apart by the split 'test', or "
                "leave their split empty"
            )
        return shards

    def videos_to_score(self, shard: str) -> list[str]:
        """Return the ids of a shard's videos to score: all but training videos."""
        return [record.video for record in self.shards[shard] if record.split != "train"]
