"""Recall and average precision of tubes (Sections 4.1, 4.3, 4.4), and their tables.

A library of its own: it needs numpy, pandas and h5py alone. docs/evaluation.md shows it at work.
"""

from actorsup.evaluation.arrays import ground_truth_tube, predicted_tubes
from actorsup.evaluation.ground_truth import (
    GroundTruthTube,
    GroundTruthTubes,
    read_annotated,
    read_ground_truth,
)
from actorsup.evaluation.measures import (
    average_precision,
    errors,
    frame_average_precision,
    intervals,
    prediction_kinds,
    recall,
)
from actorsup.evaluation.predictions import Predictions, read_predictions, read_proposals
from actorsup.evaluation.protocol import PROTOCOLS, EvaluationProtocol, protocol_named
from actorsup.tubes import Tubes, tube_iou

__all__ = [
    "PROTOCOLS",
    "EvaluationProtocol",
    "GroundTruthTube",
    "GroundTruthTubes",
    "Predictions",
    "Tubes",
    "average_precision",
    "errors",
    "frame_average_precision",
    "ground_truth_tube",
    "intervals",
    "predicted_tubes",
    "prediction_kinds",
    "protocol_named",
    "read_annotated",
    "read_ground_truth",
    "read_predictions",
    "read_proposals",
    "recall",
    "tube_iou",
]
