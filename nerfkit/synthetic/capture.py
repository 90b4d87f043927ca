"""Photographing a described place into a scene folder: photos, masks, clicks, poses, all exact.

The folder has the layout that the pipeline reads, plus `description.json`, from which it can be made again.
"""

import logging
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from PIL import Image
from scipy.ndimage import distance_transform_edt
from tqdm import tqdm

from nerfkit.cameras import Camera
from nerfkit.errors import UserError
from nerfkit.files import stage_folder, write_image, write_json, write_mask
from nerfkit.synthetic.alone import Shown, hidden_pixels
from nerfkit.synthetic.description import CameraSet, Film, SceneDescription, to_dict
from nerfkit.synthetic.rendering import Studio
from nerfkit.synthetic.viewpoints import lens, poses

log = logging.getLogger("nerfkit")
FOLDERS = {"train": "images", "test": "test/images"}
MASK_FOLDERS = {"train": "masks", "test": "test/masks"}
DEPTH_FOLDER = "test/depth"
# times the paths of a photo: grain in what is compared with would count against what is compared
ALONE_SAMPLES = 8
# of the stored depths, metres; a power of two, so that rounded numbers end in zeros and pack well
DEPTH_STEP = 2.0**-13


@dataclass(frozen=True)
class Shot:
    """One photo to be taken: `pose` is camera-to-world with OpenGL axes, metres."""

    name: str
    cameras: CameraSet
    camera: Camera
    pose: np.ndarray
    seed: int
    gain: float


@dataclass(frozen=True)
class Sight:
    """What a shot's pixels see, in the whole place: z-depth (H, W) metres, things, subject's mask (H, W)."""

    depth: np.ndarray
    # place of the thing in the description, counted from 1; 0 is nothing
    things: np.ndarray
    mask: np.ndarray
    # share of the subject's pixels that nothing hides, and whether it lies within the frame
    visible: float
    framed: bool


def shots(description: SceneDescription) -> Iterator[Shot]:
    """Every photo of a description, in order, always the same."""
    rng = np.random.default_rng([description.seed, 3])
    for number, cameras in enumerate(description.camera_sets):
        camera = lens(cameras, description.film)
        for i, pose in enumerate(poses(cameras, description.seed)):
            gain = float(np.exp(description.film.gain_jitter * rng.standard_normal()))
            seed = description.seed * 100_000 + number * 10_000 + i
            yield Shot(f"{cameras.name}_{i:03d}", cameras, camera, pose, seed, gain)


def develop(radiance: np.ndarray, exposure: float) -> np.ndarray:
    """Linear RGB (H, W, 3) to an 8-bit sRGB photo; highlights above 0.6 roll off softly to white."""
    light = np.maximum(radiance * exposure, 0)
    light = np.where(light < 0.6, light, 1 - 0.4 * np.exp(-(light - 0.6) / 0.4))
    encoded = np.where(
        light <= 0.0031308, 12.92 * light, 1.055 * np.maximum(light, 1e-9) ** (1 / 2.4) - 0.055
    )
    return (np.clip(encoded, 0, 1) * 255 + 0.5).astype(np.uint8)


def look(whole: Studio, alone: Studio, shot: Shot) -> Sight:
    """The truth of a shot; `whole` has everything, `alone` only the subject."""
    depth, things = whole.truth(shot.camera, shot.pose)
    names = [thing.name for thing in whole.things]
    mask = things == names.index(whole.description.subject) + 1
    silhouette = alone.truth(shot.camera, shot.pose)[1] > 0
    if not silhouette.any():
        raise UserError(
            f"Photo {shot.name} does not see the subject; aim camera set {shot.cameras.name} at it."
        )
    border = np.concatenate([silhouette[[0, -1]].ravel(), silhouette[:, [0, -1]].ravel()])
    return Sight(depth, things, mask, float(mask.sum() / silhouette.sum()), not border.any())


def clicks(mask: np.ndarray, seed: int, count: int = 5) -> tuple[list[list[int]], list[list[int]]]:
    """Points (x, y) well inside and well outside a mask (H, W), spread far from one another."""
    height, width = mask.shape
    inside = distance_transform_edt(np.pad(mask, 1))[1:-1, 1:-1]
    outside = distance_transform_edt(~mask)
    rows, columns = np.nonzero(mask)
    reach = 0.18 * width
    v, u = np.mgrid[:height, :width]
    near = (u > columns.min() - reach) & (u < columns.max() + reach)
    near &= (v > rows.min() - reach) & (v < rows.max() + reach)
    near &= (np.minimum(u, width - 1 - u) > 0.03 * width) & (np.minimum(v, height - 1 - v) > 0.03 * width)
    rng = np.random.default_rng([seed, 4])
    return (
        _spread(inside > min(0.012 * width, 0.6 * inside.max()), count, rng),
        _spread(near & (outside > 0.03 * width), count, rng),
    )


def _spread(allowed: np.ndarray, count: int, rng: np.random.Generator) -> list[list[int]]:
    """`count` points (x, y) of `allowed` (H, W), each as far as possible from those before it."""
    points = np.argwhere(allowed)[:, ::-1]
    chosen = [points[rng.integers(len(points))]]
    distance = np.full(len(points), np.inf)
    for _ in range(count - 1):
        distance = np.minimum(distance, np.linalg.norm(points - chosen[-1], axis=1))
        chosen.append(points[int(np.argmax(distance))])
    return [[int(x), int(y)] for x, y in chosen]


def prompts(description: SceneDescription, image: str, mask: np.ndarray) -> dict:
    """The prompts file: clicks and a box in one photo with the subject's mask (H, W)."""
    positive, negative = clicks(mask, description.seed)
    rows, columns = np.nonzero(mask)
    click = {
        "image": image,
        "points": positive + negative,
        "labels": [1] * len(positive) + [0] * len(negative),
    }
    click["box"] = [int(v) for v in (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)]
    return {"objects": [{"name": "object", "text": description.text, "clicks": [click]}]}


def transforms(film_shots: list[tuple[Shot, Sight]]) -> dict:
    """The poses file, nerfstudio schema, with split and nearest and farthest z-depth of every photo."""
    frames = []
    for shot, sight in film_shots:
        split, seen = shot.cameras.split, sight.depth[sight.depth > 0]
        frame = {"file_path": f"{FOLDERS[split]}/{shot.name}.jpg", "split": split}
        frame["mask_path"] = f"{MASK_FOLDERS[split]}/{shot.name}.png"
        frame |= {"fl_x": shot.camera.fx, "fl_y": shot.camera.fy, "transform_matrix": shot.pose.tolist()}
        frames.append(frame | {"near": float(seen.min()), "far": float(seen.max())})
    camera = film_shots[0][0].camera
    shared = {
        "camera_model": "OPENCV",
        "convention": "camera-to-world, OpenGL axes (x right, y up, z backward), metres",
    }
    shared |= {"w": camera.width, "h": camera.height, "fl_x": camera.fx, "fl_y": camera.fy}
    shared |= {"cx": camera.cx, "cy": camera.cy, "k1": 0.0, "k2": 0.0, "p1": 0.0, "p2": 0.0}
    return {**shared, "frames": frames}


def write_capture(
    description: SceneDescription, out: Path, variant: str, readme: str, with_truth: bool = False
) -> None:
    """Photograph a place into a scene folder, all or nothing.

    Args:
        description: the place, its cameras and the film.
        out: the scene folder; what is there is replaced.
        variant: mitsuba's variant for the photos.
        readme: text of the folder's README.md.
        with_truth: also write `truth/<stem>.npz` (z_depth float32 in metres, thing int8, names) and
            `object/<stem>.png` (the subject alone, in the same light, RGBA) for every photo.
    """
    whole = Studio(description, variant=variant)
    alone = Studio(description, only=[description.subject], variant=variant)
    studios = {
        tuple(c.without): Studio(description, c.without, variant=variant) for c in description.camera_sets
    }
    with stage_folder(out) as folder:
        for name in {*FOLDERS.values(), *MASK_FOLDERS.values()}:
            (folder / name).mkdir(parents=True)
        taken = []
        for shot in tqdm(list(shots(description)), desc=f"photos of {description.name}", unit="photo"):
            sight = look(whole, alone, shot)
            taken.append((shot, sight))
            _take(folder, studios[tuple(shot.cameras.without)], shot, description.film)
            write_mask(folder / MASK_FOLDERS[shot.cameras.split] / f"{shot.name}.png", sight.mask)
            if shot.cameras.split == "test" and description.subject in shot.cameras.without:
                write_depth_behind(folder, studios[tuple(shot.cameras.without)], shot, sight.mask)
            if with_truth:
                _write_truth(folder, whole, alone, shot, sight, description.film)
        _write_alone(folder, studios, alone, taken, description.film)
        _write_records(folder, description, taken)
        (folder / "README.md").write_text(readme)
    _report(taken)


def _write_alone(
    folder: Path, studios: dict, alone: Studio, taken: list[tuple[Shot, Sight]], film: Film
) -> None:
    """The subject alone (RGBA) in the shots that ask for it, and the pixels whose surface no photo shows."""
    photos = [Shown(s.camera, s.pose, of.depth, of.mask) for s, of in taken if s.cameras.split == "train"]
    for shot in tqdm([s for s, _ in taken if s.cameras.alone], desc="the subject alone", unit="photo"):
        place = studios[tuple(shot.cameras.without)]
        depth, things = alone.truth(shot.camera, shot.pose)
        samples = ALONE_SAMPLES * film.samples
        light = place.uncovered(alone, things > 0, shot.camera, shot.pose, samples, shot.seed)
        _write_rgba(folder / "test/object" / f"{shot.name}.png", light, film.exposure * shot.gain)
        hidden = hidden_pixels(shot.camera, shot.pose, depth, things > 0, photos)
        (folder / "test/hidden").mkdir(exist_ok=True)
        write_mask(folder / "test/hidden" / f"{shot.name}.png", hidden)


def _write_rgba(path: Path, light: np.ndarray, exposure: float) -> None:
    """Write linear RGB and coverage (H, W, 4) as a picture on transparency."""
    path.parent.mkdir(parents=True, exist_ok=True)
    opacity = (np.clip(light[..., 3:], 0, 1) * 255 + 0.5).astype(np.uint8)
    write_image(path, np.dstack([develop(light[..., :3], exposure), opacity]))


def _write_records(folder: Path, description: SceneDescription, taken: list[tuple[Shot, Sight]]) -> None:
    """Poses, the description itself, and clicks in the middle one of the training photos."""
    write_json(folder / "transforms.json", transforms(taken))
    write_json(folder / "description.json", to_dict(description))
    train = [(shot, sight) for shot, sight in taken if shot.cameras.split == "train"]
    source, sight = train[len(train) // 2]
    write_json(folder / "prompts.json", prompts(description, f"{source.name}.jpg", sight.mask))


def _take(folder: Path, studio: Studio, shot: Shot, film: Film) -> None:
    """Take one photo and save it as JPEG."""
    light = studio.photo(shot.camera, shot.pose, film.samples, shot.seed)[..., :3]
    path = folder / FOLDERS[shot.cameras.split] / f"{shot.name}.jpg"
    picture = Image.fromarray(develop(light, film.exposure * shot.gain))
    picture.save(path, quality=film.quality, optimize=True, subsampling="4:2:0")


def write_depth_behind(folder: Path, studio: Studio, shot: Shot, mask: np.ndarray) -> None:
    """Write test/depth/<stem>.npz: `z_depth` (H, W) float32, metres, of what the subject would hide.

    Args:
        studio: the place without the subject.
        mask: where the subject would be (H, W); beyond a tenth of its own width around it the depth is 0.
    """
    place = folder / DEPTH_FOLDER
    place.mkdir(parents=True, exist_ok=True)
    depth = np.round(studio.truth(shot.camera, shot.pose)[0] / DEPTH_STEP) * DEPTH_STEP
    reach = 0.1 * np.ptp(np.flatnonzero(mask.any(axis=0)))
    near = distance_transform_edt(~mask) <= reach
    np.savez_compressed(place / f"{shot.name}.npz", z_depth=np.where(near, depth, 0).astype(np.float32))


def _write_truth(folder: Path, whole: Studio, alone: Studio, shot: Shot, sight: Sight, film: Film) -> None:
    """Depth, things and the subject alone."""
    for name in ("truth", "object"):
        (folder / name).mkdir(exist_ok=True)
    names = ["nothing", *(thing.name for thing in whole.things)]
    arrays = {"z_depth": sight.depth, "thing": sight.things.astype(np.int8), "names": names}
    np.savez_compressed(folder / "truth" / f"{shot.name}.npz", **arrays)
    light = alone.photo(shot.camera, shot.pose, film.samples, shot.seed)
    light[..., :3] /= np.maximum(light[..., 3:], 1e-3)
    _write_rgba(folder / "object" / f"{shot.name}.png", light, film.exposure * shot.gain)


def _report(taken: list[tuple[Shot, Sight]]) -> None:
    """Say how well the photos see the subject, or would see it."""
    shares = [float(sight.mask.mean()) for _, sight in taken]
    hidden = [shot.name for shot, sight in taken if sight.visible < 0.999 or not sight.framed]
    log.info("The subject fills %.1f to %.1f %% of the photos.", 100 * min(shares), 100 * max(shares))
    if hidden:
        log.info("It is partly hidden or cut off in %s.", ", ".join(hidden))


def scaled(description: SceneDescription, scale: float, samples: int | None) -> SceneDescription:
    """The same place on a film of another size, with another number of paths per pixel."""
    film = description.film
    width, height = (max(8, round(side * scale)) for side in (film.width, film.height))
    return replace(
        description, film=replace(film, width=width, height=height, samples=samples or film.samples)
    )
