"""Prediction from Python: ``actorsup.load(...)`` once, then ``.predict(path)`` for each video.

A section of ``datasets:`` names a detector, a linker, a trained model and the actors of interest.
``load`` puts them together as the workflow does, and ``predict`` takes a video through the stages'
own functions: the results are those of the workflow.
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

from actorsup.artifacts.atomic import write_whole
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
    """One actor through a video, and what it does.

    Attributes:
        action: The class that it scores highest for.
        score: For that class, in [0, 1].
        class_score: For every class that is predicted of it.
        actor: COCO's name of what it is, such as ``"person"``.
        proposal_score: Of the tube, whatever it does: its seed's detection score.
        interval: First frame, 0-based, and one past the last.
        seconds: When it begins and ends.
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
        video: Its id: the file's name without the extension, unless it was given.
        info: Frames, frames a second, width and height in pixels.
        classes: Names of all classes that the model knows.
        proposals: All P tubes as the workflow's files hold them, those without any class too.
    """

    video: str
    info: VideoInfo
    classes: tuple[str, ...]
    proposals: Tubes

    @cached_property
    def tubes(self) -> tuple[PredictedTube, ...]:
        """The tubes that a class is predicted of, by the score of their best class, descending."""
        found = [self._tube(p) for p in range(len(self.proposals))]
        return tuple(sorted((tube for tube in found if tube), key=lambda tube: -tube.score))

    def __iter__(self) -> Iterator[PredictedTube]:
        return iter(self.tubes)

    def __len__(self) -> int:
        return len(self.tubes)

    def to_json(self) -> str:
        """The video in the form of ``predictions.json``, all its proposals; strict JSON."""
        return json_of([self])

    def save(self, path: str | Path) -> None:
        """Write ``to_json()`` into a file, whole or not at all."""
        write_whole(path, self.to_json())

    def _tube(self, p: int) -> PredictedTube | None:
        tubes = self.proposals
        assert tubes.class_score is not None
        of_classes = zip(self.classes, tubes.class_score[p].tolist(), strict=True)
        known = {name: value for name, value in of_classes if not np.isnan(value)}
        if not known:
            return None
        first, end = map(int, tubes.interval[p])
        action = max(known, key=known.__getitem__)
        return PredictedTube(
            action=action,
            score=known[action],
            class_score=known,
            actor=NAME_OF[int(tubes.actor[p])],
            proposal_score=float(tubes.score[p]),
            interval=(first, end),
            seconds=(first / self.info.fps, end / self.info.fps),
            boxes=tubes.boxes[p, first:end],
        )


def json_of(predictions: Sequence[Prediction]) -> str:
    """Some videos in the form of ``predictions.json``; of one predictor, so of one list of classes."""
    stream = StringIO()
    classes = predictions[0].classes if predictions else ()
    videos = (ScoredVideo.from_tubes(one.video, one.info, one.proposals, classes) for one in predictions)
    write_predictions_json(videos, stream, classes)
    return stream.getvalue()


@dataclass(frozen=True)
class Predictor:
    """A detector, a linker and a trained model, ready for any number of videos; ``load`` makes it.

    Attributes:
        frame_settings: How frames are stored meanwhile.
        limits: What a video may take while it is decoded.
        find: The detector.
        linker: The linker.
        network: The trained model.
        scoring: What the scores of classes are.
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

        Its frames lie in a temporary folder (``TMPDIR``) while it is worked on.

        Args:
            path: A video file, or a folder of images in the order of their numbers.
            video: Its id in what is written; None is the file's name without the extension.

        Raises:
            VideoError: There is no such file, it is no video, or one that cannot be used.
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
    """Load what predicts videos, as a section of ``datasets:`` puts it together.

    The section's videos need not be there. Weights and models that the workflow makes must be made.

    Args:
        dataset: The section: its actors, and its first linker, model and seed.
        linker: Another linker than its first, or a variant: ``"demo_siamese+tubes=5"``.
        model: Another model.
        seed: Another seed.
        device: ``"auto"``, ``"cpu"``, ``"cuda"``, ...; None is the configuration's.
        folder: Where ``config.yaml`` and ``results/`` lie; paths in it are relative to it. While the
            networks are loaded it is the process's current folder.
        configfiles: Laid over ``config.yaml``, as ``--configfile`` does it.

    Raises:
        ConfigError: A mistake in the configuration, or a file that it names is not there.
        DataError: Weights or a model are not made yet, damaged, or of another network or other classes.
    """
    overlays = [Path(path).absolute() for path in configfiles]
    try:
        with chdir(folder):
            chosen = {"linkers": linker, "models": model, "seeds": seed}
            return _load(read_config(overlays), dataset, chosen, device)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise ConfigError(f"folder: {folder}: no such folder; wanted that of config.yaml") from error


def _load(
    config: dict[str, Any], dataset: str, chosen: Mapping[str, str | int | None], device: str | None
) -> Predictor:
    check_config(config)
    first = {key: [value] for key, value in chosen.items() if value is not None}
    # all checks of a configuration hold for what is chosen, variants too
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
    """The classes that a data set's videos are labeled with; none where they are not there."""
    try:
        return plan.dataset(dataset).listing.classes
    except ActorsupError:
        return ()  # a model without such videos beside it is at odds with nothing


def _first(paths: Sequence[str]) -> Path | None:
    return _made(paths[0]) if paths else None


def _made(path: str) -> Path:
    """A file that a rule of the workflow makes, or a user's."""
    if not Path(path).exists():
        raise DataError(f"{path}: not made yet; make it with: snakemake --cores 2 {path}")
    return Path(path)
