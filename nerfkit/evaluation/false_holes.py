"""How well holes are filled, told by photos that show what is there: the object's own holes, moved elsewhere.

    python -m nerfkit.evaluation.false_holes results/bust/default --views 12 --sheet false_holes.png

Needs no photos without the object, so that fills can be compared on any capture, on views that no table
reports. The part of each view that no other photo shows is moved to where its photo is known, filled together
with the part itself, and held against the photo. Fills are each view's own, none is carried.
"""

import argparse
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from nerfkit.errors import UserError
from nerfkit.evaluation.scores import psnr
from nerfkit.evaluation.sheets import contact_sheet
from nerfkit.evaluation.true_depth import depth_error
from nerfkit.files import read_arrays, read_image, read_mask, write_image
from nerfkit.inpainting.charts import Guide
from nerfkit.inpainting.inpainter import BACKENDS, Inpainter, make_inpainter
from nerfkit.inpainting.regions import grown
from nerfkit.inpainting.settings import InpaintingSettings
from nerfkit.inpainting.stage import normalised_pixels
from nerfkit.scene import View, read_scene
from nerfkit.threads import use_threads

PLACES = 300  # that are tried for a moved hole
APART = 0.025  # of the width, between a moved hole and the object's own
SMALLEST = 150  # pixels; smaller parts say nothing
SPOILT = 0.5  # share of a moved hole, from which on it lies too much on the object's own
AROUND = 0.05  # of the width, that the sheet shows beside a hole


@dataclass(frozen=True)
class Known:
    """What is known of a view: its photo with what other photos show behind the object (H, W, 3) uint8,
    normalised disparity (H, W), 0 where unknown, the object's hole and the part of it that no photo shows."""

    view: View
    image: np.ndarray
    disparity: np.ndarray
    hole: np.ndarray
    unseen: np.ndarray


def read_known(run: Path, seed: int, count: int) -> list[Known]:
    """About `count` training views of a run's folder, evenly spread."""
    scene, stages = read_scene(run / "sfm" / "transforms.json", run / "photos"), run / f"seed{seed}"
    depth, behind = (read_arrays(stages / stage / "depth.npz") for stage in ("depth", "background"))
    known = []
    for view in scene.train[:: max(1, len(scene.train) // count)]:
        name = f"{view.name}.png"
        hole = read_mask(stages / "holes" / "holes" / name)
        z = np.where(hole, behind[view.name], depth[view.name])
        disparity = np.where(z > 0, np.minimum(scene.nearest / np.maximum(z, 1e-9), 1), 0)
        image = read_image(stages / "background" / "images" / name)
        unseen = read_mask(stages / "background" / "unseen" / name)
        known.append(Known(view, image, disparity.astype(np.float32), hole, unseen))
    return known


def moved(unseen: np.ndarray, hole: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A hole's unseen part (H, W), or all of a hole that is seen, where it overlaps the hole's surroundings
    least among PLACES random places in the picture; without what overlaps the hole itself."""
    place = np.argwhere(unseen if unseen.sum() >= SMALLEST else hole)
    if len(place) < SMALLEST:
        return np.zeros_like(hole)
    near = grown(hole, round(APART * hole.shape[1]))
    lowest, highest = -place.min(axis=0), np.array(hole.shape) - 1 - place.max(axis=0)
    shifts = rng.integers(lowest, highest + 1, (PLACES, 2))
    overlaps = [near[tuple((place + shift).T)].mean() for shift in shifts]
    best = np.zeros_like(hole)
    if min(overlaps) < SPOILT:
        best[tuple((place + shifts[int(np.argmin(overlaps))]).T)] = True
    return best & ~hole


def fill_known(known: Known, false: np.ndarray, inpainter: Inpainter) -> tuple[np.ndarray, np.ndarray]:
    """The picture (H, W, 3) and the disparity (H, W) with a false hole (H, W) filled as any other."""
    both, xy = false | known.unseen, normalised_pixels(known.view.camera)
    disparity = inpainter.fill_disparity(known.disparity, both, xy)
    return inpainter.fill(known.image, both, Guide(disparity, known.view.camera, xy)), disparity


def score(known: Known, false: np.ndarray, image: np.ndarray, disparity: np.ndarray) -> dict[str, float]:
    """PSNR in dB, the mean error of differences from pixel to pixel in percent of the range, and the median
    relative error of depth, all in the false hole."""
    found, truth = image / 255, known.image / 255
    bends = [
        np.abs(np.diff(found, axis=axis) - np.diff(truth, axis=axis))[false[tuple(inner)]].mean()
        for axis, inner in ((0, (slice(1, None), slice(None))), (1, (slice(None), slice(1, None))))
    ]
    depth, true_depth = (np.where(d > 0, 1 / np.maximum(d, 1e-6), 0) for d in (disparity, known.disparity))
    return {
        "psnr": psnr(found, truth, false),
        "gradient_error": 100 * float(np.mean(bends)),
        "depth_error": depth_error(depth, true_depth, false),
    }


def tiles(known: Known, false: np.ndarray, image: np.ndarray) -> list[tuple[str, np.ndarray]]:
    """The false hole's place in the photo, with its rim, and filled."""
    reach, (rows, columns) = round(AROUND * false.shape[1]), np.nonzero(false)
    part = tuple(slice(max(at.min() - reach, 0), at.max() + reach) for at in (rows, columns))
    outlined = known.image.copy()
    outlined[grown(false, 1) & ~false] = (255, 0, 255)
    return [(known.view.name, outlined[part]), ("filled", image[part])]


def benchmark(run: Path, inpainter: Inpainter, count: int, seed: int, sheet: Path | None) -> Iterator[dict]:
    """A row for each view with a false hole, and one with their means; `sheet` is written if it is given."""
    rng, rows, pictures = np.random.default_rng(seed), [], []
    for known in read_known(run, seed, count):
        false = moved(known.unseen, known.hole, rng)
        if false.sum() < SMALLEST:
            continue
        image, disparity = fill_known(known, false, inpainter)
        rows.append(score(known, false, image, disparity))
        pictures += tiles(known, false, image)
        yield {"view": known.view.name, **rows[-1]}
    if not rows:
        raise UserError(f"{run}: no view has a place for a false hole; the object fills the photos.")
    yield {"views": len(rows), **{name: float(np.mean([row[name] for row in rows])) for name in rows[0]}}
    if sheet:
        write_image(sheet, contact_sheet("False holes", pictures, columns=8, tile_width=180))


def main() -> None:
    """Print one JSON row a line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("run", type=Path, help="the folder of a finished run: results/<scene>/<run>")
    parser.add_argument("--seed", type=int, default=0, help="of the run and of the places")
    parser.add_argument("--views", type=int, default=12)
    parser.add_argument("--backend", choices=BACKENDS, default=BACKENDS[0])
    parser.add_argument("--sheet", type=Path, help="a picture of all false holes")
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    arguments = parser.parse_args()
    use_threads(arguments.threads)
    inpainter = make_inpainter(InpaintingSettings(backend=arguments.backend), arguments.seed)
    for row in benchmark(arguments.run, inpainter, arguments.views, arguments.seed, arguments.sheet):
        print(json.dumps(row), flush=True)


if __name__ == "__main__":
    main()
