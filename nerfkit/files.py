"""Every small file format, one reader and one writer each, and the two ways of writing all or nothing.

Images are uint8 RGB (H, W, 3); masks are bool (H, W), on disk 8-bit PNG with 255 = object.
"""

import hashlib
import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from nerfkit.errors import UserError

IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png", ".tif", ".tiff", ".webp", ".bmp")


@contextmanager
def stage_folder(out: Path) -> Iterator[Path]:
    """Yield an empty folder that takes the place of `out` when the block ends without an error.

    A failure, a full disk or a kill inside the block leaves `out` as it was.
    """
    partial, old = out.with_name(out.name + ".partial"), out.with_name(out.name + ".old")
    for leftover in (partial, old):
        shutil.rmtree(leftover, ignore_errors=True)
    partial.mkdir(parents=True)
    yield partial
    if out.exists():
        out.rename(old)
    partial.rename(out)
    shutil.rmtree(old, ignore_errors=True)


def read_arrays(path: Path, names: list[str] | None = None) -> dict[str, np.ndarray]:
    """The arrays of an .npz file by name: all of them, or those asked for."""
    with np.load(path) as file:
        return {name: file[name] for name in (file.files if names is None else names)}


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside `path` (same suffix) that is renamed to it when the block ends."""
    temporary = path.with_name(f".{path.stem}.{os.getpid()}{path.suffix}")
    try:
        yield temporary
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def list_images(folder: Path) -> list[Path]:
    """The image files of a folder by suffix, sorted by name; a folder that is not there has none."""
    if not folder.is_dir():
        return []
    return sorted(path for path in folder.iterdir() if path.suffix.lower() in IMAGE_SUFFIXES)


def read_image(path: Path) -> np.ndarray:
    """Read a photo upright as uint8 RGB (H, W, 3); what is transparent lies over white."""
    return over_white(open_upright(path))


def over_white(image: Image.Image) -> np.ndarray:
    """A picture as uint8 RGB (H, W, 3), what is transparent over white."""
    if image.has_transparency_data:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    return np.asarray(image.convert("RGB"))


def cutout(image: Image.Image) -> np.ndarray | None:
    """A picture as uint8 RGBA (H, W, 4), colour not multiplied by opacity; None if nothing of it is
    transparent."""
    if not image.has_transparency_data:
        return None
    picture = np.asarray(image.convert("RGBA"))
    return picture if picture[..., 3].min() < 255 else None


def read_opacity(path: Path) -> np.ndarray | None:
    """How opaque a picture is, uint8 (H, W); None if all of it is."""
    with opened(path) as image:
        if not image.has_transparency_data:  # the header says so: most photos need not be decoded
            return None
        picture = cutout(ImageOps.exif_transpose(image))
    return None if picture is None else picture[..., 3]


def open_upright(path: Path) -> Image.Image:
    """Decode an image file, its EXIF rotation applied."""
    with opened(path) as image:
        return ImageOps.exif_transpose(image)


@contextmanager
def opened(path: Path) -> Iterator[Image.Image]:
    """An image file that is decoded when its pixels are asked for.

    Raises:
        UserError: it is not there, or no image.
    """
    try:
        with Image.open(path) as image:
            yield image
    except FileNotFoundError:
        raise UserError(f"{path} is not there.") from None
    except (UnidentifiedImageError, OSError) as error:
        raise UserError(
            f"{path} cannot be read as an image ({error}); replace it or take it out of the folder."
        ) from error


def write_image(path: Path, image: np.ndarray) -> None:
    """Write uint8 or float [0, 1] RGB (H, W, 3), RGBA or grey (H, W); the suffix names the format."""
    if image.dtype != np.uint8:
        image = (np.clip(image, 0, 1) * 255 + 0.5).astype(np.uint8)
    with atomic_path(path) as temporary:
        Image.fromarray(image).save(temporary, compress_level=3, quality=92)


def read_mask(path: Path) -> np.ndarray:
    """Read a mask as bool (H, W): values above half of the file's range are the object."""
    levels = read_levels(path)
    return levels > (0.5 if levels.max() <= 1 else 127)


def read_levels(path: Path) -> np.ndarray:
    """Levels of a mask file, uint8 (H, W): its brightest channel, or the opacity of a cutout."""
    image = open_upright(path)
    picture = cutout(image)
    return over_white(image).max(axis=2) if picture is None else picture[..., 3]


def write_mask(path: Path, mask: np.ndarray) -> None:
    """Write a bool mask (H, W) as 0/255 PNG."""
    write_image(path, mask.astype(np.uint8) * 255)


def read_json(path: Path) -> dict:
    """Read a JSON file; a syntax error names the file and the line."""
    try:
        return json.loads(path.read_text())
    except FileNotFoundError:
        raise UserError(f"{path} is not there.") from None
    except json.JSONDecodeError as error:
        raise UserError(f"{path}, line {error.lineno}: not valid JSON ({error.msg}).") from error


def write_json(path: Path, value: object) -> None:
    """Write JSON, two-space indented, all or nothing."""
    with atomic_path(path) as temporary:
        temporary.write_text(json.dumps(value, indent=2) + "\n")


def write_manifest(folder: Path, name: str, **fields: object) -> None:
    """Write `<folder>/<name>.json`: the fields, and the sha256 of every other file of the folder.

    The manifest is what later stages depend on, so it changes exactly when a file beside it does.
    """
    files = {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
    write_json(folder / f"{name}.json", {**fields, "files": files})
