"""How hard the demo's videos are, whatever the rest of the library makes of them.

    python benchmarks/demo_difficulty.py --seed 0

takes some eight minutes on one core (--only NAME: one measure, about two) and
prints a line a measure: recall@0.5 of static boxes and of perfect boxes of one aspect ratio,
and mAP, with one perfect tube an actor, of a small network trained from labels only:

masked    it sees frames with every actor painted over, and should be inside the null band
oracle    its only proposal is the acting actor
top-k     its proposals are all actors; a class averages its best k of them
mean      the same, averaging all of them

A tube counts as right when it is the acting actor's: what mAP@0.2 says of perfect tubes.
"""

import argparse
from copy import deepcopy
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torchvision.ops import roi_align

from actorsup.demo.images import STREAM, image_scene
from actorsup.demo.scenes import ACTORS, Scene
from actorsup.demo.settings import CLASSES, DemoSettings
from actorsup.demo.videos import DemoVideo, demo_videos
from actorsup.training.backbones import SmallBackbone, normalize
from actorsup.tubes import tube_iou

MEASURES = ("boxes", "masked", "oracle", "top-k", "mean")
FRAMES, GRID, BATCH, STILLS = 16, 5, 4, 1600


@dataclass(frozen=True)
class Clip:
    """A video as a network sees it.

    Attributes:
        frames: (16, H, W, 3) uint8 RGB.
        tubes: (P, 16, 4) float32 xyxy in pixels, the acting actor's first.
        label: Position of its class in ``CLASSES``.
    """

    frames: NDArray[np.uint8]
    tubes: NDArray[np.float32]
    label: int


class PooledClassifier(nn.Module):
    """Trunk, 5x5 features in a box averaged over time, one linear layer: logits (P, C) of a clip."""

    def __init__(self, trunk: SmallBackbone) -> None:
        super().__init__()
        self.trunk = trunk
        self.classify = nn.Linear(self.trunk.channels * GRID**2, len(CLASSES))

    def forward(self, clip: Clip, flip: bool = False) -> Tensor:
        """Logits (P, C) of the clip's P tubes."""
        images, tubes = normalize(torch.from_numpy(clip.frames)), torch.from_numpy(clip.tubes)
        if flip:
            images = images.flip(3)
            width = images.shape[3]
            tubes = tubes[..., [2, 1, 0, 3]] * torch.tensor([-1, 1, -1, 1]) + torch.tensor(
                [width, 0, width, 0]
            )
        boxes = list(tubes.transpose(0, 1))
        pooled = roi_align(self.trunk(images), boxes, GRID, 1 / self.trunk.stride, 1, aligned=True)
        return self.classify(pooled.flatten(1).view(len(clip.frames), len(clip.tubes), -1).mean(0))


def trunk_taught_by_stills(settings: DemoSettings, steps: int = 300, batch: int = 32) -> SmallBackbone:
    """A trunk that was taught where the actors of stills are, of which kind, and how far they reach."""
    torch.manual_seed(settings.seed)
    trunk = SmallBackbone()
    head = nn.Conv2d(trunk.channels, 7, 1)
    parameters = [*trunk.parameters(), *head.parameters()]
    optimizer = torch.optim.AdamW(parameters, lr=4e-3, weight_decay=1e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 4e-3, steps)
    rngs = [np.random.default_rng([settings.seed, STREAM, i]) for i in range(STILLS)]
    scenes = [image_scene(rng, settings) for rng in rngs]
    stills = torch.from_numpy(np.stack([scene.image(0) for scene in scenes]))
    for _ in range(steps):
        chosen = torch.randperm(STILLS)[:batch]
        images = normalize(stills[chosen])
        output = head(trunk(images))
        targets = [cells(scenes[i], output.shape[2:]) for i in chosen]
        kind, reach = (torch.stack(target) for target in zip(*targets, strict=True))
        loss = nn.functional.cross_entropy(output[:, :3], kind)
        off = (output[:, 3:] - reach).abs().mean(1)
        loss = loss + off[kind > 0].mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    return trunk


def cells(scene: Scene, shape: torch.Size) -> tuple[Tensor, Tensor]:
    """For each cell of the trunk: kind of actor (0 is none), and the way to the sides of its box."""
    kind, reach = torch.zeros(*shape, dtype=torch.long), torch.zeros(4, *shape)
    y, x = torch.meshgrid(
        *((torch.arange(side) + 0.5) * SmallBackbone.stride for side in shape), indexing="ij"
    )
    for sprite in sorted(scene.sprites, key=lambda sprite: sprite.depth):
        if sprite.category in ACTORS:
            x1, y1, x2, y2 = sprite.boxes[0].tolist()
            sides = torch.stack([x - x1, y - y1, x2 - x, y2 - y])
            inside = (sides > 0).all(0)
            kind[inside] = 1 + ACTORS.index(sprite.category)
            reach[:, inside] = sides[:, inside] / 32
    return kind, reach


def train(clips: list[Clip], trunk: SmallBackbone, k: int, epochs: int, seed: int) -> PooledClassifier:
    """Train from labels: cross-entropy of each class's mean over its k best tubes."""
    torch.manual_seed(seed)
    network = PooledClassifier(deepcopy(trunk).train())
    rate, steps = 2e-3, epochs * -(-len(clips) // BATCH)
    optimizer = torch.optim.AdamW(network.parameters(), lr=rate, weight_decay=1e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, rate, steps)
    for _ in range(epochs):
        for batch in torch.randperm(len(clips)).split(BATCH):
            losses = []
            for index in batch.tolist():
                logits = network(clips[index], flip=bool(torch.rand(()) < 0.5))
                best = logits.topk(min(k, len(logits)), dim=0).values.mean(0)
                losses.append(nn.functional.cross_entropy(best, torch.tensor(clips[index].label)))
            optimizer.zero_grad()
            torch.stack(losses).mean().backward()
            optimizer.step()
            schedule.step()
    return network.eval()


@torch.no_grad()
def score(network: PooledClassifier, clips: list[Clip]) -> list[NDArray]:
    """Class scores (P, C) of each clip's tubes."""
    return [network(clip).softmax(1).numpy() for clip in clips]


def mean_average_precision(scores: list[NDArray], clips: list[Clip]) -> float:
    """Mean over classes of the area under the precision envelope."""
    precisions = []
    for label in range(len(CLASSES)):
        value = np.concatenate([s[:, label] for s in scores])
        right = np.concatenate(
            [(np.arange(len(s)) == 0) & (c.label == label) for s, c in zip(scores, clips, strict=True)]
        )
        right = right[np.argsort(-value, kind="stable")]
        precision = np.cumsum(right) / np.arange(1, len(right) + 1)
        envelope = np.maximum.accumulate(precision[::-1])[::-1]
        precisions.append(envelope[right].sum() / right.sum())
    return float(np.mean(precisions))


def null_band(scores: list[NDArray], clips: list[Clip], rounds: int = 500) -> tuple[float, float]:
    """Where 95 % of the mAPs lie when scores are permuted between videos."""
    rng = np.random.default_rng(0)
    shuffled = [[scores[i] for i in rng.permutation(len(scores))] for _ in range(rounds)]
    low, high = np.quantile([mean_average_precision(s, clips) for s in shuffled], (0.025, 0.975))
    return float(low), float(high)


def clip_of(video: DemoVideo, settings: DemoSettings, masked: bool) -> Clip:
    """Draw a video: all its actors as tubes, or painted over, with the frame as only tube.

    What is painted is a square about each actor's feet of one size for all actors and classes,
    so that its shape does not tell the pose that it hides.
    """
    chosen = np.linspace(0, settings.frames - 1, FRAMES).round().astype(int)
    frames = np.stack([video.scene.image(frame) for frame in chosen])
    actors = (video.acting[0].sprite, *video.idling)
    tubes = np.stack([actor.boxes[chosen] for actor in actors])
    if masked:
        for image, frame in zip(frames, chosen, strict=True):
            for actor in actors:
                paint_over(image, actor.anchor[frame])
        whole = np.array([0, 0, settings.width, settings.height], np.float32)
        tubes = np.broadcast_to(whole, (1, FRAMES, 4)).copy()
    return Clip(frames, tubes, CLASSES.index(video.labels[0]))


def paint_over(image: NDArray[np.uint8], feet: NDArray[np.float32]) -> None:
    """Paint grey all that an actor on these feet can cover in any pose: 84x76 pixels at most."""
    x, y = feet.round().astype(int)
    image[max(y - 70, 0) : y + 6, max(x - 42, 0) : x + 42] = 128


def boxes_line(videos: list[DemoVideo]) -> str:
    """Recall of the middle box held still, and of perfect boxes of the middle one's aspect ratio."""
    static, fixed = [], []
    for video in videos:
        boxes = video.acting[0].sprite.boxes.astype(float)
        middle = boxes[len(boxes) // 2]
        static.append(tube_iou(np.broadcast_to(middle, boxes.shape)[None], boxes[None])[0, 0])
        centre, side = (boxes[:, :2] + boxes[:, 2:]) / 2, boxes[:, 2:] - boxes[:, :2]
        shape = (middle[2:] - middle[:2]) / np.sqrt(np.prod(middle[2:] - middle[:2]))
        half = np.sqrt(side.prod(1))[:, None] * shape / 2
        same = np.concatenate([centre - half, centre + half], axis=1)
        fixed.append(tube_iou(same[None], boxes[None])[0, 0])
    still, aspect = np.array(static), np.array(fixed)
    return (
        f"static boxes: recall@0.5 {(still >= 0.5).mean():.3f}, recall@0.2 {(still >= 0.2).mean():.3f}\n"
        f"perfect boxes of one aspect ratio: recall@0.5 {(aspect >= 0.5).mean():.3f}, "
        f"mean IoU {aspect.mean():.3f}"
    )


def network_line(
    measure: str, videos: list[DemoVideo], trunk: SmallBackbone, settings: DemoSettings, epochs: int
) -> str:
    """The mAP of a network trained from labels, and the band of the null."""
    clips: dict[str, list[Clip]] = {"train": [], "test": []}
    for video in videos:
        clip = clip_of(video, settings, masked=measure == "masked")
        if measure == "oracle":
            clip = Clip(clip.frames, clip.tubes[:1], clip.label)
        clips[video.split].append(clip)
    k = {"top-k": 2, "mean": len(videos)}.get(measure, 1)
    scores = score(train(clips["train"], trunk, k, epochs, settings.seed), clips["test"])
    low, high = null_band(scores, clips["test"])
    value = mean_average_precision(scores, clips["test"])
    return f"{measure}: mAP {value:.3f} (null {low:.3f} to {high:.3f})"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seed", type=int, default=0, help="of the videos and of the training")
    parser.add_argument("--epochs", type=int, default=12, help="of training")
    parser.add_argument("--only", choices=MEASURES, help="one measure instead of all")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    settings = DemoSettings(seed=arguments.seed)
    videos = list(demo_videos(settings))
    measures = [arguments.only] if arguments.only else MEASURES
    if "boxes" in measures:
        print(boxes_line([video for video in videos if video.split == "test"]), flush=True)
    if networks := [measure for measure in measures if measure != "boxes"]:
        trunk = trunk_taught_by_stills(settings)
        for measure in networks:
            print(network_line(measure, videos, trunk, settings, arguments.epochs), flush=True)


if __name__ == "__main__":
    main()
