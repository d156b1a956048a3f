"""Choice of the main actor: is the tube that is chosen for a video's action on the person who acts?

CorLoc over all classes mixes two questions: which class a video has, and who acts. This measure asks only the
second one. For videos of the classes that you name, such as those in which one of two people acts, it takes
the tube with the highest score for the video's true class among the proposals on a person, and checks whether
it is the annotated actor.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from actorsup.coco import category_ids
from actorsup.evaluation.bootstrap import draw_resamples, percentile_interval
from actorsup.evaluation.corloc import (
    Choice,
    best_tube,
    largest_tube,
    localization_probability,
    most_confident_detection,
    random_tube,
)
from actorsup.evaluation.matching import VideoOverlap, overlaps
from actorsup.evaluation.measures import Evaluation
from actorsup.evaluation.ranking import divide
from actorsup.tubes import Tubes

BEST, BEST_WITH_PRIOR = "best tube", "best tube with prior"


def main_actor_choices(
    predictions: Evaluation,
    proposals: Evaluation,
    classes: Sequence[str],
    threshold: float = 0.5,
    category: str | None = None,
) -> pd.DataFrame:
    """Compute how often each way of choosing a tube finds the main actor, for each video.

    Args:
        predictions: Scored tubes of the videos, with their ground truth.
        proposals: Tubes of the same videos before scoring, for the choices without a model.
        classes: Names of the classes whose ground truth is the main actor.
        threshold: IoU with the ground truth from which a tube is the actor.
        category: COCO category of the proposals that count, such as ``person``; None if all do.

    Returns:
        A row for each video and named class in its ground truth, with the columns ``video``, ``class`` and,
        for each choice, the probability that it is the actor: ``best tube`` (highest score for the class),
        ``best tube with prior`` (highest score for the class times detection score), ``random tube``,
        ``most confident detection`` and ``largest tube``.

    Raises:
        ConfigError: The category is unknown, or ``predictions`` are proposals.
    """
    videos, scored = _restrict(predictions, classes, category)
    videos_of_proposals, proposed = _restrict(proposals, classes, category)
    prior = {video: tubes.score for video, tubes in scored.items()}
    names, protocol = predictions.classes, predictions.protocol
    choices: Mapping[str, tuple[Sequence[VideoOverlap], Choice]] = {
        BEST: (videos, best_tube(names)),
        BEST_WITH_PRIOR: (videos, best_tube(names, prior)),
        "random tube": (videos_of_proposals, random_tube),
        "most confident detection": (videos_of_proposals, most_confident_detection),
        "largest tube": (videos_of_proposals, largest_tube(proposed)),
    }
    tables = []
    for action in classes:
        columns: dict[str, object] = {"video": [video.video for video in videos], "class": action}
        for name, (overlaps_of_videos, choose) in choices.items():
            probability = localization_probability(overlaps_of_videos, action, choose, protocol, [threshold])
            columns[name] = probability[:, 0]
        tables.append(pd.DataFrame(columns).dropna())
    return pd.concat(tables, ignore_index=True)


def main_actor_intervals(
    choices: pd.DataFrame, reference: str = "random tube", resamples: int = 1000, seed: int = 0
) -> pd.DataFrame:
    """Average the choices of the main actor over videos, with 95 % intervals from resampling the videos.

    Args:
        choices: Table from ``main_actor_choices``; you may add columns of other choices.
        reference: Choice that each other one is compared with; the difference is paired by video.
        resamples: Number of resamples.
        seed: Seed of the random generator.

    Returns:
        A table with the columns ``class`` (``all`` for the videos of all classes), ``choice``, ``value``,
        ``low``, ``high``, ``difference``, ``difference_low``, ``difference_high`` and ``videos``.
    """
    names = [name for name in choices if name not in ("video", "class")]
    rows = []
    for action in [*choices["class"].unique(), "all"]:
        group = choices if action == "all" else choices[choices["class"] == action]
        values = group[names].to_numpy(float)
        codes, videos = pd.factorize(group["video"])
        samples = _resample(values, codes, len(videos), resamples, seed)
        base = names.index(reference)
        for column, name in enumerate(names):
            difference = samples[:, column] - samples[:, base]
            mean, mean_of_base = values[:, column].mean(), values[:, base].mean()
            rows.append(
                (action, name, mean, *percentile_interval(samples[:, column]), mean - mean_of_base,
                 *percentile_interval(difference), len(videos))
            )  # fmt: skip
    columns = ["class", "choice", "value", "low", "high"]
    return pd.DataFrame(rows, columns=[*columns, "difference", "difference_low", "difference_high", "videos"])


def _resample(
    values: NDArray[np.float64], codes: NDArray[np.int64], num_videos: int, resamples: int, seed: int
) -> NDArray[np.float64]:
    """Return the means (B, columns) of the rows in B resamples of videos; ``codes`` is each row's video."""
    batches = [np.zeros((0, values.shape[1]))]
    for weights in draw_resamples(num_videos, resamples, seed, values.size) if num_videos else ():
        weight_of_row = weights[:, codes].astype(float)
        batches.append(divide(weight_of_row @ values, weight_of_row.sum(1)[:, None]))
    return np.concatenate(batches)


def _restrict(
    evaluation: Evaluation, classes: Sequence[str], category: str | None
) -> tuple[list[VideoOverlap], dict[str, Tubes]]:
    """Return the videos with ground truth of some classes, and their tubes of a category."""
    truth, tubes = evaluation.ground_truth, evaluation.tubes
    videos = [
        video for video in evaluation.videos
        if any(tube.action in classes for tube in truth.get(video, ()))
    ]  # fmt: skip
    chosen = {video: tubes[video] for video in videos if video in tubes}
    if category is not None:
        (number,) = category_ids([category])
        chosen = {video: each.chosen(each.actor == number) for video, each in chosen.items()}
    return overlaps(videos, chosen, truth, evaluation.annotated, evaluation.protocol), chosen
