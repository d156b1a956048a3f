"""Presets: the settings that ``attention:`` in a ``models:`` section stands for."""

from collections.abc import Mapping
from typing import Any

PRESETS: Mapping[str, Mapping[str, Any]] = {
    "paper": {},
    "best": {
        "label_loss": "sigmoid",
        "class_score": "class",
        "score_frames": 32,
        "trim": 0.3,
        "nms_iou": 0.3,
    },
}
"""``paper`` changes no default; ``best`` is what docs/attention.md has measured to help."""


def with_preset(section: Mapping[str, Any]) -> dict[str, Any]:
    """Return a ``models:`` section with its preset written out; its own settings override the preset."""
    own = {key: value for key, value in section.items() if key != "attention"}
    return {**PRESETS[section.get("attention", "paper")], **own}
