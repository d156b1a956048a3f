"""Convolutional backbones of the detectors, the Siamese network and the video encoders."""

from functools import cache

import torch
from torch import Tensor, nn

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)
"""Standard deviation of RGB values in [0, 1]; with the mean, it scales the input of every backbone
(Section 6.2 of the paper)."""


def vgg16_blocks(blocks: int, padding: int = 1, last_relu: bool = True) -> nn.Sequential:
    """Build the first convolutional blocks of VGG16, with torchvision's parameter names (``0.weight``).

    The max pooling of the last block is omitted, so the stride is 8 for four blocks (conv4_3) and 16 for five
    blocks (conv5_3).

    Args:
        blocks: Number of blocks, 1 to 5.
        padding: Padding of every convolution: 1 as in VGG16, or 0 for valid convolutions.
        last_relu: Whether to keep the last ReLU; without it, features can be negative.
    """
    from torchvision.models.vgg import cfgs, make_layers

    # omits the fully connected layers, which take seconds to initialize
    layers = list(make_layers(cfgs["D"]))
    pool_indices = [i for i, layer in enumerate(layers) if isinstance(layer, nn.MaxPool2d)]
    trunk = nn.Sequential(*layers[: pool_indices[blocks - 1] - (not last_relu)])
    for layer in trunk:
        if isinstance(layer, nn.Conv2d):
            layer.padding = (padding, padding)
            nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")
            nn.init.zeros_(layer.bias)  # type: ignore[arg-type]
        elif isinstance(layer, nn.ReLU):
            layer.inplace = True
    return trunk


class SmallBackbone(nn.Sequential):
    """Small backbone for small frames and CPUs: maps (B, 3, H, W) to (B, 64, H/8, W/8).

    A frame of 160x120 pixels takes about 35 million multiplications.
    """

    stride = 8
    channels = 64
    origin = 0.5
    """Distance in pixels from the frame edge to the center of the first feature cell; 0.5 because each stride
    of 2 keeps the pixels with even indices."""

    def __init__(self) -> None:
        layer_sizes = [(3, 16, 2), (16, 32, 2), (32, 32, 1), (32, 64, 2), (64, 64, 1)]
        super().__init__(*(convolution(i, o, stride) for i, o, stride in layer_sizes))


def convolution(channels_in: int, channels_out: int, stride: int = 1) -> nn.Sequential:
    """Build a 3x3 convolution without bias, followed by batch normalization and ReLU."""
    return nn.Sequential(
        nn.Conv2d(channels_in, channels_out, 3, stride, padding=1, bias=False),
        nn.BatchNorm2d(channels_out),
        nn.ReLU(inplace=True),
    )


def normalize(images: Tensor) -> Tensor:
    """Normalize RGB images (B, H, W, 3), 0-255, with ImageNet mean and std; returns (B, 3, H, W) float32."""
    mean, std = _imagenet_scaling(images.device)
    pixels = images.permute(0, 3, 1, 2).to(torch.float32, copy=True)
    return pixels.div_(255).sub_(mean).div_(std)


@cache
def _imagenet_scaling(device: torch.device) -> tuple[Tensor, Tensor]:
    # the cached tensors may be created during inference, but training cannot use inference-mode tensors
    with torch.inference_mode(False):
        values = torch.tensor([IMAGENET_MEAN, IMAGENET_STD], device=device).view(2, 3, 1, 1)
        return values[0], values[1]
