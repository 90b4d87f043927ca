"""The embedded inpainter: continue the picture with patches of itself, from coarse to fine.

Patch-based completion after Wexler et al. 2007 and Newson et al., "Non-local patch-based image inpainting",
2017: onion-peel start on the coarsest level, texture channels in the patch distance, a few rounds of search
and vote on every level, and a last vote that is nearly a copy, so that texture stays as sharp as its source.
Flat surfaces are filled as seen straight on (charts.py), led by what goes on along their rows and columns
(low_rank.py).
"""

from dataclasses import dataclass, replace

import cv2
import numpy as np

from nerfkit.inpainting.charts import FlatPart, flat_parts, strip_parts
from nerfkit.inpainting.disparity import complete_disparity, surfaces
from nerfkit.inpainting.guide import Guide
from nerfkit.inpainting.levels import FEWEST_SOURCES, Canvas, pyramid
from nerfkit.inpainting.low_rank import low_rank
from nerfkit.inpainting.regions import shrunk
from nerfkit.inpainting.seams import without_seams
from nerfkit.inpainting.strips import Strip, around, beside, find_strips
from nerfkit.masks import surroundings
from nerfkit.membrane import ANCHOR, meeting

TEXTURE_WEIGHT = 5.0  # of a mean absolute gradient against a colour difference
DISPARITY_WEIGHT = 0.5  # of a difference as large as the disparity's range against a colour difference
SURFACE_WEIGHT = 0.3  # of another surface
FRONT_WEIGHT = 1.0  # of what is front and what is top
REGULAR_WEIGHT = 1.0  # of a difference in what goes on along rows and columns
FINE = 2.0  # pixels of a blur: what it takes away is detail, as of a weave
SURROUNDED = 0.9  # share of the rim that shows one surface, from which on it goes on through the hole
FEWEST_EXEMPLARS = 1000  # patches of that surface; with fewer the rest of the picture helps more
PLACE_WEIGHT = 0.7  # of a patch taken from a picture's diagonal away, against a colour difference;
PATTERN_PLACE_WEIGHT = 0.5  # where a pattern tells what comes next, nearness matters less
HELD = 0.01  # pull of the colours copied into what ends in the hole: a seam fades within ten pixels
ROUNDS = (10, 5, 4, 3)  # rounds of search and vote from the coarsest level on; the last entry for the rest


def texture(image: np.ndarray, known: np.ndarray, width: int) -> np.ndarray:
    """Mean absolute horizontal and vertical gradient of the known pixels in a box, (H, W, 2)."""
    grey = image.mean(axis=2)
    gradient = np.zeros((*grey.shape, 2), np.float32)
    gradient[:, 1:, 0] = np.abs(np.diff(grey, axis=1)) * (known[:, 1:] & known[:, :-1])
    gradient[1:, :, 1] = np.abs(np.diff(grey, axis=0)) * (known[1:] & known[:-1])
    share = cv2.blur(known.astype(np.float32), (width, width))
    return cv2.blur(gradient, (width, width)) / np.maximum(share, 1e-3)[..., None]


def likeness(
    guide: Guide, hole: np.ndarray, part: tuple[slice, slice], strips: list[Strip], seed: int
) -> np.ndarray:
    """What is alike where pixels of a part of the picture lie on the same surface at the same distance,
    (h, w, C) on the scale of colours; the guide's disparity is known in the hole, too."""
    disparity = guide.disparity[part]
    number = surfaces(guide.disparity, hole, guide.xy, strips, seed=seed)
    mine = number[part][..., None] == np.unique(number[hole])
    relative = disparity[..., None] / max(np.ptp(disparity), 1e-6)
    return np.concatenate([DISPARITY_WEIGHT * relative, SURFACE_WEIGHT * mine], axis=-1)


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

        With a guide flat parts are filled as seen straight on, and the rest with patches of the same surface
        at a like disparity, so that a texture comes at the same scale and ends where its surface does.

        Raises:
            UserError: nothing around the hole is large enough to take a patch from.
        """
        result = image.copy()
        if not hole.any():
            return result
        picture = image.astype(np.float32) / 255
        left, strips = hole, []
        if guide is not None:
            strips = find_strips(guide, hole, self.seed)
            left = self.fill_flat(picture, hole, guide, strips)
        if left.any():
            part = surroundings(left, max(round(self.context * hole.shape[1]), 8 * self.radius))
            alike = None if guide is None else likeness(guide, left, part, strips, self.seed)
            usable = left | beside([strip for strip in strips if not left[strip.inside].all()], left)
            picture[left] = self.complete(picture[part], left[part], usable[part], alike)[left[part]]
        result[hole] = (np.clip(picture[hole], 0, 1) * 255 + 0.5).astype(np.uint8)
        return result

    def fill_flat(
        self, picture: np.ndarray, hole: np.ndarray, guide: Guide, strips: list[Strip]
    ) -> np.ndarray:
        """Fill the flat parts of a hole in place, the picture float32; returns what is left of the hole."""
        left = hole.copy()
        for part in strip_parts(picture, hole, guide, strips, self.context):
            left &= ~self.draw(picture, part, guide)
        others = replace(guide, disparity=np.where(around(strips, hole), 0, guide.disparity))
        for part in flat_parts(picture, left, others, self.context, self.seed):
            left &= ~self.draw(picture, part, guide)
        return left

    def draw(self, picture: np.ndarray, part: FlatPart, guide: Guide) -> np.ndarray:
        """Fill a flat part in place if enough shows what it is like; which pixels (H, W) were filled."""
        exemplars, drawn = shrunk(part.known, self.radius).sum(), None
        if part.ends and exemplars >= FEWEST_SOURCES:  # no row and no column of it is seen at both ends
            front = FRONT_WEIGHT * part.front[..., None]
            drawn = self.complete(part.colours, part.wanted, part.known | part.wanted, front, held=HELD)
        elif not part.ends and part.surrounded >= SURROUNDED and exemplars >= FEWEST_EXEMPLARS:
            drawn = self.regular(part)
        if drawn is None:
            return np.zeros_like(part.hole)
        mine, found = part.sample(drawn, guide)
        picture[mine] = found
        return mine

    def regular(self, part: FlatPart) -> np.ndarray | None:
        """A flat part filled by what goes on along its rows and columns, (h, w, 3); None if nothing does.

        Of what the photo has beside that, the coarse is carried on from the rim and the fine, a weave, comes
        from patches.
        """
        regular = low_rank(part.colours, part.known, part.wanted)
        if regular is None:
            return None
        lacking = part.colours - regular
        coarse = smoothed(lacking, part.known)
        regular = np.clip(meeting(regular, regular + coarse, part.known, part.wanted), 0, 1)
        alike = REGULAR_WEIGHT * cv2.GaussianBlur(regular, (0, 0), 1)
        known = part.known | part.wanted
        _, match = self.painted(part.colours, part.wanted, known, alike, PATTERN_PLACE_WEIGHT)
        # copies of patches would end stripes where no patch has their crossing
        result, source = part.colours.copy(), tuple(match[part.wanted].T)
        result[part.wanted] = regular[part.wanted] + (lacking - coarse)[source]
        return result

    def fill_disparity(self, guide: Guide, hole: np.ndarray) -> np.ndarray:
        """Strips, flat surfaces and a soap film: see `complete_disparity`."""
        strips = find_strips(guide, hole, self.seed)
        return complete_disparity(guide.disparity, hole, guide.xy, strips, seed=self.seed)

    def complete(
        self,
        image: np.ndarray,
        hole: np.ndarray,
        inside: np.ndarray,
        guide: np.ndarray | None = None,
        held: float = ANCHOR,
    ) -> np.ndarray:
        """Complete a float32 image (H, W, 3) in [0, 1] as `painted` does, without seams; `held` as there."""
        filled, match = self.painted(image, hole, inside, guide, PLACE_WEIGHT)
        return without_seams(filled, match, hole, inside & ~hole, held)

    def painted(
        self, image: np.ndarray, hole: np.ndarray, inside: np.ndarray, guide: np.ndarray | None, place: float
    ) -> tuple[np.ndarray, np.ndarray]:
        """A float32 image (H, W, 3) in [0, 1] with patches of what is `inside` (H, W) painted into its hole.

        `guide` (H, W, C) is known in the hole too: patches are taken from where it is alike, on the scale of
        colours. `place`: a patch from a picture's diagonal away costs as much as this difference of colours.

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
            canvas = Canvas(level, self.radius, rng, place)
            match = canvas.paint(match, rounds, sharp=index == len(levels) - 1)
        whole = tuple(map(slice, hole.shape))
        return levels[0].pixels[whole][..., :3], match[whole]


def smoothed(values: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Values (h, w, 3) of the known pixels (h, w), blurred by FINE."""
    share = cv2.GaussianBlur(known.astype(np.float32), (0, 0), FINE)
    total = cv2.GaussianBlur(values * known[..., None].astype(np.float32), (0, 0), FINE)
    return total / np.maximum(share, 1e-3)[..., None]
