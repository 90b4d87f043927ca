"""The embedded inpainter: continue the picture with patches of itself, from coarse to fine.

Patch-based completion after Wexler et al. 2007 and Newson et al., "Non-local patch-based image inpainting",
2017: onion-peel start on the coarsest level, texture channels in the patch distance, a few rounds of search
and vote on every level, and a last vote that is nearly a copy, so that texture stays as sharp as its source.
Flat surfaces are filled as seen straight on (charts.py), led by what goes on along their rows and columns
(low_rank.py).
"""

from dataclasses import dataclass

import cv2
import numpy as np

from nerfkit.errors import UserError
from nerfkit.inpainting import patchmatch
from nerfkit.inpainting.charts import Guide, flat_parts
from nerfkit.inpainting.disparity import complete_disparity
from nerfkit.inpainting.low_rank import low_rank
from nerfkit.inpainting.regions import grown, shrunk
from nerfkit.inpainting.seams import without_seams
from nerfkit.masks import surroundings
from nerfkit.membrane import meeting

TEXTURE_WEIGHT = 5.0  # of a mean absolute gradient against a colour difference
DISPARITY_WEIGHT = 0.5  # of a difference as large as the disparity's range against a colour difference
REGULAR_WEIGHT = 1.0  # of a difference in what goes on along rows and columns
SURROUNDED = 0.9  # share of the rim that shows one surface, from which on it goes on through the hole
FEWEST_EXEMPLARS = 1000  # patches of that surface; with fewer the rest of the picture helps more
PAINTED = 5  # channels that are painted in the hole
PLACE_WEIGHT = 0.5  # of a patch taken from a picture's diagonal away, against a colour difference
BLENDING, COPYING = 3.0, 1e3  # sharpness of a vote, in units of one over the typical cost
COARSEST = 3  # half the thickness of the hole on the coarsest level, in patch radii
ROUNDS = (10, 5, 4, 3)  # rounds of search and vote from the coarsest level on; the last entry for the rest
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


def texture(image: np.ndarray, known: np.ndarray, width: int) -> np.ndarray:
    """Mean absolute horizontal and vertical gradient of the known pixels in a box, (H, W, 2)."""
    grey = image.mean(axis=2)
    gradient = np.zeros((*grey.shape, 2), np.float32)
    gradient[:, 1:, 0] = np.abs(np.diff(grey, axis=1)) * (known[:, 1:] & known[:, :-1])
    gradient[1:, :, 1] = np.abs(np.diff(grey, axis=0)) * (known[1:] & known[:-1])
    share = cv2.blur(known.astype(np.float32), (width, width))
    return cv2.blur(gradient, (width, width)) / np.maximum(share, 1e-3)[..., None]


@dataclass(frozen=True)
class ExemplarInpainter:
    """The patch completion.

    `radius`: patches measure 2 * radius + 1 px. `context`: how far around the hole exemplars are taken from,
    in image widths. `seed` makes the random search repeatable.
    """

    radius: int = 3
    context: float = 0.25
    seed: int = 0

    def fill(self, image: np.ndarray, hole: np.ndarray, guide: Guide | None = None) -> np.ndarray:
        """Fill the hole (H, W) of a uint8 RGB image (H, W, 3); other pixels are returned as they are.

        With a guide flat parts are filled as seen straight on, and the rest with patches from where the
        disparity is alike, so that a texture comes from the same surface and at the same scale.

        Raises:
            UserError: nothing around the hole is large enough to take a patch from.
        """
        result = image.copy()
        if not hole.any():
            return result
        picture = image.astype(np.float32) / 255
        left = hole if guide is None else self.fill_flat(picture, hole, guide)
        if left.any():
            part = surroundings(left, max(round(self.context * hole.shape[1]), 8 * self.radius))
            alike = None
            if guide is not None:
                disparity = guide.disparity[part]
                alike = (DISPARITY_WEIGHT * disparity / max(np.ptp(disparity), 1e-6))[..., None]
            picture[left] = self.complete(picture[part], left[part], alike)[left[part]]
        result[hole] = (np.clip(picture[hole], 0, 1) * 255 + 0.5).astype(np.uint8)
        return result

    def fill_flat(self, picture: np.ndarray, hole: np.ndarray, guide: Guide) -> np.ndarray:
        """Fill the flat parts of a hole in place, the picture float32; returns what is left of the hole."""
        left = hole.copy()
        for part in flat_parts(picture, hole, guide, self.context, self.seed):
            if part.surrounded < SURROUNDED or shrunk(part.known, self.radius).sum() < FEWEST_EXEMPLARS:
                continue
            regular = low_rank(part.colours, part.known, part.wanted)
            if regular is None:
                continue
            regular = np.clip(meeting(regular, part.colours, part.known, part.wanted), 0, 1)
            alike = REGULAR_WEIGHT * cv2.GaussianBlur(regular, (0, 0), 1)
            _, match = self.painted(part.colours, part.wanted, part.known | part.wanted, alike)
            mine, found = part.sample(with_detail(regular, part.colours, match, part.wanted), guide)
            picture[mine] = found
            left &= ~mine
        return left

    def fill_disparity(self, disparity: np.ndarray, hole: np.ndarray, xy: np.ndarray) -> np.ndarray:
        """Flat surfaces and a soap film: see `complete_disparity`."""
        return complete_disparity(disparity, hole, xy, seed=self.seed)

    def complete(self, image: np.ndarray, hole: np.ndarray, guide: np.ndarray | None = None) -> np.ndarray:
        """Complete a float32 image (H, W, 3) in [0, 1]; the whole picture serves as exemplar."""
        filled, match = self.painted(image, hole, np.ones_like(hole), guide)
        return without_seams(filled, match, hole)

    def painted(
        self, image: np.ndarray, hole: np.ndarray, inside: np.ndarray, guide: np.ndarray | None
    ) -> tuple[np.ndarray, np.ndarray]:
        """A float32 image (H, W, 3) in [0, 1] with patches of what is `inside` (H, W) painted into its hole.

        `guide` (H, W, C) is known in the hole too: patches are taken from where it is alike, on the scale of
        colours.

        Returns: the image, and the row and column of each pixel's source, (H, W, 2).
        """
        channels = [image, TEXTURE_WEIGHT * texture(image, inside & ~hole, 2 * self.radius + 1)]
        if guide is not None:
            channels.append(guide)
        levels = pyramid(np.concatenate(channels, axis=2, dtype=np.float32), hole, inside, self.radius)
        rng = np.random.default_rng(self.seed)
        match = None
        for index, level in enumerate(reversed(levels)):
            rounds = ROUNDS[min(index, len(ROUNDS) - 1)]
            canvas = Canvas(level, self.radius, rng)
            match = canvas.paint(match, rounds, sharp=index == len(levels) - 1)
        whole = tuple(map(slice, hole.shape))
        return levels[0].pixels[whole][..., :3], match[whole]


def with_detail(
    regular: np.ndarray, colours: np.ndarray, match: np.ndarray, wanted: np.ndarray
) -> np.ndarray:
    """What is regular (h, w, 3), with the detail of patches, for copies of patches end stripes where no patch
    has their crossing.

    Args:
        colours: (h, w, 3); what they differ by from `regular` at a pixel's source is its detail.
        match: (h, w, 2), the row and column of each pixel's source.
        wanted: bool (h, w); other pixels are returned as they are.
    """
    result = colours.copy()
    source = tuple(match[wanted].T)
    result[wanted] = regular[wanted] + colours[source] - regular[source]
    return result


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

    def __init__(self, level: Level, radius: int, rng: np.random.Generator):
        self.level, self.radius, self.rng, self.pad = level, radius, rng, radius + 1
        self.hole, self.inside, self.source = (
            np.pad(mask, self.pad) for mask in (level.hole, level.inside, level.sources(radius))
        )
        self.pixels = np.pad(level.pixels, [(self.pad, self.pad)] * 2 + [(0, 0)])
        self.sources = np.argwhere(self.source)
        self.match = np.zeros((*self.hole.shape, 2), np.int64)
        depth = cv2.distanceTransform(self.hole.astype(np.uint8), cv2.DIST_L2, 3)
        self.trust = (TRUST_DECAY**-depth).astype(np.float32)
        self.place = np.float32(PLACE_WEIGHT**2 / np.square(level.hole.shape).sum())
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
