"""How fast linking is, against the plain loop: one target, one direction after the other.

    python benchmarks/linking.py --trunk vgg16 --targets 20 --frames 8
    python benchmarks/linking.py --trunk small --targets 20 --frames 32
    python benchmarks/linking.py --backbone backbone.onnx --head head.onnx     # NanoTrack too

It makes a video of its own (targets that wander over a moving background, 320x240) and prints for
each way, in one run:

frame-targets   targets times frames that were tracked, a second
ratio           to the plain loop of the same tracker, the baseline
of the limit    share of the machine's matrix products a second (measured in the same run, float32)
                that the arithmetic of the trunk makes
peak            most memory that the process had so far, on a GPU that of its tensors, GiB
same            tracks that equal the plain loop's to the bit
wasted          seeds that were tracked ahead and made no tube, of a linker over the true boxes
"""

import argparse
import resource
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
import numpy as np
import torch
from torch.utils.flop_counter import FlopCounterMode

from actorsup.artifacts.images import Image
from actorsup.detection.base import Detections
from actorsup.linking.algorithm import TrackingLinker
from actorsup.linking.base import Seed, Track, Tracker, VideoDetections
from actorsup.linking.settings import LinkerSettings
from actorsup.linking.siamese.network import crop_sizes, siamese_network
from actorsup.linking.siamese.tracker import SiameseTracker
from actorsup.training.devices import resolve_device

WIDTH, HEIGHT = 320, 240


def wandering(frames: int, targets: int, size: float) -> tuple[list[Image], np.ndarray]:
    """Images, and the true boxes (frames, targets, 4) of what wanders in them."""
    random = np.random.default_rng(0)

    def texture(height: int, width: int, blur: float) -> np.ndarray:
        noise = random.integers(0, 255, (height, width, 3), np.uint8)
        smooth = cv2.GaussianBlur(noise, (0, 0), blur).astype(float)
        return ((smooth - smooth.min()) / np.ptp(smooth) * 255).astype(np.uint8)

    ground = texture(HEIGHT + 2 * frames, WIDTH + 2 * frames, 4)
    sizes = (size * random.integers((24, 50), (50, 110), (targets, 2))).astype(int)
    sprites = [texture(h, w, 5) for w, h in sizes]
    place = random.uniform(0, 1, (targets, 2)) * ((WIDTH, HEIGHT) - sizes)
    speed = random.uniform(-2, 2, (targets, 2))
    images, boxes = [], np.zeros((frames, targets, 4), np.float32)
    for frame in range(frames):
        image = ground[frame : frame + HEIGHT, frame : frame + WIDTH].copy()
        for number, (sprite, (w, h)) in enumerate(zip(sprites, sizes, strict=True)):
            x, y = np.clip(place[number], 0, (WIDTH - w, HEIGHT - h)).astype(int)
            image[y : y + h, x : x + w] = sprite
            boxes[frame, number] = x, y, x + w, y + h
        place = place + speed
        images.append(image)
    return images, boxes


def seconds_of(job: Callable[[], list[Track]]) -> tuple[float, list[Track]]:
    """How long a job takes, and what it returns."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    start = time.monotonic()
    tracks = job()
    return time.monotonic() - start, tracks


def products_a_second(device: torch.device) -> float:
    """Floating-point operations a second of a large float32 matrix product."""
    size = 2048 if device.type == "cpu" else 8192
    a = torch.randn(size, size, device=device)

    def product() -> list[Track]:
        torch.mm(a, a)
        return []

    return 2 * size**3 / min(seconds_of(product)[0] for _ in range(5))


def same(some: Sequence[Track], others: Sequence[Track]) -> int:
    """How many tracks are equal to the bit."""
    return sum(np.array_equal(a.boxes, b.boxes) for a, b in zip(some, others, strict=True))


def waste(tracker: Tracker, images: list[Image], boxes: np.ndarray, ahead: int) -> str:
    """Seeds tracked in vain by a linker over the true boxes, shaken."""
    random = np.random.default_rng(1)
    frames, targets = boxes.shape[:2]
    shaken = boxes + random.normal(0, 2, boxes.shape)
    score = random.uniform(0.3, 1, (frames, targets))
    detections = Detections(
        np.repeat(np.arange(frames, dtype=np.int32), targets),
        shaken.reshape(-1, 4).astype(np.float32),
        score.reshape(-1).astype(np.float32),
        np.ones(frames * targets, np.int16),
    )
    linker = TrackingLinker(tracker, targets, 0.7, ahead)
    linker.link([VideoDetections(images, detections)])
    return f"{linker.wasted} of {linker.tracked}"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--trunk", default="vgg16", choices=["vgg16", "small"])
    parser.add_argument("--targets", type=int, default=20)
    parser.add_argument("--frames", type=int, default=8)
    parser.add_argument("--plain", type=int, default=3, help="targets that the plain loop follows")
    parser.add_argument("--size", type=float, default=1, help="of the targets, times 24-50 by 50-110 pixels")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--backbone", type=Path, help="NanoTrack's ONNX files, to measure it too")
    parser.add_argument("--head", type=Path)
    options = parser.parse_args()
    device = resolve_device(options.device)
    images, boxes = wandering(options.frames, options.targets, options.size)
    middle = options.frames // 2
    seeds = [Seed(images, middle, box) for box in boxes[middle]]
    steps = options.frames - 1
    limit = products_a_second(device)
    print(f"{device}, {torch.get_num_threads()} threads, {limit / 1e9:.0f} GFLOP/s in matrix products")

    def row(name: str, seconds: float, targets: int, base: float, rest: str = "") -> None:
        rate = targets * steps / seconds
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
        if device.type == "cuda":
            peak = torch.cuda.max_memory_allocated() / 2**30
        print(f"{name:28s} {rate:9.2f} frame-targets a second, {rate / base:6.2f} x, peak {peak:.2f}{rest}")

    settings = {mode: LinkerSettings(trunk=options.trunk, mode=mode) for mode in ("exact", "shared")}
    network = siamese_network(options.trunk, None)
    trackers = {mode: SiameseTracker(network, one, device) for mode, one in settings.items()}
    exact = trackers["exact"]
    exact.track([Seed(images[:2], 0, boxes[0, 0])])  # warm
    _, search, _ = crop_sizes(settings["exact"])
    with FlopCounterMode(display=False) as counter, torch.inference_mode():
        network.trunk(torch.zeros(1, 3, search, search, device=device))
    operations = counter.get_total_flops() * settings["exact"].scales
    plain = min(options.plain, options.targets)
    seconds, single = seconds_of(lambda: [exact.track([seed])[0] for seed in seeds[:plain]])
    base = plain * steps / seconds
    row("plain loop (baseline)", seconds, plain, base, f", {base * operations / limit:.2f} of the limit")
    seconds, together = seconds_of(lambda: exact.track(seeds))
    rate = options.targets * steps / seconds
    remark = (
        f", {rate * operations / limit:.2f} of the limit, same {same(single, together[:plain])} of {plain}"
    )
    row(f"exact, {options.targets} together", seconds, options.targets, base, remark)
    seconds, _ = seconds_of(lambda: trackers["shared"].track(seeds))
    row(f"shared, {options.targets} together", seconds, options.targets, base)
    for ahead in (0, 4, options.targets - 1):
        print(f"shared, seeds_ahead {ahead}: {waste(trackers['shared'], images, boxes, ahead)} seeds wasted")
    if options.backbone and options.head:
        nanotrack(options.backbone, options.head, seeds, row)


def nanotrack(backbone: Path, head: Path, seeds: list[Seed], row: Callable[..., None]) -> None:
    """NanoTrack against a plain loop over OpenCV's tracker."""
    from actorsup.linking.trackers.nanotrack import NanoTracker

    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_ERROR)

    def plain_loop() -> list[Track]:
        for seed in seeds:
            x1, y1, x2, y2 = map(float, seed.box)
            parameters = cv2.TrackerNano_Params()  # type: ignore[attr-defined]
            parameters.backbone, parameters.neckhead = str(backbone), str(head)
            count = len(seed.images)
            for frames in (range(seed.frame + 1, count), range(seed.frame - 1, -1, -1)):
                tracker = cv2.TrackerNano_create(parameters)  # type: ignore[attr-defined]
                tracker.init(seed.images[seed.frame], (int(x1), int(y1), int(x2 - x1), int(y2 - y1)))
                for frame in frames:
                    tracker.update(seed.images[frame])
        return []

    ours = NanoTracker(backbone, head)
    base, _ = seconds_of(plain_loop)
    rate = len(seeds) * (len(seeds[0].images) - 1) / base
    row("NanoTrack, OpenCV's loop", base, len(seeds), rate)
    row("NanoTrack", seconds_of(lambda: ours.track(seeds))[0], len(seeds), rate)


if __name__ == "__main__":
    main()
