"""The fully-convolutional Siamese network (Section 4.2; Bertinetto et al. 2016)."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from actorsup.errors import ConfigError, DataError, report_read_errors
from actorsup.linking.settings import LinkerSettings, SiameseTrainingSettings
from actorsup.training.backbones import vgg16_blocks
from actorsup.training.weights import load_state, load_weights

ARCHITECTURE = "siamese"


@dataclass(frozen=True)
class Trunk:
    """Properties of a type of trunk.

    Attributes:
        build: Builds one with random weights and convolutions without padding, with or without a last ReLU.
        stride: Stride in pixels.
        receptive: Side of a cell's receptive field in pixels.
        exemplar_size: Default side of an exemplar in pixels.
        search_size: Default side of a search region in pixels.
        crops: The fastest batch size on a CPU, limited by its cache.
    """

    build: Callable[[bool], nn.Sequential]
    stride: int
    receptive: int
    exemplar_size: int
    search_size: int
    crops: int


def _small_trunk(last_relu: bool) -> nn.Sequential:
    """Three valid convolutions: 49 px to (32, 9, 9), 89 px to (32, 19, 19), stride 4.

    5.3 million multiplications for 89 px. It never ends in a ReLU.
    """
    return nn.Sequential(
        nn.Conv2d(3, 12, 5, stride=2, bias=False),
        nn.BatchNorm2d(12),
        nn.ReLU(inplace=True),
        nn.Conv2d(12, 24, 3, stride=2, bias=False),
        nn.BatchNorm2d(24),
        nn.ReLU(inplace=True),
        nn.Conv2d(24, 32, 3, bias=False),
        nn.BatchNorm2d(32),
    )


TRUNKS = {
    # 127 px to (512, 5, 5), 255 px to (512, 21, 21)
    "vgg16": Trunk(lambda last_relu: vgg16_blocks(4, 0, last_relu), 8, 92, 127, 255, crops=3),
    "small": Trunk(_small_trunk, 4, 17, 49, 89, crops=48),
}


class SiameseNetwork(nn.Module):
    """One trunk for exemplar and search region, and the correlation of their features.

    Args:
        trunk: A key of the trunks, ``vgg16`` or ``small``.
        last_relu: Whether the VGG16 trunk ends in its ReLU, as ImageNet's weights expect; SiamFC's
            embedding ends in a convolution.

    Attributes:
        trunk: (B, 3, S, S) normalized to (B, C, H, W), of valid convolutions.
        gain: Scalar that the correlation is multiplied by, which is a mean over the exemplar's
            features where SiamFC's is a sum. It is not trained, as in SiamFC.
        bias: Scalar that is added.
    """

    gain: Tensor

    def __init__(self, trunk: str, last_relu: bool = True) -> None:
        super().__init__()
        self.last_relu = last_relu
        self.trunk = TRUNKS[trunk].build(last_relu)
        self.register_buffer("gain", torch.ones(()))
        self.bias = nn.Parameter(torch.zeros(()))

    def forward(self, exemplars: Tensor, searches: Tensor) -> Tensor:
        """Return the similarity of exemplars to every place of their search regions.

        Args:
            exemplars: (B, C, h, w) features.
            searches: (B, K, C, H, W) features, K search regions per exemplar.

        Returns:
            (B, K, H - h + 1, W - w + 1), before a sigmoid.
        """
        elements = exemplars[0].numel()
        return self.gain / elements * correlate(exemplars, searches) + self.bias

    @torch.no_grad()
    def calibrate(self, exemplars: Tensor, searches: Tensor) -> None:
        """Set gain and bias so that the responses of a batch have mean 0 and standard deviation 1.

        The features of VGG16 are large: without this its responses start in the thousands, and the
        first steps of training destroy the trunk.

        Args:
            exemplars: As in ``forward``.
            searches: As in ``forward``.
        """
        self.gain.fill_(1)
        self.bias.zero_()
        deviation, mean = torch.std_mean(self(exemplars, searches))
        if deviation > 0:
            self.gain.copy_(1 / deviation)
            self.bias.copy_(-mean / deviation)


def correlate(exemplars: Tensor, searches: Tensor) -> Tensor:
    """Cross-correlate exemplars (B, C, h, w) with their own regions (B, K, C, H, W).

    Returns:
        (B, K, H - h + 1, W - w + 1): at (y, x) the sum over c, i, j of
        exemplars[b, c, i, j] * searches[b, k, c, y + i, x + j].
    """
    batch, _, h, w = exemplars.shape
    regions, _, height, width = searches.shape[1:]
    # one matrix product for all pairs of cells, then sums along its diagonals: several times
    # faster on a CPU than a grouped convolution or one convolution a target
    exemplars = exemplars.flatten(2).transpose(1, 2)[:, None]
    products = torch.matmul(exemplars, searches.flatten(3))
    cells = height * width
    shape = (batch, regions, h, w, height - h + 1, width - w + 1)
    steps = (regions * h * w * cells, h * w * cells, w * cells + width, cells + 1, width, 1)
    return products.contiguous().as_strided(shape, steps).sum((2, 3))


def crop_sizes(settings: LinkerSettings | SiameseTrainingSettings) -> tuple[int, int, int]:
    """Return the sides of exemplar and search region in pixels, and the trunk's stride.

    Raises:
        ConfigError: The sizes do not fit together, or the exemplar is too small for the trunk.
    """
    trunk = TRUNKS[settings.trunk]
    exemplar = settings.exemplar_size or trunk.exemplar_size
    search = settings.search_size or trunk.search_size
    # then the middle of the response is the middle of the region
    if search <= exemplar or (search - exemplar) % trunk.stride:
        raise ConfigError(
            f"search_size: {search} with an exemplar_size of {exemplar}; allowed: larger by a multiple "
            f"of {trunk.stride}, the stride of the trunk {settings.trunk}"
        )
    if 2 * exemplar < trunk.exemplar_size:
        raise ConfigError(f"exemplar_size: {exemplar} is too small for the trunk {settings.trunk}")
    return exemplar, search, trunk.stride


def random_siamese(trunk: str, seed: int, last_relu: bool = True) -> SiameseNetwork:
    """Return an untrained network; the same seed gives the same network."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return SiameseNetwork(trunk, last_relu)


def siamese_network(trunk: str, weights: Path | None) -> SiameseNetwork:
    """Return the network of a trunk, in evaluation mode, on the CPU.

    Args:
        trunk: ``vgg16`` or ``small``.
        weights: A file from ``train_siamese``, or for ``vgg16`` a state dict with VGG16's convolutions as
            ``features.*`` (torchvision's names). None gives random weights.

    Raises:
        DataError: The file is damaged or of another architecture.
    """
    content = load_weights(weights) if weights is not None else {}
    # every ReLU of ImageNet's weights belongs to them; a trained file says what it was trained with
    network = random_siamese(trunk, 0, last_relu=content.get("last_relu", True) is not False)
    if weights is not None:
        put_siamese_weights(network, trunk, weights, content)
    return network.eval()


def put_siamese_weights(
    network: SiameseNetwork, trunk: str, path: Path, content: Mapping[str, Any] | None = None
) -> None:
    """Load the weights of a file, in a form that ``siamese_network`` accepts, into a network.

    Args:
        network: The network.
        trunk: Its trunk.
        path: The file.
        content: The content of the file, if already loaded.

    Raises:
        DataError: The file is damaged or of another architecture.
    """
    content = load_weights(path) if content is None else content
    if "architecture" in content:
        if (content["architecture"], content.get("trunk")) != (ARCHITECTURE, trunk):
            raise DataError(
                f"{path}: weights of {content['architecture']} {content.get('trunk', '')}, wanted those of a "
                f"Siamese network with the trunk {trunk}; train one, or name its file"
            )
        with report_read_errors(path, "weights of another version; train it again"):
            load_state(network, content["state"], path)
        return
    state = {name: content.get(f"features.{name}") for name in network.trunk.state_dict()}
    if lacking := [name for name, value in state.items() if not isinstance(value, Tensor)]:
        raise DataError(
            f"{path}: lacks features.{lacking[0]}; wanted what train_siamese writes for the trunk {trunk}, "
            "or VGG16's features for the trunk vgg16"
        )
    load_state(network.trunk, {name: value for name, value in state.items() if value is not None}, path)


def weights_content(network: SiameseNetwork, trunk: str, provenance: Mapping[str, Any]) -> dict[str, Any]:
    """Return the content of a weights file, which ``siamese_network`` reads."""
    return {
        "architecture": ARCHITECTURE,
        "trunk": trunk,
        "last_relu": network.last_relu,
        "state": {name: value.cpu() for name, value in network.state_dict().items()},
        "provenance": dict(provenance),
    }


def without_normalization(trunk: nn.Sequential) -> nn.Sequential:
    """Fold each batch normalization into the convolution before it."""
    layers: list[nn.Module] = []
    for layer in trunk.eval():
        if isinstance(layer, nn.BatchNorm2d):
            convolution = layers[-1]
            assert isinstance(convolution, nn.Conv2d)
            layers[-1] = fuse_conv_bn_eval(convolution, layer)
        else:
            layers.append(layer)
    return nn.Sequential(*layers)
