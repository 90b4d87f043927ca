"""Which photos are matched: neighbours, look-alikes, everything."""

from pathlib import Path

import numpy as np
import pytest

from nerfkit.photos import Photo, PhotoSet
from nerfkit.sfm import SfmSettings, pairs
from nerfkit.sfm.pairs import RATIO, choose_pairs, lookalikes, mutual_matches, neighbours


def photo_set(train: int, test: int = 0, source: str = "photos") -> PhotoSet:
    splits = ["train"] * train + ["test"] * test
    photos = [
        Photo(
            str(i),
            split,
            f"{i}.jpg",
            (8, 6),
            1,
            file=f"{i}.png",
            size=(8, 6),
            large=f"{i}.jpg",
            large_size=(8, 6),
        )
        for i, split in enumerate(splits)
    ]
    return PhotoSet(Path(), source, photos)


def unit(rows: np.ndarray) -> np.ndarray:
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def slow_mutual_matches(a: np.ndarray, b: np.ndarray) -> int:
    angles = np.array([[np.arccos(np.clip(x @ y, -1, 1)) for y in b] for x in a])
    count = 0
    for i in range(len(a)):
        j = int(np.argmin(angles[i]))
        second = np.sort(angles[i])[1]
        count += int(np.argmin(angles[:, j]) == i and angles[i, j] < RATIO * second)
    return count


@pytest.mark.parametrize("seed", range(5))
def test_mutual_matches_against_loops(seed):
    rng = np.random.default_rng(seed)
    a, b = (unit(np.abs(rng.standard_normal((n, 128)))) for n in rng.integers(5, 30, 2))
    shared = min(len(a), len(b)) // 2
    b[:shared] = unit(a[:shared] + 0.02 * rng.standard_normal((shared, 128)))
    assert mutual_matches(a, b) == slow_mutual_matches(a, b) >= shared


def test_padding_matches_nothing():
    a = np.zeros((6, 128), np.float32)
    a[:3] = unit(np.abs(np.random.default_rng(0).standard_normal((3, 128))))
    b = np.zeros((6, 128), np.float32)
    assert mutual_matches(a, b) == mutual_matches(b, a) == 0
    assert mutual_matches(a, a) == 3


def test_lookalikes_join_photos_that_share_descriptors():
    """Photos 0 to 5 in two groups that share nothing; each finds its own group."""
    rng = np.random.default_rng(1)
    groups = [unit(np.abs(rng.standard_normal((20, 128)))) for _ in range(2)]
    descriptors = {n: unit(groups[n % 2] + 0.01 * rng.standard_normal((20, 128))) for n in range(6)}
    assert lookalikes(descriptors, 2) == {(0, 2), (0, 4), (2, 4), (1, 3), (1, 5), (3, 5)}


def test_neighbours_stay_within_a_split():
    found = neighbours(photo_set(4, 3), list(range(7)), 2)
    assert found == {(0, 1), (0, 2), (1, 2), (1, 3), (2, 3), (4, 5), (4, 6), (5, 6)}


@pytest.mark.parametrize(
    ("count", "source", "factor", "all_pairs"),
    [(6, "photos", 1, True), (7, "photos", 1, False), (6, "video", 1, False), (7, "video", 2, True)],
)
def test_every_pair_for_few_photos_only(monkeypatch, caplog, count, source, factor, all_pairs):
    monkeypatch.setattr(pairs, "coarse_descriptors", lambda database, number: {})
    caplog.set_level("INFO")
    settings = SfmSettings(exhaustive_limit=6, neighbours=1)
    found = choose_pairs(Path(), photo_set(count, source=source), list(range(count)), settings, factor)
    assert (len(found) == count * (count - 1) // 2) == all_pairs
    assert ("every pair" in caplog.text) == all_pairs
    assert ("neighbours in capture order" in caplog.text) != all_pairs
