"""A picture at several sizes, and how a hole in one of them is painted with patches."""

from dataclasses import dataclass

import cv2
import numpy as np

from nerfkit.errors import UserError
from nerfkit.inpainting import patchmatch
from nerfkit.inpainting.regions import grown, shrunk

PAINTED = 5  # channels that are painted in the hole
BLENDING, COPYING = 3.0, 1e3  # sharpness of a vote, in units of one over the typical cost
COARSEST = 3  # half the thickness of the hole on the coarsest level, in patch radii
TRUST_DECAY = 1.3  # a patch one pixel deeper in the hole has 1/1.3 of the say (Wexler et al., section 4.2)
EXHAUSTIVE = 2_000_000  # pairs of patches up to which a search is exact
FEWEST_SOURCES = 64  # a level with fewer source patches is of no use


@dataclass
class Level:
    """One level of the pyramid.

    `pixels` float32 (H, W, 5 or more): red, green, blue, two of texture, and the guide's, which are known in
    the hole as well.
    """

    pixels: np.ndarray
    hole: np.ndarray
    inside: np.ndarray  # bool (H, W): part of the picture, not of the padding

    def half(self) -> "Level":
        """The next coarser level: means over the known pixels of 2x2 blocks; a touched block is hole."""
        known = self.inside & ~self.hole
        share = _blocks(known.astype(np.float32)).mean(axis=2)
        pixels = _blocks(self.pixels * known[..., None]).mean(axis=2) / np.maximum(share, 0.25)[..., None]
        pixels[..., PAINTED:] = _blocks(self.pixels[..., PAINTED:]).mean(axis=2)
        inside = _blocks(self.inside).any(axis=2)
        return Level(pixels, _blocks(self.hole).any(axis=2), inside)

    def sources(self, radius: int) -> np.ndarray:
        """Centres of the patches that are wholly known, bool (H, W)."""
        return shrunk(self.inside & ~self.hole, radius)


def _blocks(array: np.ndarray) -> np.ndarray:
    """(2h, 2w, ...) to (h, w, 4, ...): the pixels of each 2x2 block."""
    return np.stack([array[::2, ::2], array[::2, 1::2], array[1::2, ::2], array[1::2, 1::2]], axis=2)


def pyramid(pixels: np.ndarray, hole: np.ndarray, inside: np.ndarray, radius: int) -> list[Level]:
    """Levels from fine to coarse, until the hole is a few patches thick or the exemplars run out."""
    thickness = cv2.distanceTransform(np.pad(hole, 1).astype(np.uint8), cv2.DIST_L2, 3).max()
    depth = max(0, int(np.log2(thickness / (COARSEST * radius))))
    tail = [(0, -size % 2**depth) for size in hole.shape]
    level = Level(np.pad(pixels, [*tail, (0, 0)], mode="edge"), np.pad(hole, tail), np.pad(inside, tail))
    levels = [level]
    if not level.sources(radius).any():
        raise UserError("A hole leaves no part of its photo to take a fill from; make the mask smaller.")
    for _ in range(depth):
        level = level.half()
        if level.sources(radius).sum() < FEWEST_SOURCES:
            break
        levels.append(level)
    return levels


class Canvas:
    """One level while it is painted: arrays padded by `pad`, so that no patch leaves them."""

    def __init__(self, level: Level, radius: int, rng: np.random.Generator, place: float):
        self.level, self.radius, self.rng, self.pad = level, radius, rng, radius + 1
        self.hole, self.inside, self.source = (
            np.pad(mask, self.pad) for mask in (level.hole, level.inside, level.sources(radius))
        )
        self.pixels = np.pad(level.pixels, [(self.pad, self.pad)] * 2 + [(0, 0)])
        self.sources = np.argwhere(self.source)
        self.match = np.zeros((*self.hole.shape, 2), np.int64)
        depth = cv2.distanceTransform(self.hole.astype(np.uint8), cv2.DIST_L2, 3)
        self.trust = (TRUST_DECAY**-depth).astype(np.float32)
        self.place = np.float32(place**2 / np.square(level.hole.shape).sum())
        self.state = rng.integers(1, 2**63, 1, np.uint64)

    @property
    def flat(self) -> np.ndarray:
        """The pixels as the kernels want them, a view (H, W * C)."""
        return self.pixels.reshape(len(self.pixels), -1)

    def paint(self, guess: np.ndarray | None, rounds: int, sharp: bool) -> np.ndarray:
        """Fill the level's hole; `guess` is the field of the coarser level. Returns this level's field."""
        targets = np.argwhere(grown(self.hole, self.radius) & self.inside)
        painted = np.argwhere(self.hole)
        cost = np.full(self.hole.shape, np.inf, np.float32)
        if guess is None:
            self.peel()
            self.start(targets)
        else:
            self.refine(guess, targets)
            cost[tuple(targets.T)] = 0
            self.vote(painted, cost, 0.0)
        for index in range(rounds):
            self.search(targets, cost, self.inside, sweeps=2)
            copying = sharp and index == rounds - 1
            self.vote(painted, cost, COPYING if copying else BLENDING)
        inner = (slice(self.pad, -self.pad),) * 2
        self.level.pixels[...] = self.pixels[inner]
        return self.match[inner] - self.pad

    def peel(self) -> None:
        """First guess: paint the hole layer by layer from its rim, comparing only what is there already."""
        usable, left = self.inside & ~self.hole, self.hole.copy()
        while left.any():
            layer = left & grown(usable, 1)
            targets = np.argwhere(layer)
            cost = np.full(self.hole.shape, np.inf, np.float32)
            self.start(targets)
            self.search(targets, cost, usable, sweeps=6)
            self.vote(targets, cost, BLENDING)
            usable |= layer
            left &= ~layer

    def start(self, targets: np.ndarray) -> None:
        """Random sources for the targets."""
        self.match[tuple(targets.T)] = self.sources[self.rng.integers(0, len(self.sources), len(targets))]

    def refine(self, guess: np.ndarray, targets: np.ndarray) -> None:
        """Sources from the coarser level's field, where they are allowed on this one."""
        self.start(targets)
        ys, xs = (targets - self.pad).T
        source = 2 * guess[ys // 2, xs // 2] + np.stack([ys % 2, xs % 2], axis=1) + self.pad
        source = np.clip(source, 0, np.array(self.hole.shape) - 1)
        allowed = self.source[tuple(source.T)]
        self.match[tuple(targets[allowed].T)] = source[allowed]

    def search(self, targets: np.ndarray, cost: np.ndarray, usable: np.ndarray, sweeps: int) -> None:
        """Better sources for the targets: all compared on a small level, PatchMatch on a large one."""
        arrays = (self.flat, usable, shrunk(usable, self.radius))
        rest = (targets, self.match, cost, self.radius, self.place)
        if len(targets) * len(self.sources) <= EXHAUSTIVE:
            patchmatch.search_all(*arrays, self.sources, *rest)
            return
        patchmatch.measure(*arrays, *rest)
        for index in range(sweeps):
            patchmatch.improve(*arrays, self.source, *rest, index % 2 == 1, self.state)

    def vote(self, painted: np.ndarray, cost: np.ndarray, sharpness: float) -> None:
        """Paint by the vote of the present field; `sharpness` is in units of one over the typical cost."""
        typical = np.percentile(cost[np.isfinite(cost)], 75) + 1e-8
        colours = patchmatch.vote(
            self.flat, painted, self.match, cost, self.trust, np.float32(sharpness / typical), self.radius
        )
        self.pixels[(*tuple(painted.T), slice(PAINTED))] = colours[:, :PAINTED]
