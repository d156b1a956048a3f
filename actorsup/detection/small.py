"""A small SSD (Liu et al. 2016) for small frames, few stills and CPUs."""

from pathlib import Path

from torch import Tensor, nn
from torchvision.models.detection.anchor_utils import AnchorGenerator
from torchvision.models.detection.ssd import SSD

from actorsup.errors import DataError, report_read_errors
from actorsup.training.backbones import SmallBackbone, convolution
from actorsup.training.weights import load_weights

SIZE = (160, 120)
"""Width and height in pixels that images are resized to, unless said otherwise."""

# sides in pixels of the input at strides 8, 16 and 32, for actors of 15 to 60 pixels; every
# level takes people upright, lying and square things
_SIDES = ((14, 20), (28, 38), (52, 70))
_HEIGHT_TO_WIDTH = (0.5, 1.0, 1.6, 2.5)
_TRUNK = "backbone.trunk."


class SmallPyramid(nn.Module):
    """The small trunk and two more levels: strides 8, 16 and 32.

    Attributes:
        trunk: ``SmallBackbone``; its weights can start other networks of that trunk.
    """

    out_channels = (SmallBackbone.channels, 96, 128)

    def __init__(self) -> None:
        super().__init__()
        self.trunk = SmallBackbone()
        self.level16 = convolution(self.out_channels[0], self.out_channels[1], stride=2)
        self.level32 = convolution(self.out_channels[1], self.out_channels[2], stride=2)

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        """(B, 3, H, W) normalized to three levels, (B, C, H/stride, W/stride) each."""
        stride8 = self.trunk(images)
        stride16 = self.level16(stride8)
        return {"8": stride8, "16": stride16, "32": self.level32(stride16)}


def small_ssd(classes: int, size: tuple[int, int] = SIZE) -> SSD:
    """Torchvision's SSD over the small trunk.

    Args:
        classes: Number of classes, the background included.
        size: Width and height in pixels that images are resized to.
    """
    anchors = AnchorGenerator(_SIDES, (_HEIGHT_TO_WIDTH,) * len(_SIDES))
    return SSD(SmallPyramid(), anchors, size, classes)


def trunk_state(path: str | Path) -> dict[str, Tensor]:
    """Weights of the ``SmallBackbone`` inside a trained ``small_ssd``.

    Raises:
        DataError: The file is damaged, or is of another architecture.
    """
    content = load_weights(path)
    if content.get("architecture") != "small_ssd":
        raise DataError(f"{path}: not the weights of a small_ssd; train one, or name its file")
    with report_read_errors(path, "holds no weights by their names; train it again"):
        state: dict[str, Tensor] = dict(content["state"])
    return {name.removeprefix(_TRUNK): value for name, value in state.items() if name.startswith(_TRUNK)}
