"""A mask drawn again along the image's edges, within a band around where it is known to end.

Used where a mask comes from elsewhere: from a coarser image, or from other views. Inside the band each pixel
weighs what it was told against how it looks; the looks of object and rest are learnt outside the band.
"""

import numpy as np

from nerfkit.masks import distance_to, surroundings
from nerfkit.segmentation.appearance import SMALLEST_VARIANCE, Mixture, lab_image, looks
from nerfkit.segmentation.cut import CERTAIN, edge_weights, smoothest_division

OBJECT_COMPONENTS, REST_COMPONENTS = 5, 12
LOOKS_REACH = 12.0  # in bands: how far around the object the rest's looks are learnt
CLEAREST = 6.0  # bound of the looks' log ratio: no single pixel outweighs its surroundings
COLOUR, SMOOTHNESS = 0.3, 3.0  # weights of the looks and, as a rule, of the edge's length


def colour_cost(
    values: np.ndarray,
    thing: np.ndarray,
    rest: np.ndarray,
    elsewhere: np.ndarray | None = None,
    smallest_variance: float = SMALLEST_VARIANCE,
) -> np.ndarray:
    """Log ratio (H, W) of the looks' likelihoods, negative for the object, bounded by CLEAREST.

    Args:
        values: looks (H * W, 6), or positions (H * W, 3).
        thing, rest: weights (H, W) with which a pixel counts for either mixture, not all zero.
        elsewhere: looks (N, 6) of the object in other photos, which count as much as those in this one.
        smallest_variance: of a mixture's component, in the values' unit.
    """
    things, weights = values, thing.ravel() / thing.sum()
    if elsewhere is not None and len(elsewhere):
        things = np.concatenate([values, elsewhere])
        weights = np.concatenate([weights, np.full(len(elsewhere), 1 / len(elsewhere))])
    of_thing = Mixture(things, weights, OBJECT_COMPONENTS, smallest_variance)
    of_rest = Mixture(values, rest.ravel().astype(np.float64), REST_COMPONENTS, smallest_variance)
    ratio = of_rest.log_density(values) - of_thing.log_density(values)
    return np.clip(ratio, -CLEAREST, CLEAREST).reshape(thing.shape)


def with_certainty(cost: np.ndarray, inside: np.ndarray, outside: np.ndarray) -> np.ndarray:
    """The cost (H, W), overruled where a pixel is surely object or surely not."""
    return np.where(inside, -CERTAIN, np.where(outside, CERTAIN, cost))


def signed_distance(mask: np.ndarray) -> np.ndarray:
    """Distance (H, W) in pixels to the edge of a bool mask, positive outside."""
    return distance_to(mask) - distance_to(~mask)


def redraw(
    lab: np.ndarray,
    evidence: np.ndarray,
    inside: np.ndarray,
    outside: np.ndarray,
    elsewhere: np.ndarray | None = None,
    smoothness: float = SMOOTHNESS,
) -> np.ndarray:
    """Draw the mask again where it is neither surely inside nor surely outside.

    Args:
        lab: CIELAB image (H, W, 3).
        evidence: (H, W), positive for the object: log odds or the like.
        inside, outside: bool (H, W), what is certain; the band is the rest.
        elsewhere: looks (N, 6) of the object in other photos.
        smoothness: weight of the edge's length.
    Returns:
        bool (H, W).
    """
    if not inside.any() or not outside.any():
        return (evidence > 0) & ~outside | inside
    colours = colour_cost(looks(lab), inside, outside, elsewhere)
    cost = with_certainty(COLOUR * colours - evidence, inside, outside)
    return smoothest_division(cost, edge_weights(lab), smoothness) > 0.5


def redraw_around(
    image: np.ndarray,
    mask: np.ndarray,
    evidence: np.ndarray,
    sure: np.ndarray,
    reach: float,
    elsewhere: np.ndarray | None = None,
) -> np.ndarray:
    """A mask (H, W) that is not empty, drawn again where it is not `sure` (H, W); see `redraw`.

    Args:
        image: uint8 RGB (H, W, 3).
        reach: pixels around the mask that are looked at; nothing beyond is object.
    """
    drawn, part = np.zeros_like(mask), surroundings(mask, reach)
    inside, outside = (sure & mask)[part], (sure & ~mask)[part]
    drawn[part] = redraw(lab_image(image[part]), evidence[part], inside, outside, elsewhere)
    return drawn
