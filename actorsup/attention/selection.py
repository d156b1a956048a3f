"""Attention over tubes and frames (Section 3.2, top-k selection), and the losses of a video."""

import math
from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

_SMALL = 1e-6
"""Sum of probabilities below which it equals the probability of any of them, in float32."""


def tube_logits(frame_logits: Tensor, present: Tensor, share: float = 1.0) -> Tensor:
    """Average the logits of each tube over its frames, or for each class over its highest frames.

    Args:
        frame_logits: (P, N, C) logits of each tube in each frame.
        present: (P, N) bool, whether the tube is in the frame.
        share: Share of the frames of a tube that are averaged, rounded up; 1 is the paper's
            average over time.

    Returns:
        (P, C), 0 for a tube that is in no frame.
    """
    count = present.sum(1)
    if share == 1:
        total = torch.where(present[..., None], frame_logits, 0).sum(1)
        return total / count.clamp(min=1)[:, None]
    count = (count * share).ceil()
    # absent frames are sorted last
    ordered = torch.where(present[..., None], frame_logits, -torch.inf).sort(1, descending=True).values
    rank = torch.arange(frame_logits.shape[1], device=frame_logits.device)
    total = torch.where(rank[None, :, None] < count[:, None, None], ordered, 0).sum(1)
    return total / count.clamp(min=1)[:, None]


def topk_mean(logits: Tensor, k: int) -> Tensor:
    """Average, for each class, the k highest tubes (Section 3.2, top-k selection).

    The gradient is a binary mask over the selected tubes.

    Args:
        logits: (P, C) logits of at least one tube.
        k: Number of tubes to select; all of them if there are fewer.

    Returns:
        (C,), the logits of the video.
    """
    return _highest(logits, k).mean(0)


def noisy_or(logits: Tensor, k: int) -> Tensor:
    """Combine the k highest tubes by noisy-or: a class occurs if any tube shows it, 1 - prod(1 - p).

    Arguments and result as in ``topk_mean``; p is the sigmoid of a logit.
    """
    highest = _highest(logits, k)
    # -log prod(1 - p)
    none = functional.softplus(highest).sum(0)
    clamped = none.clamp(min=_SMALL)
    return torch.where(none > _SMALL, clamped + torch.log(-torch.expm1(-clamped)), highest.logsumexp(0))


def log_sum_exp(logits: Tensor, k: int) -> Tensor:
    """Combine the k highest tubes by a soft maximum, the log of their mean exp (Pinheiro and Collobert 2015).

    Arguments and result as in ``topk_mean``.
    """
    highest = _highest(logits, k)
    return highest.logsumexp(0) - math.log(len(highest))


def _highest(logits: Tensor, k: int) -> Tensor:
    return logits.topk(min(k, len(logits)), dim=0).values


SELECTIONS: dict[str, Callable[[Tensor, int], Tensor]] = {
    "top_k": topk_mean,
    "noisy_or": noisy_or,
    "log_sum_exp": log_sum_exp,
}
"""Functions from the logits of tubes to the logits of their video, by ``AttentionSettings.selection``."""


def video_loss(logits: Tensor, target: Tensor, label_loss: str) -> Tensor:
    """Return the loss of the logits of a video against its label (Section 3.2): a scalar.

    Args:
        logits: (C,).
        target: (C,) the share of each class in the label; they sum to 1.
        label_loss: ``softmax`` for the cross-entropy over the classes; ``sigmoid`` for the sum of a binary
            cross-entropy of each class, so that several labels do not compete.
    """
    if label_loss == "softmax":
        return functional.cross_entropy(logits, target)
    return functional.binary_cross_entropy_with_logits(logits, (target > 0).to(logits), reduction="sum")


def constant_loss(targets: NDArray[np.float32], label_loss: str) -> float:
    """Return the lowest mean loss of a predictor that ignores its input: the entropy of the labels.

    Args:
        targets: (V, C) the share of each class in the labels of V videos.
        label_loss: As in ``video_loss``.
    """

    def entropy(share: NDArray[np.float64]) -> float:
        return float(-(share * np.log(share, where=share > 0, out=np.zeros_like(share))).sum())

    if label_loss == "softmax":
        return entropy(targets.mean(0, dtype=np.float64))
    share = (targets > 0).mean(0, dtype=np.float64)
    return entropy(share) + entropy(1 - share)


def uncertain_loss(loss: Tensor, log_variance: Tensor) -> Tensor:
    """Weight a loss by the predicted uncertainty of its label: loss / s^2 + log s^2.

    The label of a video may hold for none of the sampled tubes and frames (Arnab et al. 2020, after Kendall
    et al. 2018).

    Args:
        loss: Scalar.
        log_variance: Scalar, log s^2 as the network predicts it.
    """
    return loss * torch.exp(-log_variance) + log_variance
