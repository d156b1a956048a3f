"""Prediction from Python: call ``actorsup.load(...)`` once, then ``predict(path)`` for each video.

A section of ``datasets:`` names a detector, a linker, a trained model and the actors of interest. ``load``
builds them as the workflow does, and ``predict`` calls the functions of the pipeline stages, so that the
predictions equal the predictions of the workflow.
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
from actorsup.attention.scoring import check_classes, compute_logits, prepare_input
from actorsup.attention.scoring_settings import ScoringSettings
from actorsup.attention.tube_scores import score_tubes
from actorsup.coco import NAME_OF
from actorsup.config.read import check_config, read_config
from actorsup.datasets.base import VideoRecord
from actorsup.datasets.contents import FrameNaming
from actorsup.datasets.mot_layout import frames_folder
from actorsup.detection.settings import DetectorSettings
from actorsup.detection.stage import Find, finder
from actorsup.errors import ActorsupError, ConfigError, DataError, VideoError, describe
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
    """Tube of one actor in a video, with the predicted action.

    Attributes:
        action: Name of the action class with the highest score.
        score: Score of ``action``, in [0, 1].
        class_score: Scores of all predicted classes, by class name.
        actor: COCO category of the actor, such as ``"person"``.
        proposal_score: Detection score of the seed of the tube, independent of the action.
        interval: First frame (0-based) and end frame (exclusive).
        seconds: Start and end of the interval in seconds from the first frame, by the timestamps of the
            frames.
        boxes: (M, 4) float32 xyxy in pixels of the source frames, one box per frame of the interval.
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
    """Predicted tubes of one video; iteration yields ``tubes``.

    Attributes:
        video: Video id; by default, the file name without its extension.
        info: Number of frames, frames per second, width and height in pixels, and frame times if the rate
            varies.
        classes: Names of all action classes of the model.
        proposals: All P tubes of the video in the format of the workflow, including tubes without a
            predicted class.
    """

    video: str
    info: VideoInfo
    classes: tuple[str, ...]
    proposals: Tubes

    @cached_property
    def tubes(self) -> tuple[PredictedTube, ...]:
        """Tubes with a predicted class, sorted by ``PredictedTube.score`` in descending order."""
        tubes = (self._tube(index) for index in range(len(self.proposals)))
        return tuple(sorted((tube for tube in tubes if tube), key=lambda tube: -tube.score))

    def __iter__(self) -> Iterator[PredictedTube]:
        return iter(self.tubes)

    def __len__(self) -> int:
        return len(self.tubes)

    def to_json(self) -> str:
        """Return all proposals in the format of ``predictions.json``, as strict JSON."""
        return predictions_to_json([self])

    def save(self, path: str | Path) -> None:
        """Write all proposals to a file in the format of ``predictions.json``; the write is atomic.

        Raises:
            DataError: The file cannot be written.
        """
        write_text_atomically(path, self.to_json())

    def _tube(self, index: int) -> PredictedTube | None:
        tubes = self.proposals
        assert tubes.class_score is not None
        scores = zip(self.classes, tubes.class_score[index].tolist(), strict=True)
        predicted_scores = {name: score for name, score in scores if not np.isnan(score)}
        if not predicted_scores:
            return None
        first, end = map(int, tubes.interval[index])
        action = max(predicted_scores, key=predicted_scores.__getitem__)
        return PredictedTube(
            action=action,
            score=predicted_scores[action],
            class_score=predicted_scores,
            actor=NAME_OF[int(tubes.actor[index])],
            proposal_score=float(tubes.score[index]),
            interval=(first, end),
            seconds=(self.info.seconds(first), self.info.seconds(end)),
            boxes=tubes.boxes[index, first:end],
        )


def predictions_to_json(predictions: Sequence[Prediction]) -> str:
    """Return the predictions of one predictor as strict JSON, in the format of ``predictions.json``."""
    stream = StringIO()
    classes = predictions[0].classes if predictions else ()
    videos = (ScoredVideo.from_tubes(p.video, p.info, p.proposals, classes) for p in predictions)
    write_predictions_json(videos, stream, classes)
    return stream.getvalue()


@dataclass(frozen=True)
class Predictor:
    """Loaded detector, linker and model that predict any number of videos; built by ``load``.

    Attributes:
        frame_settings: Settings of the temporary frame store.
        limits: Limits on the decoding of a video.
        detect: Function that runs the detector on a video.
        linker: Linker that builds tubes from detections.
        network: Trained attention network, in evaluation mode.
        scoring: Settings of the scoring and selection of tubes.
    """

    frame_settings: FrameSettings
    limits: DecodingLimits
    detect: Find
    linker: Linker
    network: ActorAttention
    scoring: ScoringSettings

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the action classes of the model."""
        return tuple(self.network.classes)

    def predict(self, path: str | os.PathLike[str], video: str | None = None, **naming: Any) -> Prediction:
        """Predict the actions and the tubes of the actors in one video.

        The decoded frames are stored in a temporary folder (``TMPDIR``) during prediction.

        Args:
            path: Path of a video file, or of a folder of numbered images.
            video: Video id in the output; None uses the file name without its extension.
            **naming: Attributes of ``FrameNaming`` for a folder of images, such as ``frame_names="img_*"``.

        Raises:
            VideoError: The file does not exist, is not a video, or cannot be used.
        """
        source = Path(path)
        video = video or video_id(source.name) or "video"
        with tempfile.TemporaryDirectory(prefix="actorsup-") as folder:
            frames = Path(folder) / "frames.h5"
            record = VideoRecord(video, frames_folder(source), "", (), FrameNaming(**naming))
            decode_videos([record], frames, self.frame_settings, {"stage": "predict"}, self.limits)
            with FrameStore(frames) as store:
                if video in store.failures:
                    raise VideoError(store.failures[video])
                images = store[video]
                info = VideoInfo(len(images), images.fps, images.width, images.height, images.times)
                linking_input = video, images, self.detect(video, images)
                ((_, _, tubes),) = link_group(self.linker, [linking_input])
                scoring_input = prepare_input(self.network, images, tubes, self.scoring.score_frames)
                (logits,) = compute_logits(self.network, [scoring_input], self.scoring.trim is not None)
                return Prediction(video, info, self.classes, score_tubes(tubes, logits, self.scoring))


def load(
    dataset: str = "demo",
    *,
    linker: str | None = None,
    model: str | None = None,
    seed: int | None = None,
    device: str | None = None,
    folder: str | os.PathLike[str] = ".",
    configfiles: Sequence[str | os.PathLike[str]] = (),
    config: Mapping[str, Any] | None = None,
) -> Predictor:
    """Load the detector, linker and model of a section of ``datasets:``.

    The workflow must have written the weights and the model; the videos of the section may be missing.

    Args:
        dataset: Name of the section of ``datasets:``.
        linker: Name of a linker, or a variant such as ``"demo_siamese+tubes=5"``; None uses the first linker
            of the section.
        model: Name of a model, or a variant; None uses the first model of the section.
        seed: Seed of the model; None uses the first seed of the section.
        device: ``"auto"``, ``"cpu"``, ``"cuda"`` or ``"cuda:1"``; None uses the device of the configuration.
        folder: Working folder, which contains ``results/`` and optionally a ``config.yaml``; paths in the
            configuration are relative to it. It is the working directory of the process during ``load``.
        configfiles: Configuration files that override ``config.yaml``, as ``--configfile`` does.
        config: Settings that override the files, as ``--config`` does.

    Raises:
        ConfigError: The configuration is invalid, or names a file that does not exist.
        DataError: A weights or model file is missing or damaged, or belongs to a different network or to
            different classes.
    """
    overlays = [Path(path).absolute() for path in configfiles]
    try:
        with chdir(folder):
            choices = {"linkers": linker, "models": model, "seeds": seed}
            return _load(read_config(overlays, config), dataset, choices, device)
    except OSError as error:
        if Path(folder).is_dir():
            raise DataError(describe(error) or str(error)) from error
        raise ConfigError(f"folder: {folder}: no such folder; wanted the folder of results/") from error


def _load(
    config: dict[str, Any], dataset: str, choices: Mapping[str, str | int | None], device: str | None
) -> Predictor:
    check_config(config)
    chosen_settings = {key: [value] for key, value in choices.items() if value is not None}
    # Plan also checks these names, and resolves variants
    sections = {
        name: {**section, **(chosen_settings if name == dataset else {})}
        for name, section in config["datasets"].items()
    }
    plan = Plan({**config, "datasets": sections, **({"device": device} if device else {})})
    section = plan.dataset(dataset).section
    linker, model, seed = (section[key][0] for key in ("linkers", "models", "seeds"))
    networks = plan.networks
    device_name, detector = str(plan.config["device"]), networks.detector_of(linker)
    network = load_model(_existing_file(plan.model_file(dataset, linker, model, seed)))
    if model_file := networks.trained_model(model):
        check_classes(Path(model_file), network.classes, _classes(plan, dataset))
    return Predictor(
        FrameSettings(**plan.frame_settings),
        DecodingLimits(**plan.decoding_limits),
        finder(
            DetectorSettings.of_section(networks.settings("detectors", detector)),
            section["actors"],
            _first_file(networks.detector_weights(detector)),
            device_name,
        ),
        build_linker(
            LinkerSettings.of_section(networks.settings("linkers", linker)),
            _first_file(networks.linker_weights(linker)),
            device_name,
        ),
        network.to(resolve_device(device_name)),
        ScoringSettings(**networks.scoring_settings(model)),
    )


def _classes(plan: Plan, dataset: str) -> Sequence[str]:
    """Return the class names of a data set; empty if its videos are missing."""
    try:
        return plan.dataset(dataset).listing.classes
    except ActorsupError:
        return ()  # without labels, the classes of the model cannot be checked


def _first_file(paths: Sequence[str]) -> Path | None:
    return _existing_file(paths[0]) if paths else None


def _existing_file(path: str) -> Path:
    if not Path(path).exists():
        raise DataError(f"{path}: does not exist yet; make it with: snakemake --cores 2 {path}")
    return Path(path)
