"""Which tubes and frames a class attends to (Section 3.2, top-k selection), and what comes after it."""

import math
from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from actorsup.attention.settings import AttentionSettings

_FEW = 1e-6
"""Chances below which their sum is the chance of any of them, to float32's precision."""


def tube_logits(frame_logits: Tensor, present: Tensor, share: float = 1.0) -> Tensor:
    """Logits of tubes: of each class, the mean over a tube's frames, or over the highest of them.

    Args:
        frame_logits: (P, N, C) of each tube in each frame.
        present: (P, N) whether it is there.
        share: Of the frames that it is in, rounded up; 1 is the paper's average over time.

    Returns:
        (P, C); 0 for a tube that is in no frame.
    """
    count = present.sum(1)
    if share == 1:
        total = torch.where(present[..., None], frame_logits, 0).sum(1)
        return total / count.clamp(min=1)[:, None]
    taken = (count * share).ceil()
    # absent frames come last
    ordered = torch.where(present[..., None], frame_logits, -torch.inf).sort(1, descending=True).values
    rank = torch.arange(frame_logits.shape[1], device=frame_logits.device)
    total = torch.where(rank[None, :, None] < taken[:, None, None], ordered, 0).sum(1)
    return total / taken.clamp(min=1)[:, None]


def topk_mean(logits: Tensor, k: int) -> Tensor:
    """Attention: each class averages its k highest tubes (Section 3.2, top-k selection).

    The other tubes have no part in the gradient; of equal ones as many are taken as make k.

    Args:
        logits: (P, C) of at least one tube.
        k: Tubes of a class; all of them where there are fewer.

    Returns:
        (C,), the logits of the video.
    """
    return logits.topk(min(k, len(logits)), dim=0).values.mean(0)


def noisy_or(logits: Tensor, k: int) -> Tensor:
    """The video shows a class if any of its k most likely tubes does: 1 - prod (1 - p), as a logit.

    Args:
        logits: (P, C) of at least one tube; p is their sigmoid.
        k: As in ``topk_mean``.

    Returns:
        (C,), the logits of the video.
    """
    highest = logits.topk(min(k, len(logits)), dim=0).values
    # of the probability that none of them does it, minus the logarithm
    none = functional.softplus(highest).sum(0)
    some = none.clamp(min=_FEW)
    return torch.where(none > _FEW, some + torch.log(-torch.expm1(-some)), highest.logsumexp(0))


def log_sum_exp(logits: Tensor, k: int) -> Tensor:
    """A soft maximum of the k highest tubes: log of the mean of their exp (Pinheiro and Collobert 2015).

    Args:
        logits: (P, C) of at least one tube.
        k: As in ``topk_mean``.

    Returns:
        (C,), the logits of the video.
    """
    highest = logits.topk(min(k, len(logits)), dim=0).values
    return highest.logsumexp(0) - math.log(len(highest))


SELECTIONS: dict[str, Callable[[Tensor, int], Tensor]] = {
    "top_k": topk_mean,
    "noisy_or": noisy_or,
    "log_sum_exp": log_sum_exp,
}
"""What makes a video's logits of its tubes', by its name in a section of ``models:``."""


def video_logits(settings: AttentionSettings, k: int) -> Callable[[Tensor], Tensor]:
    """What a section makes of the logits of a video's tubes (P, C): the video's, (C,)."""
    select = SELECTIONS[settings.selection]
    return lambda logits: select(logits, k)


def video_loss(logits: Tensor, target: Tensor, label_loss: str) -> Tensor:
    """Loss of a video's logits against its label (Section 3.2).

    Args:
        logits: (C,).
        target: (C,) the share of each class in the label; they sum to 1.
        label_loss: ``softmax``: cross-entropy over the classes; ``sigmoid``: the sum of each
            class's own, so that several labels do not vie with one another.

    Returns:
        ().
    """
    if label_loss == "softmax":
        return functional.cross_entropy(logits, target)
    return functional.binary_cross_entropy_with_logits(logits, (target > 0).to(logits), reduction="sum")


def constant_loss(targets: NDArray[np.float32], label_loss: str) -> float:
    """The lowest mean loss of a predictor that gives every video the same logits.

    It predicts how frequent each class is: its loss is the entropy of the labels.

    Args:
        targets: (V, C) the share of each class in the label of V videos.
        label_loss: As in ``video_loss``.
    """

    def entropy(share: NDArray[np.float64]) -> float:
        return float(-(share * np.log(share, where=share > 0, out=np.zeros_like(share))).sum())

    if label_loss == "softmax":
        return entropy(targets.mean(0, dtype=np.float64))
    share = (targets > 0).mean(0, dtype=np.float64)
    return entropy(share) + entropy(1 - share)


def uncertain_loss(loss: Tensor, log_variance: Tensor) -> Tensor:
    """A loss that counts less the less the network trusts the label: loss / s^2 + log s^2.

    Arnab et al. 2020, after Kendall et al. 2018: a video's label need not hold for any of the tubes
    and frames that were taken of it.

    Args:
        loss: ().
        log_variance: (), log s^2, which the network predicts.
    """
    return loss * torch.exp(-log_variance) + log_variance
