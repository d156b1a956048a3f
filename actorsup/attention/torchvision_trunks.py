"""Trunks of torchvision's networks for images and videos: everything before the pooling."""

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
_MIN_SNIPPET = {"s3d": 5}
"""Frames that a video network needs so that a map remains after its pooling in time; 2 for the others."""
_POOLING = ("avgpool", "adaptive_avg_pool", "mean", "classifier")
"""Prefixes of torchvision's names for the first layers after the response maps."""


def torchvision_type(name: str) -> EncoderType:
    """Return the type of an encoder that is a network of torchvision.

    Raises:
        ConfigError: The name is unknown.
    """
    from torchvision import models

    known = [network for module in (models, models.video) for network in models.list_models(module)]
    if name not in known:
        raise ConfigError(
            f"encoder: {name!r}; allowed: {', '.join(ENCODERS)} and torchvision's networks for images and "
            f"videos, such as resnet50 and r2plus1d_18{did_you_mean(name, [*ENCODERS, *known])}"
        )
    return EncoderType(
        partial(_build, name),
        published=name,
        check_snippet=partial(_check_snippet, name),
    )


def _build(name: str) -> Encoder:
    from torchvision import models

    # these two take seconds to initialize, for weights that are replaced
    options = {"init_weights": False} if name in ("googlenet", "inception_v3") else {}
    module = models.get_model(name, weights=None, **options)
    video = name in models.list_models(models.video)
    trunk = _trunk(name, module, video)
    # their position embeddings or windows are of one size
    side = _SIDE if name.startswith(("vit", "mvit", "maxvit")) else None
    maps = _shapes(trunk, side or _SIDE, video)
    stride, origin = _geometry(trunk, (side or _SIDE) / maps.shape[-1])
    colors = models.get_model_weights(name).DEFAULT.transforms()
    mean, deviation = tuple(colors.mean), tuple(colors.std)
    return Encoder(trunk, TrunkInfo(maps.shape[1], stride, origin, mean, deviation, video, side))


def _check_snippet(name: str, snippet: int) -> None:
    from torchvision import models

    if name not in models.list_models(models.video):
        return  # image networks accept every snippet, frame by frame
    least, fixed = _MIN_SNIPPET.get(name, 2), name.startswith("mvit")
    if snippet < least or (fixed and snippet != _SNIPPET):
        allowed = f"{_SNIPPET}" if fixed else f"{least} or more"
        raise ConfigError(f"snippet: {snippet}; allowed for {name}, which sees frames in a row: {allowed}")


def _trunk(name: str, module: Any, video: bool) -> nn.Module:
    """Return a network of torchvision up to its last response maps, its parameters named as there."""
    from torchvision.models.feature_extraction import create_feature_extractor, get_graph_node_names

    if name.startswith("mvit"):
        return _MViT(module)
    if name.startswith("vit"):
        return _ViT(module)
    names = get_graph_node_names(module)[1]
    end = next(i for i, node in enumerate(names) if node.startswith(_POOLING))
    shadow = copy.deepcopy(module).to("meta")
    values = create_feature_extractor(shadow, names[:end]).eval()(_example(_SIDE, video))
    dimensions = 5 if video else 4
    maps = [node for node, value in values.items() if isinstance(value, Tensor) and value.dim() == dimensions]
    trunk = create_feature_extractor(module, {maps[-1]: "maps"})
    assert isinstance(trunk, fx.GraphModule)
    return trunk


def _example(side: int, video: bool) -> Tensor:
    """Return an image or a snippet on the meta device: a shape without pixels."""
    return torch.empty((1, 3, _SNIPPET, side, side) if video else (1, 3, side, side), device="meta")


def _shapes(trunk: nn.Module, side: int, video: bool) -> Tensor:
    """Return the response maps of such an example."""
    return response_maps(copy.deepcopy(trunk).to("meta").eval(), _example(side, video))


def _geometry(trunk: nn.Module, measured: float) -> tuple[float, float]:
    """Compute the stride and the origin of a trunk (``TrunkInfo``).

    From kernels, strides and paddings; where other layers halve the maps, from the measured stride.
    """
    if not isinstance(trunk, fx.GraphModule):
        return measured, measured / 2
    places: dict[fx.Node, tuple[float, float]] = {}
    for node in trunk.graph.nodes:
        # the maximum skips parameters and squeeze-and-excitation branches
        jump, origin = max((places[other] for other in node.all_input_nodes), default=(1.0, 0.5))
        for kernel, step, padding, dilation in _windows(trunk, node):
            origin += (dilation * (kernel - 1) / 2 - padding) * jump
            jump *= step
        places[node] = jump, origin
    jump, origin = places[node]
    # without padding, maps are smaller than the stride implies
    return (jump, origin) if 0.6 < jump / measured <= 1 else (measured, measured / 2)


def _windows(trunk: fx.GraphModule, node: fx.Node) -> Iterable[tuple[int, int, int, int]]:
    """Yield kernel, stride, padding and dilation of each convolution and pooling in a node, along x."""
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
