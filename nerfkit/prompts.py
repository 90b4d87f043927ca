"""The user's clicks: `prompts.json` read, checked against the photos, mapped to the prepared ones.

In the file a click is the index of a pixel of the image as it lies in `images/`, before any EXIF rotation; it
means that pixel's centre. A box is given by its outer corners.
"""

import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from nerfkit.errors import UserError
from nerfkit.files import read_json
from nerfkit.photos import Photo, PhotoSet

NAME = r"\w[\w -]*"
FORM = "see the README for the form of prompts.json"


@dataclass(frozen=True)
class Clicks:
    """Clicks on one prepared photo, in its pixel coordinates (centre of the first pixel at 0.5)."""

    photo: Photo
    points: np.ndarray  # (N, 2) float64
    labels: np.ndarray  # (N,) bool, True = on the object
    box: np.ndarray | None  # (4,) float64: left, top, right, bottom edges around the object


@dataclass(frozen=True)
class PromptedObject:
    """One thing the user points at, in one or several photos."""

    name: str
    text: str | None
    clicks: list[Clicks]


def read_prompts(path: Path, photos: PhotoSet) -> list[PromptedObject]:
    """Read and check `prompts.json`.

    Args:
        path: the file; `objects: [{name, text, clicks: [{image, points, labels, box}]}]`; text and box are
            optional.
        photos: what the photos stage wrote; only training photos may be clicked.

    Raises:
        UserError: the file, the object and the image at fault, and what would be right.
    """
    data = read_json(path)
    objects = required(path, "the file", data, "objects", list)
    if not objects:
        raise UserError(f"{path} lists no objects; click on the thing to remove in at least one photo.")
    read = [read_object(path, number, entry, photos) for number, entry in enumerate(objects, 1)]
    names = [entry.name for entry in read]
    if len(set(names)) < len(names):
        raise UserError(f"{path} has several objects of one name ({', '.join(names)}); give each its own.")
    return read


def read_object(path: Path, number: int, entry: dict, photos: PhotoSet) -> PromptedObject:
    """One entry of `objects`; the first has number 1."""
    name = required(path, f"object {number}", entry, "name", str)
    if not re.fullmatch(NAME, name):
        raise UserError(
            f"{path}: object {number} is called {name!r}; a name is letters, digits, spaces, - and _: its "
            "masks lie in a folder of that name."
        )
    where = f"object {name!r}"
    text = entry.get("text")
    if text is not None and not isinstance(text, str):
        raise UserError(f"{path}: text of {where} is {text!r}; it must be a string.")
    views = required(path, where, entry, "clicks", list)
    if not views:
        raise UserError(f"{path}: {where} has no clicks; click on it in at least one photo.")
    clicks = [read_clicks(path, where, view, photos) for view in views]
    clicked = [view.photo.name for view in clicks]
    if len(set(clicked)) < len(clicked):
        raise UserError(
            f"{path}: {where} lists an image twice ({', '.join(clicked)}); put its clicks together."
        )
    return PromptedObject(name, text, clicks)


def read_clicks(path: Path, where: str, view: dict, photos: PhotoSet) -> Clicks:
    """The clicks of one object on one image."""
    image = required(path, f"a click entry of {where}", view, "image", str)
    photo = clicked_photo(path, image, photos)
    where = f"{where} in {image}"
    points = coordinates(path, where, required(path, where, view, "points", list), 2, photo)
    labels = required(path, where, view, "labels", list)
    if len(labels) != len(points):
        raise UserError(
            f"{path}: {where} has {len(points)} points but {len(labels)} labels; one each is needed."
        )
    if any(isinstance(label, bool) or label not in (0, 1) for label in labels):
        raise UserError(f"{path}: {where} has labels {labels}; 1 is on the object, 0 is not.")
    box = read_box(path, where, view, photo)
    if box is None and 1 not in labels:
        raise UserError(
            f"{path}: {where} has only clicks beside the object (label 0); add at least one on it (label 1)."
        )
    return Clicks(photo, photo.from_stored(points + 0.5), np.array(labels, bool), box)


def clicked_photo(path: Path, image: str, photos: PhotoSet) -> Photo:
    """The training photo of that file name, or of that stem."""
    train = photos.split("train")
    for photo in train:
        names = (photo.name,) if photos.source == "video" else (photo.original, photo.name)
        if image in names or Path(image).stem == photo.name:
            return photo
    examples = ", ".join(photo.name if photos.source == "video" else photo.original for photo in train[:3])
    raise UserError(f"{path} has clicks for {image!r}, which is not in images/; there are {examples}, ..")


def read_box(path: Path, where: str, view: dict, photo: Photo) -> np.ndarray | None:
    """An optional box, mapped to the prepared photo."""
    if view.get("box") is None:
        return None
    entry = required(path, where, view, "box", list)
    corners = coordinates(path, f"the box of {where}", [entry], 4, photo).reshape(2, 2)
    if not (corners[0] < corners[1]).all():
        raise UserError(f"{path}: the box of {where} is {entry}; it must be [left, top, right, bottom].")
    mapped = photo.from_stored(corners)
    return np.concatenate([mapped.min(axis=0), mapped.max(axis=0)])


def coordinates(path: Path, where: str, entries: list, count: int, photo: Photo) -> np.ndarray:
    """Lists of `count` numbers, x and y in turn, inside the stored image, as (N, count) float64."""
    for entry in entries:
        numbers = isinstance(entry, list) and len(entry) == count
        if not numbers or any(isinstance(v, bool) or not isinstance(v, int | float) for v in entry):
            raise UserError(f"{path}: {where} has {entry!r} where {count} numbers in pixels are needed.")
    values = np.array(entries, float).reshape(-1, count)
    size = np.tile(photo.stored_size, count // 2)
    limit = size if count == 4 else size - 1e-9  # a box may end at the border, a click must hit a pixel
    outside = ~((values >= 0) & (values <= limit)).all(axis=1)
    if outside.any():
        width, height = photo.stored_size
        entry = entries[int(np.flatnonzero(outside)[0])]
        raise UserError(
            f"{path}: {where} has {entry}, outside the image, which is {width}x{height} pixels; "
            "x goes right and y down from 0, before any EXIF rotation."
        )
    return values


def required(path: Path, where: str, entry: object, key: str, kind: type) -> object:
    """The value of a key that must be there and of a type."""
    if not isinstance(entry, dict):
        raise UserError(f"{path}: {where} is {entry!r}; it must be an object with {key!r} ({FORM}).")
    if key not in entry:
        raise UserError(f"{path}: {where} lacks {key!r} ({FORM}).")
    if not isinstance(entry[key], kind) or (kind is str and not entry[key]):
        names = {list: "a list", str: "a string that is not empty"}
        raise UserError(f"{path}: {key!r} of {where} is {entry[key]!r}; it must be {names[kind]}.")
    return entry[key]
