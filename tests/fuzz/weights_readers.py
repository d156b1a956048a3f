"""Readers of weights, trained by a run or supplied by a user."""

from pathlib import Path

import torch
from forms import damaged_weights
from mutation import damaged_bytes
from reader import Reader

from actorsup.attention.encoders import encoder_type, initialize_encoder
from actorsup.attention.model import load_model, model_content, random_model
from actorsup.attention.settings import AttentionSettings
from actorsup.detection import networks
from actorsup.linking.siamese import network as siamese

SSD, TRUNK = "small_ssd", "small"


def model(folder: Path) -> None:
    trained = random_model(AttentionSettings(encoder="small", grid=2), ["kick", "squat"], seed=0)
    torch.save(model_content(trained, {"seed": 0}), folder / "good.pt")


def detector(folder: Path) -> None:
    network = networks.build_network(SSD, (0, 1), (64, 48))
    torch.save(networks.weights_content(SSD, network, (64, 48), {"seed": 0}), folder / "good.pt")


def tracker(folder: Path) -> None:
    content = siamese.weights_content(siamese.random_siamese(TRUNK, seed=0), TRUNK, {"seed": 0})
    torch.save(content, folder / "good.pt")


DAMAGES = (damaged_weights, damaged_weights, damaged_bytes)

WEIGHTS: dict[str, Reader] = {
    "model": Reader(".pt", model, DAMAGES, load_model),
    "detector": Reader(".pt", detector, DAMAGES, lambda path: networks.load_network(SSD, path)),
    "tracker": Reader(".pt", tracker, DAMAGES, lambda path: siamese.siamese_network(TRUNK, path)),
    "encoder": Reader(
        ".pt", detector, DAMAGES, lambda path: initialize_encoder(TRUNK, encoder_type(TRUNK).build(), path)
    ),
}
