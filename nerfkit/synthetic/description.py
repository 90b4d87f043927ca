"""What there is to photograph, as plain data: things with parts, materials, lights, camera sets, the film.

Lengths are metres, angles degrees, colours sRGB "#rrggbb", radiance linear RGB. World frame: z up.
"""

import types
import typing
from dataclasses import asdict, dataclass, field, fields, is_dataclass

from nerfkit.errors import UserError

Vector = list[float]
Parameters = dict[str, typing.Any]


@dataclass(frozen=True)
class Texture:
    """A procedural surface: `kind` names a function of surfaces.py or prints.py, `parameters` go to it."""

    kind: str
    # width and height that the picture covers, m
    extent: Vector
    # pixels per metre
    density: float = 1000.0
    seed: int = 0
    parameters: Parameters = field(default_factory=dict)


@dataclass(frozen=True)
class Material:
    """A texture under an optional coat of varnish."""

    texture: Texture
    # roughness of the varnish in (0, 1]; None is a matt surface
    roughness: float | None = None
    # how much of the texture's own relief is used; varnish fills it
    relief: float = 1.0


@dataclass(frozen=True)
class Part:
    """One mesh of a thing: `shape` names a function of shapes.py, `parameters` go to it."""

    shape: str
    material: Material
    parameters: Parameters = field(default_factory=dict)
    # in the frame of the thing
    position: Vector = field(default_factory=lambda: [0.0, 0.0, 0.0])
    # about x, then y, then z
    rotation: Vector = field(default_factory=lambda: [0.0, 0.0, 0.0])


@dataclass(frozen=True)
class Thing:
    """A named thing in the place; it can be left out of a photo, and has its own mask."""

    name: str
    parts: list[Part]
    position: Vector = field(default_factory=lambda: [0.0, 0.0, 0.0])
    rotation: Vector = field(default_factory=lambda: [0.0, 0.0, 0.0])


@dataclass(frozen=True)
class Light:
    """A rectangle that shines towards `target`, or, without a size, light from all sides."""

    radiance: Vector
    position: Vector = field(default_factory=lambda: [0.0, 0.0, 0.0])
    target: Vector = field(default_factory=lambda: [0.0, 0.0, 0.0])
    # width and height, m
    size: Vector | None = None


@dataclass(frozen=True)
class CameraSet:
    """Cameras on a sphere zone about `target`.

    `rows`: one row per elevation, azimuths evenly spread (-180 to 180 is an orbit). `scatter`: evenly filled
    at random between the smallest and the largest elevation.
    """

    # prefix of the photos' names
    name: str
    # train or test
    split: str
    count: int
    target: Vector
    # smallest and largest distance from the target, m
    radius: Vector
    # first and last; 0 stands at -y of the target, 90 at +x
    azimuth: Vector
    elevations: Vector
    arrangement: str = "rows"
    # focal length over image width
    focal: float = 0.95
    # random departure from the even spread, as a fraction of the spacing
    jitter: float = 0.25
    # standard deviation of the point looked at, m
    aim_jitter: float = 0.01
    # standard deviation
    roll: float = 1.0
    # things left out of these photos
    without: list[str] = field(default_factory=list)
    # also the subject alone, as if nothing stood before it, and which of it no training photo shows
    alone: bool = False


@dataclass(frozen=True)
class Film:
    """The photo: size in pixels, paths per pixel, exposure."""

    width: int = 640
    height: int = 480
    samples: int = 36
    # scene radiance is multiplied by this
    exposure: float = 1.5
    # standard deviation of the exposure from photo to photo, relative
    gain_jitter: float = 0.01
    # JPEG quality
    quality: int = 80
    # bounces of light
    bounces: int = 6


@dataclass(frozen=True)
class SceneDescription:
    """A whole place, its subject (the thing to be removed or extracted) and its cameras."""

    name: str
    seed: int
    subject: str
    # the subject in words, for prompts
    text: str
    things: list[Thing]
    lights: list[Light]
    camera_sets: list[CameraSet]
    film: Film = field(default_factory=Film)

    def __post_init__(self) -> None:
        names = [thing.name for thing in self.things]
        if len(set(names)) != len(names):
            raise UserError(f"Scene {self.name}: two things share a name; give every thing its own.")
        wanted = {self.subject, *(name for cameras in self.camera_sets for name in cameras.without)}
        if unknown := sorted(wanted - set(names)):
            raise UserError(
                f"Scene {self.name} has no thing named {unknown[0]}; there are {', '.join(names)}."
            )


def to_dict(description: SceneDescription) -> dict:
    """The description as JSON values."""
    return asdict(description)


def from_dict(values: dict) -> SceneDescription:
    """The description that `to_dict` wrote.

    Raises:
        UserError: a key that no description has, or one that is missing.
    """
    return _build(SceneDescription, values, "the scene description")


def _build(kind: typing.Any, value: typing.Any, where: str) -> typing.Any:
    if typing.get_origin(kind) in (typing.Union, types.UnionType):
        if value is None:
            return None
        kind = next(option for option in typing.get_args(kind) if option is not types.NoneType)
    if is_dataclass(kind):
        return _build_dataclass(kind, value, where)
    if typing.get_origin(kind) is list and is_dataclass(typing.get_args(kind)[0]):
        inner = typing.get_args(kind)[0]
        return [_build(inner, item, f"{where}[{i}]") for i, item in enumerate(value)]
    return value


def _build_dataclass(kind: type, value: dict, where: str) -> typing.Any:
    hints = typing.get_type_hints(kind)
    if unknown := sorted(set(value) - set(hints)):
        raise UserError(f"{where}: {unknown[0]} is not a field of {kind.__name__}.")
    try:
        return kind(**{key: _build(hints[key], item, f"{where}.{key}") for key, item in value.items()})
    except TypeError:
        missing = next(f.name for f in fields(kind) if f.name not in value)
        raise UserError(f"{where}: {kind.__name__} needs a {missing}.") from None
