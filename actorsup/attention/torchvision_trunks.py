"""Trunks of torchvision's image and video networks: the layers before the global pooling."""

import copy
from collections.abc import Iterable
from functools import partial
from typing import Any

import torch
from torch import Tensor, fx, nn

from actorsup.attention.encoder import Encoder, TrunkInfo, response_maps
from actorsup.attention.encoders import ENCODERS, EncoderType
from actorsup.errors import ConfigError, did_you_mean

_IMAGE_SIZE, _SNIPPET_LENGTH = 224, 16
_MIN_SNIPPET = {"s3d": 5}
"""Minimum snippet length in frames of a video network, so that its temporal pooling leaves at least one map;
2 for networks that are not listed."""
_POOLING_PREFIXES = ("avgpool", "adaptive_avg_pool", "mean", "classifier")
"""Prefixes of torchvision's names of the first layer after the response maps."""


def torchvision_type(name: str) -> EncoderType:
    """Return the encoder type of a torchvision network.

    Raises:
        ConfigError: The name is unknown.
    """
    from torchvision import models

    known_names = [network for module in (models, models.video) for network in models.list_models(module)]
    if name not in known_names:
        raise ConfigError(
            f"encoder: {name!r}; allowed: {', '.join(ENCODERS)} and torchvision's networks for images and "
            f"videos, such as resnet50 and r2plus1d_18{did_you_mean(name, [*ENCODERS, *known_names])}"
        )
    return EncoderType(
        partial(_build, name),
        published=name,
        check_snippet=partial(_check_snippet, name),
    )


def _build(name: str) -> Encoder:
    from torchvision import models

    # these two networks take seconds to initialize weights that are replaced afterwards
    options = {"init_weights": False} if name in ("googlenet", "inception_v3") else {}
    module = models.get_model(name, weights=None, **options)
    is_video = name in models.list_models(models.video)
    trunk = _build_trunk(name, module, is_video)
    # the position embeddings or attention windows of these networks have a fixed size
    input_size = _IMAGE_SIZE if name.startswith(("vit", "mvit", "maxvit")) else None
    maps = _example_maps(trunk, input_size or _IMAGE_SIZE, is_video)
    stride, origin = _compute_geometry(trunk, (input_size or _IMAGE_SIZE) / maps.shape[-1])
    transforms = models.get_model_weights(name).DEFAULT.transforms()
    mean, std = tuple(transforms.mean), tuple(transforms.std)
    return Encoder(trunk, TrunkInfo(maps.shape[1], stride, origin, mean, std, is_video, input_size))


def _check_snippet(name: str, snippet: int) -> None:
    from torchvision import models

    if name not in models.list_models(models.video):
        return  # image networks encode each frame independently, so they accept every length
    min_length, has_fixed_length = _MIN_SNIPPET.get(name, 2), name.startswith("mvit")
    if snippet < min_length or (has_fixed_length and snippet != _SNIPPET_LENGTH):
        allowed = f"{_SNIPPET_LENGTH}" if has_fixed_length else f"{min_length} or more"
        raise ConfigError(f"snippet: {snippet}; allowed for {name}, which sees frames in a row: {allowed}")


def _build_trunk(name: str, module: Any, is_video: bool) -> nn.Module:
    """Return a torchvision network up to its last response maps; parameter names do not change."""
    from torchvision.models.feature_extraction import create_feature_extractor, get_graph_node_names

    if name.startswith("mvit"):
        return _MViT(module)
    if name.startswith("vit"):
        return _ViT(module)
    names = get_graph_node_names(module)[1]
    end = next(i for i, node in enumerate(names) if node.startswith(_POOLING_PREFIXES))
    meta_module = copy.deepcopy(module).to("meta")
    values = create_feature_extractor(meta_module, names[:end]).eval()(_meta_example(_IMAGE_SIZE, is_video))
    dimensions = 5 if is_video else 4
    maps = [node for node, value in values.items() if isinstance(value, Tensor) and value.dim() == dimensions]
    trunk = create_feature_extractor(module, {maps[-1]: "maps"})
    assert isinstance(trunk, fx.GraphModule)
    return trunk


def _meta_example(input_size: int, is_video: bool) -> Tensor:
    """Return an image or a snippet on the meta device, which has a shape but no values."""
    return torch.empty(
        (1, 3, _SNIPPET_LENGTH, input_size, input_size) if is_video else (1, 3, input_size, input_size),
        device="meta",
    )


def _example_maps(trunk: nn.Module, input_size: int, is_video: bool) -> Tensor:
    """Return the response maps of a meta example, whose shape is the output shape of the trunk."""
    return response_maps(copy.deepcopy(trunk).to("meta").eval(), _meta_example(input_size, is_video))


def _compute_geometry(trunk: nn.Module, measured_stride: float) -> tuple[float, float]:
    """Compute stride and origin of a trunk (``TrunkInfo``) from its kernels, strides and paddings.

    If other layers also downsample the maps, the result is derived from ``measured_stride`` instead.
    """
    if not isinstance(trunk, fx.GraphModule):
        return measured_stride, measured_stride / 2
    geometries: dict[fx.Node, tuple[float, float]] = {}
    for node in trunk.graph.nodes:
        # the input with the maximum stride is not a parameter or a squeeze-and-excitation branch
        stride, origin = max(
            (geometries[input_node] for input_node in node.all_input_nodes), default=(1.0, 0.5)
        )
        for kernel, layer_stride, padding, dilation in _sliding_windows(trunk, node):
            origin += (dilation * (kernel - 1) / 2 - padding) * stride
            stride *= layer_stride
        geometries[node] = stride, origin
    stride, origin = geometries[node]
    # maps without padding are smaller than the frame size divided by the stride
    return (stride, origin) if 0.6 < stride / measured_stride <= 1 else (measured_stride, measured_stride / 2)


def _sliding_windows(trunk: fx.GraphModule, node: fx.Node) -> Iterable[tuple[int, int, int, int]]:
    """Yield kernel size, stride, padding and dilation along x of each convolution and pooling in a node."""
    if node.op == "call_module":
        for layer in trunk.get_submodule(str(node.target)).modules():
            if hasattr(layer, "kernel_size") and hasattr(layer, "stride"):
                names = ("kernel_size", "stride", "padding", "dilation")
                kernel, layer_stride, padding, dilation = (
                    _last_value(getattr(layer, name, 1)) for name in names
                )
                yield kernel, layer_stride, padding, dilation
    elif node.op == "call_function" and node.name.startswith("conv"):
        arguments: Any = node.args
        _, weight, _, layer_stride, padding, dilation = arguments[:6]
        kernel = trunk.get_parameter(str(weight.target)).shape[-1]
        yield kernel, _last_value(layer_stride), _last_value(padding), _last_value(dilation)


def _last_value(value: Any) -> int:
    return int(value if isinstance(value, int) else value[-1])


class _ViT(nn.Module):
    """Vision transformer whose patch embeddings are response maps."""

    def __init__(self, module: Any) -> None:
        super().__init__()
        self.conv_proj, self.class_token, self.encoder = module.conv_proj, module.class_token, module.encoder

    def forward(self, images: Tensor) -> Tensor:
        """Encode images (B, 3, size, size) as response maps (B, channels, h, w)."""
        patches = self.conv_proj(images)
        tokens = patches.flatten(2).transpose(1, 2)
        tokens = torch.cat([self.class_token.expand(len(tokens), -1, -1), tokens], dim=1)
        return self.encoder(tokens)[:, 1:].transpose(1, 2).unflatten(2, patches.shape[2:])


class _MViT(nn.Module):
    """Multi-scale video transformer whose patch embeddings are response maps."""

    def __init__(self, module: Any) -> None:
        super().__init__()
        self.conv_proj, self.pos_encoding = module.conv_proj, module.pos_encoding
        self.blocks, self.norm = module.blocks, module.norm

    def forward(self, snippets: Tensor) -> Tensor:
        """Encode snippets (B, 3, 16, size, size) as response maps (B, channels, t, h, w)."""
        patches = self.conv_proj(snippets)
        size = tuple(patches.shape[2:])
        tokens = self.pos_encoding(patches.flatten(2).transpose(1, 2))
        for block in self.blocks:
            tokens, size = block(tokens, size)
        return self.norm(tokens)[:, 1:].transpose(1, 2).unflatten(2, size)
