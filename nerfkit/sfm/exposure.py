"""How much brighter than the others each photo was taken, in red, green and blue.

A phone chooses exposure and white balance anew for every photo. Whoever learns from such photos as they are
explains the differences by fog before the cameras. Here the reconstruction's points tell them apart from the
place itself: a photo's pixel is its point's colour times the photo's gain. Pure gains in the photos' own
numbers are exact where their tone curve is a power, and near enough elsewhere.
"""

import logging
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from nerfkit.files import read_image
from nerfkit.sfm.model import Model

log = logging.getLogger("nerfkit")

BLOWN = 0.95  # of the range; brighter pixels are clipped and say nothing of a gain
FEWEST = 30  # observations of a photo, below which its gain stays 1
ROUNDS = 50
SETTLED = 1e-3  # change of a gain
WORTH = 0.9  # of the points' spread, that gains must leave at most: shading and noise alone leave more


@dataclass(frozen=True)
class Observations:
    """N pixels that show points: photo (N,), point (N,), and colour (N, 3) in [0, 1]."""

    photo: np.ndarray
    point: np.ndarray
    colour: np.ndarray

    def __getitem__(self, chosen: np.ndarray) -> "Observations":
        return Observations(self.photo[chosen], self.point[chosen], self.colour[chosen])


def exposures(model: Model, photos: Path, wanted: str) -> tuple[np.ndarray, dict]:
    """The gain of every view, and what the manifest says of it.

    Args:
        photos: folder of the prepared photos.
        wanted: auto (gains where the points ask for them) | equal (always) | as_shot (never).
    Returns:
        (V, 3), the views' median 1 in each channel; all 1 where nothing is equalised. The gains of test
        photos are found from points whose colours the training photos tell alone.
    """
    none = np.ones((len(model.views), 3))
    if wanted == "as_shot":
        return none, {"equalised": False}
    seen = observe(model, photos)
    train = np.array([view.photo.split == "train" for view in model.views])
    learnt = seen[train[seen.photo]]
    gains, colours = solve(learnt, len(model.views), len(model.points))
    gains[~train] = view_gains(seen, colours, len(model.views))[~train]
    plain = point_colours(learnt, none, len(model.points))
    before, after = (spread(learnt, *guess) for guess in ((none, plain), (gains, colours)))
    equalised = wanted == "equal" or after < WORTH * before
    if equalised:
        log.info("exposures differ by factors of %.2f to %.2f: equalised", gains.min(), gains.max())
    facts = {"equalised": equalised, "spread": round(before, 5), "spread_equalised": round(after, 5)}
    return (gains if equalised else none), facts


def observe(model: Model, photos: Path) -> Observations:
    """The colours at which the views show the model's points, a pixel and its neighbours averaged."""
    parts = []
    for number, view in enumerate(model.views):
        photo = cv2.blur(read_image(photos / view.photo.file).astype(np.float32) / 255, (3, 3))
        column, row = np.floor(view.xy).astype(int).T
        colour = photo[row.clip(0, photo.shape[0] - 1), column.clip(0, photo.shape[1] - 1)]
        clear = (colour < BLOWN).all(axis=1)
        points = view.point_idx[clear]
        parts.append(Observations(np.full(len(points), number), points, colour[clear]))
    return Observations(
        *(np.concatenate([getattr(part, name) for part in parts]) for name in ("photo", "point", "colour"))
    )


def solve(seen: Observations, photos: int, points: int) -> tuple[np.ndarray, np.ndarray]:
    """Gains (photos, 3) and colours (points, 3) with the least sum of |colour seen - gain * colour|.

    Each is in turn the best for the other, a weighted median, so that highlights and wrong points count
    little.
    """
    gains = np.ones((photos, 3))
    for _ in range(ROUNDS):
        colours = point_colours(seen, gains, points)
        new = view_gains(seen, colours, photos)
        new /= np.median(new, axis=0)
        moved, gains = np.abs(new - gains).max(), new
        if moved < SETTLED:
            break
    return gains, point_colours(seen, gains, points)


def point_colours(seen: Observations, gains: np.ndarray, points: int) -> np.ndarray:
    """The points' colours (points, 3) under gains (photos, 3)."""
    gain = gains[seen.photo]
    return grouped_medians(seen.colour / gain, gain, seen.point, points)


def view_gains(seen: Observations, colours: np.ndarray, photos: int) -> np.ndarray:
    """The photos' gains (photos, 3) under colours of the points (points, 3); 1 for a photo of few points."""
    colour = np.maximum(colours[seen.point], 1e-3)
    gains = grouped_medians(seen.colour / colour, colour, seen.photo, photos)
    gains[np.bincount(seen.photo, minlength=photos) < FEWEST] = 1
    return gains


def spread(seen: Observations, gains: np.ndarray, colours: np.ndarray) -> float:
    """Mean |colour seen - gain * colour|, in [0, 1]."""
    return float(np.abs(seen.colour - gains[seen.photo] * colours[seen.point]).mean())


def grouped_medians(values: np.ndarray, weights: np.ndarray, group: np.ndarray, groups: int) -> np.ndarray:
    """Weighted lower medians of the rows of each group and column: (N, C), (N, C), (N,) to (groups, C).

    A group without rows gives 1.
    """
    medians = np.ones((groups, values.shape[1]))
    for column in range(values.shape[1]):
        order = np.lexsort((values[:, column], group))
        total = np.cumsum(weights[order, column], dtype=float)
        ends = np.cumsum(np.bincount(group, minlength=groups))
        reached = np.concatenate([[0.0], total])[np.concatenate([[0], ends])]
        there = np.diff(reached) > 0
        halfway = (reached[:-1] + reached[1:])[there] / 2
        medians[there, column] = values[order, column][np.searchsorted(total, halfway)]
    return medians
