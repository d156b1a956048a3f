"""The whole configuration, and the model of each section."""

import re
from collections.abc import Mapping
from dataclasses import field
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field

from actorsup.attention.scoring_settings import SCORING_RULES, ScoringSettings
from actorsup.attention.settings import AttentionSettings
from actorsup.config.fields import (
    Boolean,
    Count,
    Name,
    Names,
    Natural,
    NonNegative,
    Number,
    Seeds,
    affects,
    settings,
)
from actorsup.config.messages import listed
from actorsup.datasets.readers import DATASETS
from actorsup.detection.detectors import DETECTORS
from actorsup.errors import ConfigError
from actorsup.evaluation.settings import EvaluationSettings
from actorsup.frames.settings import DecodingLimits, FrameSettings
from actorsup.linking.linkers import LINKERS
from actorsup.linking.trackers import TRACKERS
from actorsup.registry import Registry
from actorsup.report.settings import ReportSettings
from actorsup.training.settings import TrainingSection

REGISTRIES: dict[str, tuple[Registry[Any], ...]] = {
    "datasets": (DATASETS,),
    "detectors": (DETECTORS,),
    "linkers": (TRACKERS, LINKERS),
}
"""Sections whose ``type`` selects their settings, and the registries of the types."""
KINDS = (*REGISTRIES, "models", "ablations")
"""Sections that hold named sections."""
_SEED = affects(
    "make_demo_videos", "make_demo_images", "make_demo_sequences", "write_video_table", "decode_frames",
    "write_ground_truth", "write_annotated_frames", "train_detector", "train_siamese", "train_attention",
    "evaluate_intervals", "evaluate_corloc", "make_gallery", indirect=True,
)  # fmt: skip
_PAPER = affects("write_paper_item", "paper_tables", "write_report", indirect=True)
_SECTIONS = affects(indirect=True)


@settings
class FramesSection(DecodingLimits, FrameSettings):
    """The section ``frames:``."""

    keep: Annotated[Boolean, affects()] = True
    """Whether to keep decoded frames. false deletes them once no planned job needs them; a later job that
    needs them decodes again."""


@settings
class ScoredSection(ScoringSettings):
    """What every ``models:`` section has."""

    attention: Annotated[
        Literal["paper", "best"],
        affects("train_attention", *SCORING_RULES, indirect=True),
    ] = "paper"
    """Defaults of the section: ``paper``, or ``best``, the choices beyond the paper that help
    (docs/attention.md)."""


@settings
class ModelSection(AttentionSettings, ScoredSection):
    """A ``models:`` section that is trained."""


@settings
class TrainedSection(ScoredSection):
    """A ``models:`` section of a model that is already trained. It has only the settings of scoring."""

    trained: Annotated[str, affects("score_tubes", "score_training_videos", indirect=True)] = field(
        kw_only=True
    )
    """File of a trained model, such as ``results/demo/models/demo_siamese/demo/seed0.pt``. The data set needs
    no labels."""


@settings
class AblationSection:
    """A section of ``ablations:``: what one table compares. null is what the data set lists."""

    linkers: Annotated[Names | None, affects("evaluate_ablation", indirect=True)] = None
    """Linkers, or variants of them such as ``siamese+scales=1``; null: those of the data set."""
    models: Annotated[Names | None, affects("evaluate_ablation", indirect=True)] = None
    """Models, or variants of them such as ``paper+k=1``; null: those of the data set."""
    seeds: Annotated[Seeds | None, affects("evaluate_ablation", indirect=True)] = None
    """Seeds of training; null: those of the data set."""


@settings
class PaperSection:
    """The section ``paper:``: the data sets and linkers of the paper's tables and figures."""

    ucf_sports: Annotated[Name, _PAPER] = "ucf_sports"
    """Section of ``datasets:`` that is UCF Sports. Without that section, the tables omit the data set."""
    thumos13: Annotated[Name, _PAPER] = "thumos13"
    """Section of ``datasets:`` that is THUMOS13."""
    a2d: Annotated[Name, _PAPER] = "a2d"
    """Section of ``datasets:`` that is A2D."""
    linkers: Annotated[
        Names, Field(min_length=2), affects("evaluate_linking", "write_paper_item", indirect=True)
    ] = field(default_factory=lambda: ["siamese", "viterbi"])
    """Linkers whose recall is compared: the first with each of the others. Paper: 4.3."""


@settings
class ExportSettings:
    """The section ``exports:``: tubes for other tools."""

    top: Annotated[Count | None, affects("export_tubes")] = 3
    """Maximum number of tubes per video, by the score of their best class; null: all."""
    min_score: Annotated[Number, affects("export_tubes")] = 0.0
    """Tubes whose best class scores lower are left out."""
    tolerance: Annotated[NonNegative, affects("export_tubes")] = 1.0
    """Maximum error of boxes that CVAT interpolates between keyframes; 0: every box is a keyframe. Unit:
    pixels."""


def _device(name: str) -> str:
    if not re.fullmatch(r"auto|cpu|cuda(:[0-9]+)?", name):
        raise ValueError(f"{name!r} is not allowed; {listed(['auto', 'cpu', 'cuda', 'cuda:1'], name)}")
    return name


@settings
class Configuration:
    """The whole configuration."""

    seed: Annotated[Natural, _SEED]
    """Seed of all random numbers, also of the demo's videos; the training of a model adds its own of
    ``datasets.NAME.seeds``."""
    device: Annotated[str, AfterValidator(_device), affects()]
    """``auto`` (a GPU if there is one), ``cpu``, ``cuda``, ``cuda:1``, ..."""
    datasets: Annotated[dict[Any, Any], _SECTIONS]
    """Data sets, each under a name of your choice: the folder of its results is ``results/NAME``."""
    frames: Annotated[FramesSection, _SECTIONS]
    """How videos are decoded and their frames stored (docs/frames.md)."""
    detectors: Annotated[dict[Any, Any], _SECTIONS]
    """Actor detectors, each under a name of your choice."""
    linkers: Annotated[dict[Any, Any], _SECTIONS]
    """Linkers, which turn detections into tubes (docs/linking.md), each under a name of your choice.
    Constants of the type ``siamese`` for which the paper is not named are those of SiamFC (Bertinetto et al.
    2016)."""
    models: Annotated[dict[Any, Any], _SECTIONS]
    """Actor attention models (docs/attention.md), each under a name of your choice."""
    evaluation: Annotated[EvaluationSettings, _SECTIONS]
    """How tubes are compared with the ground truth (docs/evaluation.md)."""
    training: Annotated[TrainingSection, _SECTIONS] = field(default_factory=TrainingSection)
    """How training jobs run. No change trains a model again."""
    ablations: Annotated[dict[Any, Any], _SECTIONS] = field(default_factory=dict)
    """Comparisons, each under a name of your choice; one table each, with the spread over seeds."""
    report: Annotated[ReportSettings, _SECTIONS] = field(default_factory=ReportSettings)
    """The report page and drawn videos."""
    paper: Annotated[PaperSection, _SECTIONS] = field(default_factory=PaperSection)
    """Data sets and linkers of the paper's tables and figures (docs/paper.md)."""
    exports: Annotated[ExportSettings, _SECTIONS] = field(default_factory=ExportSettings)
    """Tubes for annotation tools (docs/exchange.md)."""


def model_of(kind: str, section: Any, where: str) -> Any:
    """Return the settings class of a named section.

    Args:
        kind: ``datasets``, ``detectors``, ``linkers``, ``models`` or ``ablations``.
        section: The keys that a user gives.
        where: Name of the section in messages.

    Raises:
        ConfigError: The type is missing or unknown.
    """
    section = section if isinstance(section, Mapping) else {}
    if kind == "models":
        return TrainedSection if "trained" in section else ModelSection
    if kind == "ablations":
        return AblationSection
    if not section:
        return next(iter(REGISTRIES[kind][0].values())).section
    if "type" not in section:
        raise ConfigError(f"{where}: the key 'type' is missing")
    name = section["type"]
    for registry in REGISTRIES[kind]:
        if name in registry:
            return registry[name].section
    allowed = [name for registry in REGISTRIES[kind] for name in registry]
    raise ConfigError(f"{where}.type: {name!r} is not allowed; {listed(allowed, str(name))}")
