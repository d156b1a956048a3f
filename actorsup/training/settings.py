"""Settings of how models are trained. A change of them trains nothing again."""

from typing import Annotated

from pydantic import Field

from actorsup.config.fields import Boolean, Count, affects, settings


@settings
class TrainingOptions:
    """How a training job runs."""

    processes: Annotated[Count, affects()] = 1
    """Processes that train one model together on this machine: one for each GPU."""
    launcher: Annotated[str | None, Field(min_length=1), affects()] = None
    """Command that starts the processes on several nodes (docs/clusters.md); null is torchrun."""
    deterministic: Annotated[Boolean, affects()] = False
    """Whether a GPU must give one result, at a cost in time."""
    checkpoint_steps: Annotated[Count | None, affects()] = None
    """Steps between two checkpoints; null writes one every five minutes."""


@settings
class TrainingSection(TrainingOptions):
    """The section ``training:``."""

    protect: Annotated[Boolean, affects()] = False
    """Whether trained networks are write-protected. A run that would replace one stops until you remove the
    protection (``chmod u+w FILE``)."""
    keep_epochs: Annotated[Boolean, affects("evaluate_epochs", indirect=True)] = False
    """Whether the weights after each epoch are kept, for map_by_epoch.csv."""
