"""Made photos with a thing to click, and clicks on them."""

import numpy as np

from nerfkit.photos import Photo
from nerfkit.prompts import Clicks

WIDTH, HEIGHT = 120, 90


def photo(name="a"):
    return Photo(
        name=name,
        split="train",
        original=f"{name}.jpg",
        stored_size=(WIDTH, HEIGHT),
        orientation=1,
        file=f"images/{name}.png",
        size=(WIDTH, HEIGHT),
        large=f"large/images/{name}.jpg",
        large_size=(WIDTH, HEIGHT),
    )


def disc_photo(centre=(60, 45), radius=20, twin=None, seed=0):
    """A noisy photo (H, W, 3) of a red disc on a grey-green ground, and the disc's mask.

    `twin` is the centre of a second disc of the same look, which the mask does not hold.
    """
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:HEIGHT, :WIDTH] + 0.5
    image = np.stack([90 + 0.3 * x, 120 + 0.3 * y, 100 + 0 * x], axis=2)
    mask = np.hypot(x - centre[0], y - centre[1]) < radius
    image[mask] = [170, 60, 40]
    if twin:
        image[np.hypot(x - twin[0], y - twin[1]) < radius] = [170, 60, 40]
    return (image + rng.normal(0, 8, image.shape)).clip(0, 255).astype(np.uint8), mask


def clicks(wanted=(), unwanted=(), box=None, name="a"):
    points = np.array([*wanted, *unwanted], float).reshape(-1, 2)
    labels = np.array([True] * len(wanted) + [False] * len(unwanted), bool)
    return Clicks(photo(name), points, labels, None if box is None else np.array(box, float))


def iou(a, b):
    return (a & b).sum() / max((a | b).sum(), 1)
