"""Evaluation stage: the table of CorLoc and class accuracy, on test and training videos."""

import logging
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from actorsup.evaluation.corloc import (
    CORLOC_COLUMNS,
    Choice,
    VideoClasses,
    best_tube,
    corloc_table,
    largest_tube,
    mean_of_tubes,
    most_confident_detection,
    predicted_classes,
    random_tube,
)
from actorsup.evaluation.measures import Evaluation
from actorsup.evaluation.predictions import Predictions, StoredTubes, read_predictions, read_proposals
from actorsup.evaluation.split import TestSplit
from actorsup.evaluation.stage import write_table

_LOG = logging.getLogger(__name__)

Labels = Mapping[str, Collection[str]]
Run = tuple[str, str, int]
"""Names of the linker and the model, and the seed."""


@dataclass(frozen=True)
class SplitShards:
    """Shards of the videos of one split.

    Attributes:
        proposals: Shards of tubes by name of the linker.
        scored: Shards of scored tubes by run.
    """

    proposals: Mapping[str, Sequence[Path]]
    scored: Mapping[Run, Sequence[Path]]


def write_corloc(data: TestSplit, splits: Mapping[str, SplitShards], output: Path, seed: int = 0) -> None:
    """Write CorLoc and class accuracy of every run, and of baselines that choose a tube without training.

    Each baseline has rows for every linker and seed. Their accuracy is that of the first model with this
    seed, except for ``no attention``: the class of a video is that of the mean of all its tubes, and as all
    tubes count equally, CorLoc is that of a random tube.

    Args:
        data: The data set.
        splits: Shards of the split ``test``, and of ``train`` if there are training videos.
        output: Path of the table to write, with columns ``CORLOC_COLUMNS``.
        seed: Seed of the random generator.

    Raises:
        DataError: A file cannot be used, or no test video has ground truth.
    """
    tables = []
    for split, shards in splits.items():
        labels = data.labels(split)
        for linker, proposals in shards.proposals.items():
            scored = {run: paths for run, paths in shards.scored.items() if run[0] == linker}
            for name, run_seed, row in _rows_of_linker(data, labels, proposals, scored):
                table = _table_of(data, row, seed)
                tables.append(table.assign(linker=linker, model=name, seed=run_seed, split=split))
                _log_mean(f"{split}, {linker}, {name}, seed {run_seed}", table)
    write_table(pd.concat(tables).assign(dataset=data.dataset)[CORLOC_COLUMNS], output)


class _Row(NamedTuple):
    """Inputs of the rows of one model or baseline."""

    evaluation: Evaluation
    choose: Choice
    video_classes: VideoClasses
    classes: Sequence[str]


def _rows_of_linker(
    data: TestSplit, labels: Labels, proposals: Sequence[Path], scored: Mapping[Run, Sequence[Path]]
) -> Iterator[tuple[str, int, _Row]]:
    """Yield the name and the seed of each model of a linker and of each baseline, with the inputs."""
    videos = [video for video in labels if video in data.truth]
    _LOG.info("%d videos, %d of them with ground truth", len(labels), len(videos))
    baselines: list[tuple[str, int, _Row]] = []
    proposed = data.evaluation(read_proposals(proposals), videos)
    largest = largest_tube(proposed.tubes)
    first_model = next(iter(scored))[1]
    for (_, model, seed), shards in scored.items():
        tubes, classes = read_predictions(shards)
        assert isinstance(tubes, StoredTubes), "read_predictions opens files"
        available = [video for video in labels if video in tubes]
        logits = {video: tubes.video_logit(video) for video in available}
        video_classes = VideoClasses(labels, predicted_classes(logits, classes))
        evaluation = data.evaluation(Predictions(tubes, classes), videos)
        yield model, seed, _Row(evaluation, best_tube(classes), video_classes, classes)
        if model == first_model:
            means = {video: mean_of_tubes(tubes[video]) for video in available}
            without_attention = VideoClasses(labels, predicted_classes(means, classes))
            baselines += [
                ("random tube", seed, _Row(proposed, random_tube, video_classes, classes)),
                (
                    "most confident detection",
                    seed,
                    _Row(proposed, most_confident_detection, video_classes, classes),
                ),
                ("largest tube", seed, _Row(proposed, largest, video_classes, classes)),
                ("no attention", seed, _Row(proposed, random_tube, without_attention, classes)),
            ]
    yield from baselines


def _table_of(data: TestSplit, row: _Row, seed: int) -> pd.DataFrame:
    return corloc_table(
        row.evaluation.overlaps,
        row.choose,
        row.video_classes,
        row.classes,
        row.evaluation.protocol,
        data.settings.iou_thresholds,
        data.settings.resamples,
        seed,
    )


def _log_mean(run: str, table: pd.DataFrame) -> None:
    means = table[table["class"] == "mean"]
    values = "; ".join(f"{row.iou_threshold}: {row.corloc:.3f}" for row in means.itertuples(index=False))
    _LOG.info("%s: CorLoc %s; accuracy %.3f", run, values, means["accuracy"].iloc[0])
