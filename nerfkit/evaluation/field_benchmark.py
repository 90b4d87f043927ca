"""How fast the field learns: held-out PSNR against training wall time, and milliseconds of the kernels.

    python -m nerfkit.evaluation.field_benchmark ../shared/data/fox --seconds 15 30 60

Every `hold`-th photo is held out of the training. Poses are the capture's own; near and far come from points
triangulated with all photos. The clock runs while training steps run, not while the held-out views are
rendered. All rows of one run share views, resolution and machine. `psnr` is that of full frames; rendering
those by the MLP takes many minutes, so both fields are also scored on the same pixels, drawn once from the
held-out views (`psnr_sample`).
"""

import argparse
import json
import os
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from nerfkit.fields import FieldSettings, make_field
from nerfkit.files import list_images
from nerfkit.objectives.photometric import Photometric
from nerfkit.photos import PhotosSettings, photos
from nerfkit.rays import PixelBank
from nerfkit.rendering import Field, render_rays, render_view
from nerfkit.scene import View, read_scene
from nerfkit.sfm import SfmSettings, sfm
from nerfkit.threads import use_threads
from nerfkit.training import train

HASH = FieldSettings(steps=10**9, finest=256, table_log2=16, rays_end=1024)
MLP = replace(HASH, model="mlp", net_rate=5e-4)  # NeRF's own rate
MLP_BATCHES = (32, 64, 128)  # on a CPU the paper's 1024 rays leave it too few steps to learn anything
KERNEL_STEPS = 12
RENDER_STEPS = 1500  # rendering speeds up as surfaces become opaque
SAMPLE = 1024  # pixels a held-out view


def prepare(scene: Path, long_side: int, folder: Path) -> list[View]:
    """The capture's photos at a small size, with its own poses."""
    photos(list_images(scene / "images"), None, [], folder / "photos", PhotosSettings(width=long_side))
    sfm(folder / "photos", scene / "transforms.json", folder / "sfm", SfmSettings())
    return read_scene(folder / "sfm" / "transforms.json", folder / "photos").train


def held_out_psnr(field: Field, views: list[View]) -> float:
    """Mean PSNR of full frames, dB."""
    errors = []
    for view in views:
        image = render_view(field, view.camera, view.world_from_cam, view.near, view.far).rgb
        errors.append(np.square(image - view.image() / 255).mean())
    return round(float(np.mean(-10 * np.log10(errors))), 2)


def sample_psnr(field: Field, views: list[View]) -> float:
    """Mean PSNR of the same SAMPLE pixels of each view, dB."""
    scores = []
    for view in views:
        bank = PixelBank([view])
        index = bank.draw(SAMPLE, torch.Generator().manual_seed(0))
        error = (render_rays(field, bank.rays(index)).rgb - bank.colours(index)).square().mean()
        scores.append(-10 * float(error.log10()))
    return round(float(np.mean(scores)), 2)


def curve(
    settings: FieldSettings, bank: PixelBank, views: list[View], marks: list[float], seed: int
) -> Iterator[dict]:
    """Train for the last of `marks` seconds and score at each of them."""
    field, spent, steps = make_field(settings, seed), 0.0, 0
    records = train(field, Photometric(bank), settings, seed, progress=lambda _: min(1, spent / marks[-1]))
    for mark in marks:
        while spent < mark:
            start = time.perf_counter()
            next(records)
            spent, steps = spent + time.perf_counter() - start, steps + 1
        field.eval()
        row = {"seconds": mark, "steps": steps, "psnr_sample": sample_psnr(field, views)}
        yield row | ({"psnr": held_out_psnr(field, views)} if settings.model == "hash" else {})
        field.train()


def warm_up(bank: PixelBank) -> None:
    """Compile the kernels before any clock runs."""
    for _ in zip(range(2), train(make_field(HASH, 0), Photometric(bank), HASH, 0), strict=False):
        pass


def step_milliseconds(settings: FieldSettings, bank: PixelBank) -> float:
    """Median milliseconds of a training step of the first batch size."""
    records = train(make_field(settings, 0), Photometric(bank), settings, 0, progress=lambda _: 0.0)
    times = [record["seconds"] for record, _ in zip(records, range(KERNEL_STEPS + 1), strict=False)]
    return float(np.median(np.diff(times))) * 1000


def render_seconds(settings: FieldSettings, bank: PixelBank, view: View) -> float:
    """Median seconds of rendering one view at twice the size."""
    field = make_field(settings, 0)
    for _ in zip(range(RENDER_STEPS), train(field, Photometric(bank), settings, 0), strict=False):
        pass
    camera, times = view.camera.resized(2 * view.camera.width, 2 * view.camera.height), []
    for _ in range(5):
        start = time.perf_counter()
        render_view(field.eval(), camera, view.world_from_cam, view.near, view.far)
        times.append(time.perf_counter() - start)
    return float(np.median(times))


def benchmark(scene: Path, long_side: int, hold: int, marks: list[float], seed: int) -> Iterator[dict]:
    """The rows of one run."""
    with tempfile.TemporaryDirectory() as folder:
        views = prepare(scene, long_side, Path(folder))
        held = views[::hold]
        bank = PixelBank([view for view in views if view not in held])
        size = f"{views[0].camera.width}x{views[0].camera.height}"
        warm_up(bank)
        for row in curve(HASH, bank, held, marks, seed):
            yield {"field": "hash", "size": size, "held_out": len(held), "seed": seed, **row}
        for kernel in ("numba", "reference"):
            yield {"kernel": kernel, "ms_step": step_milliseconds(replace(HASH, kernel=kernel), bank)}
        yield {"render_twice_the_size": render_seconds(HASH, bank, held[0])}
        for batch in MLP_BATCHES:
            settings = replace(MLP, rays_start=batch, rays_end=batch)
            for row in curve(settings, bank, held, marks, seed):
                yield {"field": "mlp", "rays": batch, **row}


def main() -> None:
    """Print one JSON row a line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("scene", type=Path, help="a scene folder with transforms.json")
    parser.add_argument("--long-side", type=int, default=240, help="pixels")
    parser.add_argument("--hold", type=int, default=8, help="every so many photos one is held out")
    parser.add_argument("--seconds", type=float, nargs="+", default=[15, 30, 60])
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    arguments = parser.parse_args()
    use_threads(arguments.threads)
    for row in benchmark(
        arguments.scene, arguments.long_side, arguments.hold, arguments.seconds, arguments.seed
    ):
        print(json.dumps(row), flush=True)


if __name__ == "__main__":
    main()
