"""Kill a training between two steps, and record the steps after it resumes."""

import pytest

from actorsup.training import loop as training_loop


def die_after(patch: pytest.MonkeyPatch, training: type, steps: int) -> None:
    """Kill a training after a number of steps, with a checkpoint after each."""
    real, left = training.epoch, [steps]

    def epoch(self, number, first):
        for shares in real(self, number, first):
            if not left[0]:
                raise KeyboardInterrupt
            left[0] -= 1
            yield shares

    patch.setattr(training, "epoch", epoch)
    patch.setattr(training_loop, "SECONDS_BETWEEN_CHECKPOINTS", 0)


def steps_taken(patch: pytest.MonkeyPatch, training: type) -> list[tuple[int, int]]:
    """Record the epoch and number of each step from now on."""
    real, taken = training.epoch, []

    def epoch(self, number, first):
        for step, shares in enumerate(real(self, number, first), first):
            taken.append((number, step))
            yield shares

    patch.setattr(training, "epoch", epoch)
    return taken
