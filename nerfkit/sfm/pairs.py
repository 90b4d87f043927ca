"""Which photos are matched with which.

Few photos: every pair. A video, or many photos: each with its neighbours in capture order and with those that
look most like it, found by a quick comparison of a few coarse keypoints (no vocabulary tree to download).
"""

import logging
from pathlib import Path

import numpy as np

from nerfkit.photos import PhotoSet
from nerfkit.sfm.features import coarse_descriptors
from nerfkit.sfm.settings import SfmSettings

log = logging.getLogger("nerfkit")

LOOK = 400  # keypoints per photo by which resemblance is judged
RATIO = 0.8  # Lowe's ratio test, here on the angles between descriptors


def choose_pairs(
    database: Path, photos: PhotoSet, numbers: list[int], settings: SfmSettings, factor: int = 1
) -> list[tuple[int, int]]:
    """Pairs (a, b), a < b, of photo numbers to match, sorted; a factor asks for so many times more."""
    everything = [(a, b) for i, a in enumerate(numbers) for b in numbers[i + 1 :]]
    limit = settings.exhaustive_limit * factor if photos.source == "photos" or factor > 1 else 0
    if len(numbers) <= limit:
        log.info("matching every pair of %d photos (%d pairs)", len(numbers), len(everything))
        return everything
    near, alike = settings.neighbours * factor, settings.lookalikes * factor
    found = lookalikes(coarse_descriptors(database, LOOK), alike)
    pairs = sorted(neighbours(photos, numbers, near) | found)
    log.info(
        "matching each of %d photos with its %d neighbours in capture order and the %d most like it: "
        "%d of %d pairs",
        *(len(numbers), near, alike, len(pairs), len(everything)),
    )
    return pairs


def neighbours(photos: PhotoSet, numbers: list[int], count: int) -> set[tuple[int, int]]:
    """Each photo with the next `count` of its own split in capture order."""
    pairs = set()
    for split in ("train", "test"):
        ordered = [number for number in numbers if photos.photos[number].split == split]
        for i, number in enumerate(ordered):
            pairs.update((number, other) for other in ordered[i + 1 : i + 1 + count])
    return pairs


def lookalikes(descriptors: dict[int, np.ndarray], count: int) -> set[tuple[int, int]]:
    """Each photo with the `count` that share most mutual nearest descriptors with it.

    Args:
        descriptors: unit descriptors (K, 128) by photo number; all-zero rows stand for none.
    """
    numbers = sorted(descriptors)
    shared = np.zeros((len(numbers), len(numbers)), int)
    for i, a in enumerate(numbers):
        for j in range(i):
            shared[i, j] = shared[j, i] = mutual_matches(descriptors[a], descriptors[numbers[j]])
    pairs = set()
    for i, a in enumerate(numbers):
        best = np.argsort(-shared[i], kind="stable")[:count]
        pairs.update(tuple(sorted((a, numbers[j]))) for j in best if shared[i, j] > 0)
    return pairs


def mutual_matches(a: np.ndarray, b: np.ndarray) -> int:
    """Count rows of `a` (N, D) and `b` (M, D), unit vectors, that are unambiguously each other's nearest."""
    cosine = a @ b.T
    to_b, to_a = cosine.argmax(axis=1), cosine.argmax(axis=0)
    mutual = to_a[to_b] == np.arange(len(a))
    second, first = np.partition(cosine, -2, axis=1)[:, -2:].T
    angles = np.arccos(np.clip([first, second], -1, 1))
    return int((mutual & (angles[0] < RATIO * angles[1])).sum())
