"""Trunks of torchvision's networks for images and videos: all that comes before their pooling."""

import copy
from collections.abc import Iterable
from functools import partial
from typing import Any

import torch
from torch import Tensor, fx, nn

from actorsup.attention.encoder import Encoder, TrunkInfo, response_maps
from actorsup.attention.encoders import ENCODERS, EncoderType
from actorsup.errors import ConfigError, did_you_mean

_SIDE, _SNIPPET = 224, 16
_LEAST_SNIPPETS = {"s3d": 5}
"""Frames that a network for videos needs so that a map is left after its pooling in time; 2 for others."""
_POOLING = ("avgpool", "adaptive_avg_pool", "mean", "classifier")
"""How the part of a network begins that has no response maps any more, in torchvision's names."""


def torchvision_type(name: str) -> EncoderType:
    """The type of an encoder that is a network of torchvision.

    Raises:
        ConfigError: It has none of that name.
    """
    check_encoder(name)
    return EncoderType(
        lambda: Encoder(*torchvision_trunk(name)),
        published=name,
        check_snippet=partial(check_snippet, name),
    )


def torchvision_trunk(name: str) -> tuple[nn.Module, TrunkInfo]:
    """The trunk of a network of torchvision, with random weights.

    Args:
        name: As ``torchvision.models.get_model`` takes it: of an image or a video network.

    Returns:
        A module that takes images (B, 3, H, W), or snippets (B, 3, T, H, W), to its response maps
        (B, channels, h, w) or (B, channels, t, h, w), its parameters named as torchvision does.
    """
    from torchvision import models

    # two of them take seconds to start, for weights that are replaced
    how = {"init_weights": False} if name in ("googlenet", "inception_v3") else {}
    module = models.get_model(name, weights=None, **how)
    of_video = name in models.list_models(models.video)
    trunk = _trunk(name, module, of_video)
    # what they know of places, or how they part a frame, is of one size
    side = _SIDE if name.startswith(("vit", "mvit", "maxvit")) else None
    channels, measured = _measured(trunk, side or _SIDE, of_video)
    stride, origin = _geometry(trunk, measured)
    colours = models.get_model_weights(name).DEFAULT.transforms()
    mean, deviation = tuple(colours.mean), tuple(colours.std)
    return trunk, TrunkInfo(channels, stride, origin, mean, deviation, of_video, side)


def check_encoder(name: str) -> None:
    """Whether torchvision has a network of this name, for images or videos.

    Raises:
        ConfigError: It has none.
    """
    from torchvision import models

    known = [name for module in (models, models.video) for name in models.list_models(module)]
    if name not in known:
        raise ConfigError(
            f"encoder: {name!r}; allowed: {', '.join(ENCODERS)} and torchvision's networks for images and "
            f"videos, such as resnet50 and r2plus1d_18{did_you_mean(name, [*ENCODERS, *known])}"
        )


def check_snippet(name: str, snippet: int) -> None:
    """Check that an encoder takes snippets of so many frames in a row.

    Args:
        name: Of any encoder; those of images take every snippet, frame by frame.
        snippet: Number of frames.

    Raises:
        ConfigError: A network for videos does not take them.
    """
    from torchvision import models

    if name not in models.list_models(models.video):
        return
    least = _LEAST_SNIPPETS.get(name, 2)
    only = name.startswith("mvit")
    if snippet < least or (only and snippet != _SNIPPET):
        allowed = f"{_SNIPPET}" if only else f"{least} or more"
        raise ConfigError(f"snippet: {snippet}; allowed for {name}, which sees frames in a row: {allowed}")


def _trunk(name: str, module: Any, of_video: bool) -> nn.Module:
    """A network of torchvision up to its last response maps."""
    if name.startswith("mvit"):
        return _MViT(module)
    return _ViT(module) if name.startswith("vit") else _before_pooling(module, of_video)


def _before_pooling(module: nn.Module, of_video: bool) -> nn.Module:
    """The same of a convolutional network, or one of windows."""
    from torchvision.models.feature_extraction import create_feature_extractor, get_graph_node_names

    names = get_graph_node_names(module)[1]
    end = next(i for i, node in enumerate(names) if node.startswith(_POOLING))
    dimensions = 5 if of_video else 4
    shadow = copy.deepcopy(module).to("meta")
    values = create_feature_extractor(shadow, names[:end]).eval()(_example(_SIDE, of_video))
    maps = [node for node, value in values.items() if isinstance(value, Tensor) and value.dim() == dimensions]
    trunk = create_feature_extractor(module, {maps[-1]: "maps"})
    assert isinstance(trunk, fx.GraphModule)
    return trunk


def _example(side: int, of_video: bool) -> Tensor:
    """An image or a snippet that has a shape and no pixels."""
    return torch.empty((1, 3, _SNIPPET, side, side) if of_video else (1, 3, side, side), device="meta")


def _measured(trunk: nn.Module, side: int, of_video: bool) -> tuple[int, float]:
    """The number of a trunk's response maps, and its stride in pixels."""
    shadow = copy.deepcopy(trunk).to("meta").eval()
    maps = response_maps(shadow, _example(side, of_video))
    return maps.shape[1], side / maps.shape[-1]


def _geometry(trunk: nn.Module, measured: float) -> tuple[float, float]:
    """Stride, and where the middle of the first cell lies, pixels from the frame's edge.

    By the arithmetic of kernels, strides and paddings; as measured, and half of it, where other
    layers halve the maps.
    """
    if not isinstance(trunk, fx.GraphModule):
        return measured, measured / 2
    places: dict[fx.Node, tuple[float, float]] = {}
    for node in trunk.graph.nodes:
        # parameters, and what excites channels, are not on the way
        jump, origin = max((places[other] for other in node.all_input_nodes), default=(1.0, 0.5))
        for kernel, step, padding, dilation in _windows(trunk, node):
            origin += (dilation * (kernel - 1) / 2 - padding) * jump
            jump *= step
        places[node] = jump, origin
    jump, origin = places[node]
    # without paddings the maps are smaller than the stride alone makes them
    return (jump, origin) if 0.6 < jump / measured <= 1 else (measured, measured / 2)


def _windows(trunk: fx.GraphModule, node: fx.Node) -> Iterable[tuple[int, int, int, int]]:
    """Kernel, stride, padding and dilation of each convolution and pooling of a node, along the width."""
    if node.op == "call_module":
        for layer in trunk.get_submodule(str(node.target)).modules():
            if hasattr(layer, "kernel_size") and hasattr(layer, "stride"):
                names = ("kernel_size", "stride", "padding", "dilation")
                kernel, step, padding, dilation = (_last(getattr(layer, name, 1)) for name in names)
                yield kernel, step, padding, dilation
    elif node.op == "call_function" and node.name.startswith("conv"):
        arguments: Any = node.args
        _, weight, _, step, padding, dilation = arguments[:6]
        kernel = trunk.get_parameter(str(weight.target)).shape[-1]
        yield kernel, _last(step), _last(padding), _last(dilation)


def _last(value: Any) -> int:
    return int(value if isinstance(value, int) else value[-1])


class _ViT(nn.Module):
    """The patches of a vision transformer as response maps."""

    def __init__(self, module: Any) -> None:
        super().__init__()
        self.conv_proj, self.class_token, self.encoder = module.conv_proj, module.class_token, module.encoder

    def forward(self, images: Tensor) -> Tensor:
        """(B, 3, side, side) to (B, channels, h, w)."""
        patches = self.conv_proj(images)
        tokens = patches.flatten(2).transpose(1, 2)
        tokens = torch.cat([self.class_token.expand(len(tokens), -1, -1), tokens], dim=1)
        return self.encoder(tokens)[:, 1:].transpose(1, 2).unflatten(2, patches.shape[2:])


class _MViT(nn.Module):
    """The patches of a multi-scale video transformer as response maps."""

    def __init__(self, module: Any) -> None:
        super().__init__()
        self.conv_proj, self.pos_encoding = module.conv_proj, module.pos_encoding
        self.blocks, self.norm = module.blocks, module.norm

    def forward(self, snippets: Tensor) -> Tensor:
        """(B, 3, 16, side, side) to (B, channels, t, h, w)."""
        patches = self.conv_proj(snippets)
        size = tuple(patches.shape[2:])
        tokens = self.pos_encoding(patches.flatten(2).transpose(1, 2))
        for block in self.blocks:
            tokens, size = block(tokens, size)
        return self.norm(tokens)[:, 1:].transpose(1, 2).unflatten(2, size)
