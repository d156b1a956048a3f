"""Prediction from Python: ``actorsup.load(...)`` once, then ``.predict(path)`` for each video.

A section of ``datasets:`` names a detector, a linker, a trained model and the actors of interest. ``load``
builds them as the workflow does, and ``predict`` calls the functions of the stages, so that the results are
those of the workflow.
"""

import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import chdir
from dataclasses import dataclass
from functools import cached_property
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from actorsup.artifacts.atomic import write_text_atomically
from actorsup.artifacts.tube_files import VideoInfo
from actorsup.attention.model import ActorAttention, load_model
from actorsup.attention.scoring import check_classes, logits_of, prepare
from actorsup.attention.scoring_settings import ScoringSettings
from actorsup.attention.tube_scores import scored
from actorsup.coco import NAME_OF
from actorsup.config.read import check_config, read_config
from actorsup.datasets.base import VideoRecord
from actorsup.detection.settings import DetectorSettings
from actorsup.detection.stage import Find, finder
from actorsup.errors import ActorsupError, ConfigError, DataError, VideoError
from actorsup.formats.predictions_json import ScoredVideo, write_predictions_json
from actorsup.formats.video_ids import video_id
from actorsup.frames.settings import DecodingLimits, FrameSettings
from actorsup.frames.stage import decode_videos
from actorsup.frames.store import FrameStore
from actorsup.linking.base import Linker
from actorsup.linking.settings import LinkerSettings
from actorsup.linking.stage import build_linker, link_group
from actorsup.training.devices import resolve_device
from actorsup.tubes import Tubes
from actorsup.workflow.plan import Plan


@dataclass(frozen=True)
class PredictedTube:
    """One actor through a video, and its action.

    Attributes:
        action: The class with the highest score.
        score: The score of this class, in [0, 1].
        class_score: The scores of all predicted classes.
        actor: The COCO category of the actor, such as ``"person"``.
        proposal_score: The detection score of the tube's seed, independent of the action.
        interval: First frame, 0-based, and one past the last.
        seconds: Begin and end.
        boxes: (M, 4) float32 xyxy in pixels of the video, one for each frame of the interval.
    """

    action: str
    score: float
    class_score: Mapping[str, float]
    actor: str
    proposal_score: float
    interval: tuple[int, int]
    seconds: tuple[float, float]
    boxes: NDArray[np.float32]


@dataclass(frozen=True)
class Prediction:
    """Who does what, where and when in one video. Iterating gives its tubes, best first.

    Attributes:
        video: Video id: by default, the file name without its extension.
        info: Number of frames, frames per second, width and height in pixels.
        classes: Names of all classes that the model knows.
        proposals: All P tubes as in the workflow's files, including those without a predicted class.
    """

    video: str
    info: VideoInfo
    classes: tuple[str, ...]
    proposals: Tubes

    @cached_property
    def tubes(self) -> tuple[PredictedTube, ...]:
        """The tubes with a predicted class, sorted by the score of their best class, descending."""
        tubes = (self._tube(p) for p in range(len(self.proposals)))
        return tuple(sorted((tube for tube in tubes if tube), key=lambda tube: -tube.score))

    def __iter__(self) -> Iterator[PredictedTube]:
        return iter(self.tubes)

    def __len__(self) -> int:
        return len(self.tubes)

    def to_json(self) -> str:
        """Return all proposals in the format of ``predictions.json``, as strict JSON."""
        return json_of([self])

    def save(self, path: str | Path) -> None:
        """Write ``to_json()`` to a file, complete or not at all."""
        write_text_atomically(path, self.to_json())

    def _tube(self, p: int) -> PredictedTube | None:
        tubes = self.proposals
        assert tubes.class_score is not None
        scores = zip(self.classes, tubes.class_score[p].tolist(), strict=True)
        predicted = {name: score for name, score in scores if not np.isnan(score)}
        if not predicted:
            return None
        first, end = map(int, tubes.interval[p])
        action = max(predicted, key=predicted.__getitem__)
        return PredictedTube(
            action=action,
            score=predicted[action],
            class_score=predicted,
            actor=NAME_OF[int(tubes.actor[p])],
            proposal_score=float(tubes.score[p]),
            interval=(first, end),
            seconds=(first / self.info.fps, end / self.info.fps),
            boxes=tubes.boxes[p, first:end],
        )


def json_of(predictions: Sequence[Prediction]) -> str:
    """Return predictions of one predictor in the format of ``predictions.json``."""
    stream = StringIO()
    classes = predictions[0].classes if predictions else ()
    videos = (ScoredVideo.from_tubes(one.video, one.info, one.proposals, classes) for one in predictions)
    write_predictions_json(videos, stream, classes)
    return stream.getvalue()


@dataclass(frozen=True)
class Predictor:
    """A detector, a linker and a trained model, ready for any number of videos; ``load`` builds one.

    Attributes:
        frame_settings: How frames are stored temporarily.
        limits: Limits on the decoding of a video.
        find: The detector.
        linker: The linker.
        network: The trained model.
        scoring: How tubes are scored and which are predicted.
    """

    frame_settings: FrameSettings
    limits: DecodingLimits
    find: Find
    linker: Linker
    network: ActorAttention
    scoring: ScoringSettings

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes that the model knows."""
        return tuple(self.network.classes)

    def predict(self, path: str | os.PathLike[str], video: str | None = None) -> Prediction:
        """Find who does what, where and when in a video.

        Its frames are stored in a temporary folder (``TMPDIR``) during prediction.

        Args:
            path: A video file, or a folder of numbered images.
            video: Video id in the output; None is the file name without its extension.

        Raises:
            VideoError: The file does not exist, is not a video, or cannot be used.
        """
        where = Path(path)
        video = video or video_id(where.name) or "video"
        with tempfile.TemporaryDirectory(prefix="actorsup-") as folder:
            frames = Path(folder) / "frames.h5"
            record = VideoRecord(video, where, "", ())
            decode_videos([record], frames, self.frame_settings, {"stage": "predict"}, self.limits)
            with FrameStore(frames) as store:
                if video in store.failures:
                    raise VideoError(store.failures[video])
                images = store[video]
                info = VideoInfo(len(images), images.fps, images.width, images.height)
                job = video, images, self.find(video, images)
                ((_, _, tubes),) = link_group(self.linker, [job])
                seen = prepare(self.network, images, tubes, self.scoring.score_frames)
                (logits,) = logits_of(self.network, [seen], self.scoring.trim is not None)
                return Prediction(video, info, self.classes, scored(tubes, logits, self.scoring))


def load(
    dataset: str = "demo",
    *,
    linker: str | None = None,
    model: str | None = None,
    seed: int | None = None,
    device: str | None = None,
    folder: str | os.PathLike[str] = ".",
    configfiles: Sequence[str | os.PathLike[str]] = (),
) -> Predictor:
    """Load the predictor of a section of ``datasets:``.

    The videos of the section are not needed. The workflow must have made its weights and models.

    Args:
        dataset: The section, with its actors and its first linker, model and seed.
        linker: Another linker than the first, or a variant: ``"demo_siamese+tubes=5"``.
        model: Another model than the first, or a variant.
        seed: Another seed than the first.
        device: ``"auto"``, ``"cpu"``, ``"cuda"``, ...; None uses the configuration.
        folder: The folder of ``config.yaml`` and ``results/``; paths in ``config.yaml`` are relative to it.
            It is the current folder of the process while the networks are loaded.
        configfiles: Files that override ``config.yaml``, as ``--configfile`` does.

    Raises:
        ConfigError: The configuration has a mistake, or names a file that does not exist.
        DataError: Weights or a model are missing, damaged, or of another network or other classes.
    """
    overlays = [Path(path).absolute() for path in configfiles]
    try:
        with chdir(folder):
            chosen = {"linkers": linker, "models": model, "seeds": seed}
            return _load(read_config(overlays), dataset, chosen, device)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise ConfigError(f"folder: {folder}: no such folder; wanted the folder of config.yaml") from error


def _load(
    config: dict[str, Any], dataset: str, chosen: Mapping[str, str | int | None], device: str | None
) -> Predictor:
    check_config(config)
    first = {key: [value] for key, value in chosen.items() if value is not None}
    # the plan checks the chosen names too, and builds variants
    sections = {
        name: {**section, **(first if name == dataset else {})}
        for name, section in config["datasets"].items()
    }
    plan = Plan({**config, "datasets": sections, **({"device": device} if device else {})})
    section = plan.dataset(dataset).section
    linker, model, seed = (section[key][0] for key in ("linkers", "models", "seeds"))
    networks = plan.networks
    where, detector = str(plan.config["device"]), networks.detector_of(linker)
    network = load_model(_made(plan.model_file(dataset, linker, model, seed)))
    if trained := networks.trained_model(model):
        check_classes(Path(trained), network.classes, _classes(plan, dataset))
    return Predictor(
        FrameSettings(**plan.frame_settings),
        DecodingLimits(**plan.decoding_limits),
        finder(
            DetectorSettings.of_section(networks.settings("detectors", detector)),
            section["actors"],
            _first(networks.detector_weights(detector)),
            where,
        ),
        build_linker(
            LinkerSettings.of_section(networks.settings("linkers", linker)),
            _first(networks.linker_weights(linker)),
            where,
        ),
        network.to(resolve_device(where)),
        ScoringSettings(**networks.scoring_settings(model)),
    )


def _classes(plan: Plan, dataset: str) -> Sequence[str]:
    """Return the classes of the labels of a data set; none if its videos are missing."""
    try:
        return plan.dataset(dataset).listing.classes
    except ActorsupError:
        return ()  # without videos there is nothing that the model could contradict


def _first(paths: Sequence[str]) -> Path | None:
    return _made(paths[0]) if paths else None


def _made(path: str) -> Path:
    if not Path(path).exists():
        raise DataError(f"{path}: does not exist yet; make it with: snakemake --cores 2 {path}")
    return Path(path)
