"""Things to be removed or extracted: larger, of a colour of their own. Same form as props.py."""

import numpy as np

from nerfkit.synthetic.description import Material, Part, Thing
from nerfkit.synthetic.props import pick, textured

GLAZES = (
    ("blue", "#17638f", "#f1e6c8"),
    ("turquoise", "#128079", "#f4ead0"),
    ("violet", "#5b3a8c", "#f0dca0"),
)
# of a plate's middle, m
PLATE_HEIGHT = 0.010


def jug(name: str, rng: np.random.Generator) -> tuple[Thing, str]:
    """A big-bellied glazed jug with a handle and a lip; the words that describe it."""
    colour, base, accent = pick(rng, GLAZES)
    r, h = float(rng.uniform(0.092, 0.102)), float(rng.uniform(0.25, 0.28))
    coat = Material(textured("glaze", [0.64, 0.5], rng, base=base, accent=accent, bands=4, dots=90), 0.22)
    profile = [
        [0, 0.002],
        [0.55 * r, 0],
        [0.6 * r, 0.01],
        [r, 0.36 * h],
        [0.86 * r, 0.6 * h],
        [0.5 * r, 0.82 * h],
    ]
    profile += [[0.62 * r, h], [0.57 * r, h], [0.45 * r, 0.82 * h], [0.8 * r, 0.58 * h], [0, 0.1 * h]]
    handle = [[0.46 * r, 0, 0.86 * h], [1.0 * r, 0, 0.95 * h], [1.45 * r, 0, 0.75 * h], [1.3 * r, 0, 0.5 * h]]
    handle.append([0.85 * r, 0, 0.42 * h])
    grip = {"path": handle, "radius": [0.012, 0.009], "extent": [0.64, 0.5]}
    return Thing(
        name, [Part("lathe", coat, {"profile": profile}), Part("tube", coat, grip)]
    ), f"a {colour} jug"


def teapot(name: str, rng: np.random.Generator) -> tuple[Thing, str]:
    """A round glazed teapot with lid, spout and handle; the words that describe it."""
    colour, base, accent = pick(rng, GLAZES)
    r = float(rng.uniform(0.105, 0.115))
    h = 1.45 * r
    coat = Material(textured("glaze", [0.7, 0.35], rng, base=base, accent=accent, bands=2, dots=60), 0.2)
    body = [
        [0, 0.002],
        [0.6 * r, 0],
        [0.65 * r, 0.01],
        [r, 0.5 * h],
        [0.75 * r, 0.9 * h],
        [0.45 * r, h],
        [0, h],
    ]
    lid = [
        [0, 0.98 * h],
        [0.45 * r, h],
        [0.35 * r, 1.1 * h],
        [0.1 * r, 1.15 * h],
        [0.16 * r, 1.27 * h],
        [0, 1.33 * h],
    ]
    spout = [
        [-0.8 * r, 0, 0.4 * h],
        [-1.25 * r, 0, 0.55 * h],
        [-1.4 * r, 0, 0.85 * h],
        [-1.65 * r, 0, 1.0 * h],
    ]
    grip = [[0.7 * r, 0, 0.88 * h], [1.3 * r, 0, 0.95 * h], [1.5 * r, 0, 0.6 * h], [0.9 * r, 0, 0.25 * h]]
    extent = {"extent": [0.7, 0.35]}
    parts = [Part("lathe", coat, {"profile": body}), Part("lathe", coat, {"profile": lid})]
    parts.append(Part("tube", coat, {"path": spout, "radius": [0.32 * r, 0.1 * r], **extent}))
    parts.append(Part("tube", coat, {"path": grip, "radius": [0.11 * r, 0.09 * r], **extent}))
    return Thing(name, parts), f"a {colour} teapot"


def blocks(name: str, rng: np.random.Generator) -> tuple[Thing, str]:
    """A tower of painted wooden blocks, each turned against the one below; the words that describe it."""
    parts, base = [], 0.0
    for i, tone in enumerate(("#1d6fa5", "#1c8a76", "#6a3d99")):
        size = 0.115 - 0.018 * i + float(rng.uniform(-0.005, 0.005))
        coat = textured("cover", [size, size], rng, base=tone, ink="#f4ead0")
        shape = {"size": [size, size, 0.9 * size], "bevel": 0.006}
        parts.append(
            Part("box", Material(coat, 0.3), shape, [0, 0, base], [0, 0, float(rng.uniform(-40, 40))])
        )
        base += 0.9 * size
    return Thing(name, parts), "a tower of toy blocks"


def plate(name: str, rng: np.random.Generator) -> tuple[Thing, str]:
    """A wide glazed plate with a rim, on which things lie; the words that describe it."""
    colour, base, accent = pick(rng, GLAZES)
    r = float(rng.uniform(0.125, 0.135))
    coat = Material(textured("glaze", [0.8, 0.3], rng, base=base, accent=accent, bands=3, dots=90), 0.3)
    profile = [[0, 0.003], [0.5 * r, 0], [0.55 * r, 0.004], [0.85 * r, 0.012], [r, 0.024]]
    profile += [[0.985 * r, 0.028], [0.8 * r, 0.018], [0.55 * r, PLATE_HEIGHT + 0.001], [0, PLATE_HEIGHT]]
    return Thing(name, [Part("lathe", coat, {"profile": profile})]), f"a plain empty {colour} plate"


SUBJECTS = {"jug": jug, "teapot": teapot, "blocks": blocks}
# subjects that other things may stand before or lie on
COVERED = {**SUBJECTS, "plate": plate}
