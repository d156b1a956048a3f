"""Convolutional trunks of detectors, the Siamese network and video encoders."""

from functools import cache

import torch
from torch import Tensor, nn

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)
"""Mean and standard deviation, RGB in [0, 1], that scale the input of every trunk (6.2)."""


def vgg16_blocks(blocks: int, padding: int = 1, last_relu: bool = True) -> nn.Sequential:
    """Build the first convolutional blocks of VGG16, with the names of torchvision (``0``, ``2``, ...).

    The trunk ends after the last ReLU of the last block, without its pooling: stride 8 for four blocks
    (conv4_3) and 16 for five (conv5_3).

    Args:
        blocks: 1 to 5.
        padding: 1 as in VGG16, or 0 for valid convolutions, as in the Siamese tracker.
        last_relu: False omits the last ReLU, so that features can be negative.
    """
    from torchvision.models.vgg import cfgs, make_layers

    # omits the fully connected layers, which take seconds to initialize
    layers = list(make_layers(cfgs["D"]))
    ends = [i for i, layer in enumerate(layers) if isinstance(layer, nn.MaxPool2d)]
    trunk = nn.Sequential(*layers[: ends[blocks - 1] - (not last_relu)])
    for layer in trunk:
        if isinstance(layer, nn.Conv2d):
            layer.padding = (padding, padding)
            nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")
            nn.init.zeros_(layer.bias)  # type: ignore[arg-type]
        elif isinstance(layer, nn.ReLU):
            layer.inplace = True
    return trunk


class SmallBackbone(nn.Sequential):
    """A trunk for small frames and CPUs: (B, 3, H, W) to (B, 64, H/8, W/8).

    About 35 million multiplications for a frame of 160x120.
    """

    stride = 8
    channels = 64
    origin = 0.5
    """Pixels from the edge of the frame to the center of the first cell: the strides keep even pixels."""

    def __init__(self) -> None:
        widths = [(3, 16, 2), (16, 32, 2), (32, 32, 1), (32, 64, 2), (64, 64, 1)]
        super().__init__(*(convolution(i, o, stride) for i, o, stride in widths))


def convolution(channels_in: int, channels_out: int, stride: int = 1) -> nn.Sequential:
    """Build a 3x3 convolution, batch normalization and ReLU: (B, I, H, W) to (B, O, H/stride, W/stride)."""
    return nn.Sequential(
        nn.Conv2d(channels_in, channels_out, 3, stride, padding=1, bias=False),
        nn.BatchNorm2d(channels_out),
        nn.ReLU(inplace=True),
    )


def normalize(images: Tensor) -> Tensor:
    """Scale images (B, H, W, 3) RGB, 0-255, by the values of ImageNet: (B, 3, H, W) float32."""
    mean, deviation = _scaling(images.device)
    pixels = images.permute(0, 3, 1, 2).to(torch.float32, copy=True)
    return pixels.div_(255).sub_(mean).div_(deviation)


@cache
def _scaling(device: torch.device) -> tuple[Tensor, Tensor]:
    # training may follow inference, and cannot use a tensor created in inference mode
    with torch.inference_mode(False):
        values = torch.tensor([IMAGENET_MEAN, IMAGENET_STD], device=device).view(2, 3, 1, 1)
        return values[0], values[1]
