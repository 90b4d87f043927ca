"""What the user's folders hold: scenes, and the files of one scene that a stage reads."""

import re
from pathlib import Path

from snakemake.exceptions import WorkflowError

from nerfkit.files import list_images

SCENE_NAME = r"[A-Za-z0-9_-]+"


def listed(value: object) -> list:
    """A setting that is one value or a list of them, as a list."""
    return value if isinstance(value, list) else [value]


def files(folder: Path, *patterns: str) -> list[str]:
    """The files below a folder that match the patterns, each sorted by name, hidden ones left out."""
    found = [path for pattern in patterns for path in sorted(folder.glob(pattern))]
    return [str(path) for path in found if path.is_file() and not path.name.startswith(".")]


def images(folder: Path) -> list[str]:
    """The images of a folder; a folder that is not there has none."""
    return [str(path) for path in list_images(folder)]


def required(folder: Path, pattern: str, instead: str) -> list[str]:
    """The files of a scene that a setting asks for.

    Args:
        folder: the scene folder.
        pattern: a file, or all files of a folder: `prompts.json`, `masks/*`.
        instead: what to do where there are none, for the sentence.

    Raises:
        WorkflowError: there is none.
    """
    found = files(folder, pattern)
    if not found:
        raise WorkflowError(f"Scene '{folder.name}' has no {folder / pattern}; add it, or {instead}.")
    return found


def is_scene(folder: Path) -> bool:
    """Whether a folder is laid out as a scene: it holds `images/` or a `video.*`."""
    return (folder / "images").is_dir() or bool(files(folder, "video.*"))


def scene_names(data: str | list[str]) -> list[str]:
    """The names of all scenes below the data folders."""
    folders = [folder for root in listed(data) for folder in Path(root).glob("*")]
    return sorted({folder.name for folder in folders if is_scene(folder)})


def scene_folder(name: str, data: str | list[str]) -> Path:
    """The folder of a scene, in the first data folder that has it.

    Raises:
        WorkflowError: the name is not a plain name, or no data folder has such a scene.
    """
    if not re.fullmatch(SCENE_NAME, name):
        raise WorkflowError(
            f"'{name}' cannot be a scene: a scene has the name of its folder: letters, digits, '-' and '_'."
        )
    folders = [Path(root, name) for root in listed(data)]
    for folder in folders:
        if is_scene(folder):
            return folder
    for folder in folders:
        if folder.is_dir():
            raise WorkflowError(
                f"Scene '{name}' has no photos: {folder} holds neither images/ nor a video.*; put them there."
            )
    places = " and ".join(f"{root}/" for root in listed(data))
    names = ", ".join(scene_names(data)) or "no scene yet"
    raise WorkflowError(f"Unknown scene '{name}'; {places} holds: {names}.")
