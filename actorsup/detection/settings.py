"""Settings of actor detectors and of their training."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Self


@dataclass(frozen=True)
class DetectorSettings:
    """One section of ``detectors:``.

    Attributes:
        type: ``torchvision``, ``yolox``, ``small_ssd`` or ``supplied``.
        model: torchvision's name of the model, for the type ``torchvision``.
        weights: Where the weights come from; what fetches or trains them reads it.
        path: The file of the type ``supplied``.
        min_score: Detections below it are dropped, in [0, 1]. The paper does not give it.
        nms_iou: Of two detections of one category that overlap more, the better stays. The paper does
            not give it.
        batch: Frames at once.
        options: Settings of a type that another package adds, by name.
    """

    type: str = "torchvision"
    model: str = "ssd300_vgg16"
    weights: str = "published"
    path: str = ""
    min_score: float = 0.1
    nms_iou: float = 0.6
    batch: int = 8
    options: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of_section(cls, section: Mapping[str, Any]) -> Self:
        """Of a section; what is no field of this class is an option of a type that another package adds."""
        names = {each.name for each in fields(cls)} - {"options"}
        options = {key: value for key, value in section.items() if key not in names}
        return cls(**{key: section[key] for key in section.keys() & names}, options=options)


@dataclass(frozen=True)
class DetectorTrainingSettings:
    """How a detector is trained on stills with boxes.

    Attributes:
        model: ``small_ssd``, or torchvision's name of a detection model.
        width: Pixels that ``small_ssd`` resizes images to; other models know their own size.
        height: Likewise.
        epochs: Times that every still is seen.
        batch: Stills of a step.
        learning_rate: Of AdamW, at its highest: it rises over the first twentieth of the steps
            and falls to 0 along a cosine.
        weight_decay: Of AdamW.
        flip: Probability of a horizontal flip.
        crop: Smallest side of a random crop, of the image's side; 1 is no crop.
        jitter: Largest change of brightness and contrast, of their range.
    """

    model: str = "small_ssd"
    width: int = 160
    height: int = 120
    epochs: int = 10
    batch: int = 16
    learning_rate: float = 0.003
    weight_decay: float = 0.01
    flip: float = 0.5
    crop: float = 0.7
    jitter: float = 0.2

    @classmethod
    def of_section(cls, section: Mapping[str, Any]) -> Self:
        """Of a section of ``detectors:``, whose ``training:`` holds what differs from the defaults."""
        trains = "small_ssd" if section["type"] == "small_ssd" else section.get("model", "ssd300_vgg16")
        return cls(model=trains, **section.get("training", {}))
