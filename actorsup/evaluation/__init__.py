"""Recall and average precision of tubes (Sections 4.1, 4.3 and 4.4 of the paper).

Programs can use this package without the rest of actorsup; it needs only numpy, pandas and h5py.
docs/evaluation.md has an example.
"""

from actorsup.evaluation.arrays import ground_truth_tube, predicted_tubes
from actorsup.evaluation.corloc import (
    VideoClasses,
    best_tube,
    corloc_table,
    largest_tube,
    most_confident_detection,
    predicted_classes,
    random_tube,
)
from actorsup.evaluation.ground_truth import (
    GroundTruthTube,
    GroundTruthTubes,
    read_annotated,
    read_ground_truth,
)
from actorsup.evaluation.main_actor import main_actor_choices, main_actor_intervals
from actorsup.evaluation.measures import (
    Evaluation,
    average_precision,
    confidence_intervals,
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
    "Evaluation",
    "EvaluationProtocol",
    "GroundTruthTube",
    "GroundTruthTubes",
    "Predictions",
    "Tubes",
    "VideoClasses",
    "average_precision",
    "best_tube",
    "confidence_intervals",
    "corloc_table",
    "errors",
    "frame_average_precision",
    "ground_truth_tube",
    "intervals",
    "largest_tube",
    "main_actor_choices",
    "main_actor_intervals",
    "most_confident_detection",
    "predicted_classes",
    "predicted_tubes",
    "prediction_kinds",
    "protocol_named",
    "random_tube",
    "read_annotated",
    "read_ground_truth",
    "read_predictions",
    "read_proposals",
    "recall",
    "tube_iou",
]
