"""Settings of how models are trained. A change of them trains nothing again."""

from typing import Annotated

from pydantic import Field

from actorsup.config.fields import Boolean, Count, affects, settings


@settings
class TrainingOptions:
    """How a training job runs."""

    processes: Annotated[Count, affects()] = 1
    """Processes that train one model together on this machine, one per GPU."""
    launcher: Annotated[str | None, Field(min_length=1), affects()] = None
    """Command that starts the processes on several nodes (docs/clusters.md); null: torchrun on this
    machine."""
    deterministic: Annotated[Boolean, affects()] = False
    """Whether to use only deterministic operations, which are slower on a GPU."""
    checkpoint_steps: Annotated[Count | None, affects()] = None
    """Steps between checkpoints; null: a checkpoint every five minutes."""


@settings
class TrainingSection(TrainingOptions):
    """The section ``training:``."""

    protect: Annotated[Boolean, affects()] = False
    """Whether to write-protect trained networks. A run that would replace one stops until you remove the
    protection (``chmod u+w FILE``)."""
    keep_epochs: Annotated[Boolean, affects("evaluate_epochs", indirect=True)] = False
    """Whether to keep the weights after each epoch, for map_by_epoch.csv."""
