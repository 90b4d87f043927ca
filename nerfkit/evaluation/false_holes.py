"""How well holes are filled, told by photos that show what is there: the object's own holes, moved elsewhere.

    python -m nerfkit.evaluation.false_holes results/bust/default --views 12 --sheet false_holes.png

Needs no photos without the object, so that fills can be compared on any capture, on views that no table
reports. The part of each view that no other photo shows is moved to where its photo is known, filled together
with the part itself, and held against the photo. Fills are each view's own, none is carried.
"""

import argparse
import json
import os
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from nerfkit.errors import UserError
from nerfkit.evaluation.canvas import outlined
from nerfkit.evaluation.scores import psnr
from nerfkit.evaluation.sheets import contact_sheet
from nerfkit.evaluation.true_depth import depth_error
from nerfkit.files import write_image
from nerfkit.inpainting.carry import FilledView
from nerfkit.inpainting.inpainter import BACKENDS, Inpainter, make_inpainter
from nerfkit.inpainting.regions import grown
from nerfkit.inpainting.settings import InpaintingSettings
from nerfkit.inpainting.stage import fill_view, open_bare, read_hole
from nerfkit.masks import surroundings
from nerfkit.scene import read_scene
from nerfkit.threads import use_threads
from nerfkit.views import spread

PLACES = 300  # that are tried for a moved hole
APART = 0.025  # of the width, between a moved hole and the object's own
SMALLEST = 150  # pixels; smaller parts say nothing
SPOILT = 0.5  # share of a moved hole, from which on it lies too much on the object's own
AROUND = 0.05  # of the width, that the sheet shows beside a hole


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


def fill_known(known: FilledView, false: np.ndarray, inpainter: Inpainter, near: float) -> FilledView:
    """A view with a false hole (H, W) filled as any other; `near` is the depth of disparity 1."""
    filled = replace(known, hole=false | known.hole)
    fill_view(filled, inpainter, [], near)
    return filled


def score(known: FilledView, false: np.ndarray, filled: FilledView) -> dict[str, float]:
    """PSNR in dB, the mean error of differences from pixel to pixel in percent of the range, and the median
    relative error of depth, all in the false hole."""
    found, truth = filled.image / 255, known.image / 255
    off = found - truth
    bends = [
        np.abs(np.diff(off, axis=0))[false[1:]].mean(),
        np.abs(np.diff(off, axis=1))[false[:, 1:]].mean(),
    ]
    depth, true_depth = (
        np.where(view.disparity > 0, 1 / np.maximum(view.disparity, 1e-6), 0) for view in (filled, known)
    )
    return {
        "psnr": psnr(found, truth, false),
        "gradient_error": 100 * float(np.mean(bends)),
        "depth_error": depth_error(depth, true_depth, false),
    }


def tiles(known: FilledView, false: np.ndarray, filled: FilledView) -> list[tuple[str, np.ndarray]]:
    """The false hole's place in the photo, with its rim, and filled."""
    part = surroundings(false, AROUND * false.shape[1])
    return [(known.view.name, outlined(known.image, false)[part]), ("filled", filled.image[part])]


def benchmark(run: Path, inpainter: Inpainter, count: int, seed: int, sheet: Path | None) -> Iterator[dict]:
    """A row for each view with a false hole, and one with their means; `sheet` is written if it is given.

    Raises:
        UserError: something of the run is not there, or no view has a place for a false hole.
    """
    scene, stages = read_scene(run / "sfm" / "transforms.json", run / "photos"), run / f"seed{seed}"
    rng, rows, pictures = np.random.default_rng(seed), [], []
    for view in spread(scene.train, count):
        known = open_bare(view, stages / "background", stages / "depth", scene.nearest)
        false = moved(known.hole, read_hole(stages / "holes" / "holes", view), rng)
        if false.sum() < SMALLEST:
            continue
        filled = fill_known(known, false, inpainter, scene.nearest)
        rows.append(score(known, false, filled))
        pictures += tiles(known, false, filled)
        yield {"view": view.name, **rows[-1]}
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
    try:
        main()
    except UserError as error:
        sys.exit(str(error))
