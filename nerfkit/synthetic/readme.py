"""The README of a made capture."""

from nerfkit.synthetic.description import CameraSet, SceneDescription

TEXT = """# {name}: a made capture

Path-traced photos of a place that never was: {text} on a table, among everyday things. Nothing was
downloaded: shapes, textures and light come from `nerfkit/synthetic/`, and the photos from mitsuba 3.

Make it again (mitsuba is in the development requirements; the same description gives the same place):

    {command}

`--variant` may be left out: the default renders the same place with nothing installed but mitsuba, slower,
and with other noise. `description.json` is the place as data, and `--description` renders an edited one.

| path | what |
| --- | --- |
{rows}
| `prompts.json` | clicks and a box in one photo |
| `transforms.json` | the exact poses, for comparison: camera-to-world, OpenGL axes, metres |
| `description.json` | the place, its light, cameras and film |

Masks have 255 where the centre of a pixel sees the {subject}; its shadow is not part of it.
Photos: {width}x{height}, JPEG quality {quality}, {samples} paths per pixel, a pinhole lens; the
exposure varies by {gain:.0%} from photo to photo.

Licence: Apache-2.0, like nerfkit.
"""


def _rows(description: SceneDescription, cameras: CameraSet) -> str:
    images, masks = ("images", "masks") if cameras.split == "train" else ("test/images", "test/masks")
    left_out = (
        f" without the {' and the '.join(cameras.without)}, from other positions" if cameras.without else ""
    )
    subject = (
        "where it would be"
        if description.subject in cameras.without
        else f"where the {description.subject} is"
    )
    first = f"| `{images}/{cameras.name}_*.jpg` | {cameras.count} photos{left_out} |"
    rows = f"{first}\n| `{masks}/{cameras.name}_*.png` | {subject} in them |"
    if cameras.split == "test" and description.subject in cameras.without:
        rows += f"\n| `test/depth/{cameras.name}_*.npz` | true z-depth there and around, metres, without it |"
    return rows


def readme(description: SceneDescription, command: str) -> str:
    """What the capture is, how it was made (`command`), its files and its licence."""
    film = description.film
    return TEXT.format(
        name=description.name,
        text=description.text,
        subject=description.subject,
        command=command,
        rows="\n".join(_rows(description, cameras) for cameras in description.camera_sets),
        width=film.width,
        height=film.height,
        quality=film.quality,
        samples=film.samples,
        gain=film.gain_jitter,
    )
