"""Attention over tubes and frames (Section 3.2 of the paper, top-k selection), and losses of a video."""

import math
from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

_MIN_PROBABILITY_SUM = 1e-6
"""Sum of class probabilities below which noisy-or equals the sum in float32."""


def tube_logits(frame_logits: Tensor, is_present: Tensor, share: float = 1.0) -> Tensor:
    """Average the logits of each tube over all its frames, or per class over the highest-scoring frames.

    Args:
        frame_logits: (P, N, C) logits of each tube in each frame.
        is_present: (P, N) bool, whether a tube is present in a frame.
        share: Share of the frames of a tube to average, rounded up; 1 averages all frames, as in the paper.

    Returns:
        (P, C) logits of the tubes; 0 for a tube that is absent from all frames.
    """
    num_frames = is_present.sum(1)
    if share == 1:
        total = torch.where(is_present[..., None], frame_logits, 0).sum(1)
        return total / num_frames.clamp(min=1)[:, None]
    num_frames = (num_frames * share).ceil()
    # absent frames are sorted last
    sorted_logits = (
        torch.where(is_present[..., None], frame_logits, -torch.inf).sort(1, descending=True).values
    )
    rank = torch.arange(frame_logits.shape[1], device=frame_logits.device)
    total = torch.where(rank[None, :, None] < num_frames[:, None, None], sorted_logits, 0).sum(1)
    return total / num_frames.clamp(min=1)[:, None]


def topk_mean(logits: Tensor, k: int) -> Tensor:
    """Average the logits of the k highest-scoring tubes of each class (Section 3.2 of the paper).

    The gradient is a binary mask over the selected tubes.

    Args:
        logits: (P, C) logits of P > 0 tubes.
        k: Number of tubes to select; all tubes are selected if P < k.

    Returns:
        (C,) logits of the video.
    """
    return _select_highest(logits, k).mean(0)


def noisy_or(logits: Tensor, k: int) -> Tensor:
    """Combine the k highest-scoring tubes of each class by noisy-or.

    The probability that a class occurs is 1 - prod(1 - p), where p is the sigmoid of the logit of a tube.

    Args:
        logits: (P, C) logits of P > 0 tubes.
        k: Number of tubes to select; all tubes are selected if P < k.

    Returns:
        (C,) logits of the video.
    """
    top_logits = _select_highest(logits, k)
    # -log prod(1 - p)
    neg_log_absence = functional.softplus(top_logits).sum(0)
    clamped_sum = neg_log_absence.clamp(min=_MIN_PROBABILITY_SUM)
    is_large = neg_log_absence > _MIN_PROBABILITY_SUM
    return torch.where(is_large, clamped_sum + torch.log(-torch.expm1(-clamped_sum)), top_logits.logsumexp(0))


def log_sum_exp(logits: Tensor, k: int) -> Tensor:
    """Combine the k highest-scoring tubes of each class by log-mean-exp (Pinheiro and Collobert 2015).

    Args:
        logits: (P, C) logits of P > 0 tubes.
        k: Number of tubes to select; all tubes are selected if P < k.

    Returns:
        (C,) logits of the video.
    """
    top_logits = _select_highest(logits, k)
    return top_logits.logsumexp(0) - math.log(len(top_logits))


def _select_highest(logits: Tensor, k: int) -> Tensor:
    return logits.topk(min(k, len(logits)), dim=0).values


SELECTIONS: dict[str, Callable[[Tensor, int], Tensor]] = {
    "top_k": topk_mean,
    "noisy_or": noisy_or,
    "log_sum_exp": log_sum_exp,
}
"""Functions from tube logits and k to video logits, by value of ``AttentionSettings.selection``."""


def video_loss(logits: Tensor, target: Tensor, label_loss: str) -> Tensor:
    """Return the scalar loss of the logits of a video, given its label (Section 3.2 of the paper).

    Args:
        logits: (C,) logits of the video.
        target: (C,) share of each class in the label; the shares sum to 1.
        label_loss: ``softmax`` for the cross-entropy over the classes; ``sigmoid`` for the sum of the binary
            cross-entropies of the classes, so that several labels do not compete.
    """
    if label_loss == "softmax":
        return functional.cross_entropy(logits, target)
    return functional.binary_cross_entropy_with_logits(logits, (target > 0).to(logits), reduction="sum")


def constant_loss(targets: NDArray[np.float32], label_loss: str) -> float:
    """Return the lowest mean loss of a predictor that ignores its input, which is the entropy of the labels.

    Args:
        targets: (V, C) share of each class in the labels of V videos.
        label_loss: ``softmax`` or ``sigmoid`` (see ``video_loss``).
    """

    def entropy(share: NDArray[np.float64]) -> float:
        return float(-(share * np.log(share, where=share > 0, out=np.zeros_like(share))).sum())

    if label_loss == "softmax":
        return entropy(targets.mean(0, dtype=np.float64))
    share = (targets > 0).mean(0, dtype=np.float64)
    return entropy(share) + entropy(1 - share)


def weight_by_uncertainty(loss: Tensor, log_variance: Tensor) -> Tensor:
    """Weight a loss by the predicted uncertainty of the label: loss / s^2 + log s^2.

    The action of the label may be absent from all sampled tubes and frames (Arnab et al. 2020, after Kendall
    et al. 2018).

    Args:
        loss: Scalar loss of the video.
        log_variance: Scalar log s^2, predicted by the network.
    """
    return loss * torch.exp(-log_variance) + log_variance
