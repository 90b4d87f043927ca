"""Families of places: a function (seed, options) -> SceneDescription, for a bundled capture or a benchmark.

`corner`: a table against the wall of a room, photographed along an arc in front of it.
`island`: the same table in the middle of a room, photographed all around.
`covered`: the same, nearer and in square photos, with things before and on the subject (LaTeRF, section 5.2).
The seed decides about materials, things and their places, the light and the cameras.
"""

from dataclasses import replace

import numpy as np

from nerfkit.errors import UserError
from nerfkit.synthetic import props
from nerfkit.synthetic.description import CameraSet, Film, Light, Material, Part, SceneDescription, Thing
from nerfkit.synthetic.props import pick, textured
from nerfkit.synthetic.subjects import COVERED, PLATE_HEIGHT, SUBJECTS

TABLE = (1.7, 0.95, 0.045)
# of the table's centre; the subject stands at the origin of the world, near the front
TABLE_CENTRE = (0.0, 0.10)
FLOOR = -0.74
# how thick the cloth under the subject is
CLOTH = 0.004


def corner(seed: int, subject: str | None = None) -> SceneDescription:
    """A table in the corner of a room, seen from the front: 40 photos with the subject, 12 without it."""
    rng = np.random.default_rng([seed, 10])
    kind, thing, text = _subject(rng, subject)
    back = TABLE_CENTRE[1] + TABLE[1] / 2 + 0.02
    things = [thing, *_room(rng, back), _table(rng), *_tabletop(rng)]
    things += _on_the_wall(rng, back)
    zone = {"target": [0.0, 0.03, 0.13], "radius": [0.90, 1.05], "azimuth": [-46.0, 46.0]}
    cameras = [
        CameraSet("view", "train", 40, elevations=[18.0, 29.0, 40.0], **zone),
        CameraSet("test", "test", 12, elevations=[20.0, 38.0], arrangement="scatter", without=[kind], **zone),
    ]
    return SceneDescription(f"corner-{seed}", seed, kind, text, things, _light(rng), cameras)


def island(seed: int, subject: str | None = None) -> SceneDescription:
    """A table amid a room, seen from all sides, with a clutter of things that hide parts of the subject."""
    rng = np.random.default_rng([seed, 11])
    kind, thing, text = _subject(rng, subject)
    front = props.carton("occluder", rng)
    occluder = replace(front, position=[float(rng.uniform(-0.1, 0.1)), -0.24, 0.0])
    things = [thing, occluder, *_room(rng, 2.6, closed=True), _table(rng), *_tabletop(rng)]
    zone = {"target": [0.0, 0.0, 0.12], "radius": [1.0, 1.25], "azimuth": [-180.0, 180.0]}
    cameras = [
        CameraSet("view", "train", 60, elevations=[20.0, 35.0, 50.0], **zone),
        CameraSet("test", "test", 15, elevations=[22.0, 48.0], arrangement="scatter", without=[kind], **zone),
    ]
    return SceneDescription(f"island-{seed}", seed, kind, text, things, _light(rng, ceiling=True), cameras)


def covered(seed: int, subject: str | None = None) -> SceneDescription:
    """A subject with a carton and a mug close to it, and fruit on it where it is flat: 100 square photos.

    The 30 test photos are without those, and have the subject alone as it looks then.
    """
    rng = np.random.default_rng([seed, 12])
    kind, thing, text = _subject(rng, subject, COVERED)
    covers = _covers(rng, thing)
    things = [thing, *covers, *_room(rng, 2.6, closed=True), _table(rng), *_tabletop(rng)]
    zone = {"target": [0.0, 0.0, 0.09], "radius": [0.75, 0.9], "azimuth": [-180.0, 180.0], "focal": 1.39}
    cameras = [
        CameraSet("view", "train", 100, elevations=[22.0, 35.0, 48.0, 62.0], **zone),
        CameraSet("test", "test", 30, elevations=[24.0, 60.0], arrangement="scatter", **zone),
    ]
    cameras[1] = replace(cameras[1], without=[cover.name for cover in covers], alone=True)
    film = Film(400, 400, samples=9, gain_jitter=0.0, quality=95, bounces=4)
    light = _light(rng, ceiling=True)
    return SceneDescription(f"covered-{seed}", seed, kind, text, things, light, cameras, film)


FAMILIES = {"corner": corner, "island": island, "covered": covered}


def _subject(rng: np.random.Generator, kind: str | None, subjects: dict = SUBJECTS) -> tuple[str, Thing, str]:
    """The subject's name, the subject standing on the cloth, and the words that describe it."""
    if kind is not None and kind not in subjects:
        raise UserError(f"There is no subject {kind}; there are {', '.join(subjects)}.")
    kind = kind or pick(rng, tuple(subjects))
    thing, text = subjects[kind](kind, rng)
    turn = float(rng.uniform(-30, 30))
    return kind, replace(thing, rotation=[0.0, 0.0, turn], position=[0.0, 0.0, CLOTH]), text


def _covers(rng: np.random.Generator, subject: Thing) -> list[Thing]:
    """Things that hide parts of the subject: one on each long side, and fruit on a plate or on a tower."""
    covers = []
    for make, name, azimuth, away in ((props.carton, "occluder", -90, 0.175), (props.mug, "cup", 90, 0.165)):
        angle = np.radians(azimuth + rng.uniform(-20, 20))
        place = [float(away * np.cos(angle)), float(away * np.sin(angle)), CLOTH]
        turn = [0.0, 0.0, float(rng.uniform(-25, 25))]
        covers.append(replace(make(name, rng), position=place, rotation=turn))
    fruits = []
    if subject.name == "plate":
        turns = rng.uniform(0, 2 * np.pi) + np.arange(3) * 2.1
        places = [[0.048 * float(np.cos(a)), 0.048 * float(np.sin(a)), PLATE_HEIGHT] for a in turns]
        fruits = [props.fruit(rng, float(rng.uniform(0.033, 0.038)), place) for place in places]
    if subject.name == "blocks":
        top = subject.parts[-1]
        height = top.position[2] + top.parameters["size"][2]
        fruits = [props.fruit(rng, float(rng.uniform(0.033, 0.038)), [0.0, 0.0, height])]
    return [*covers, Thing("fruit", fruits, [0.0, 0.0, CLOTH])] if fruits else covers


def _wall_material(rng: np.random.Generator, extent: list[float]) -> Material:
    kind = pick(rng, ("brick", "plaster", "wallpaper"))
    options = {
        "brick": {"whitewash": float(rng.uniform(0.1, 0.6))},
        "plaster": {"worn": float(rng.uniform(0.3, 0.5))},
    }
    options["wallpaper"] = {"base": pick(rng, ("#c7c6b0", "#d6c9b4", "#b9a48e"))}
    texture = textured(kind, extent, rng, **options[kind])
    return Material(replace(texture, density=500.0))


def _upright(name: str, material: Material, size: list[float], place: list[float], turn: float) -> Thing:
    """A wall that looks along -y before it is turned; `place` is the middle of its foot."""
    part = Part("sheet", material, {"size": size, "steps": 2}, [0, 0, size[1] / 2], [90, 0, 0])
    return Thing(name, [part], place, [0, 0, turn])


def _room(rng: np.random.Generator, back: float, closed: bool = False) -> list[Thing]:
    """Floor and walls; `back` is the y of the wall behind the table, `closed` adds the two in front."""
    reach, height = (back, 2.8) if closed else (1.55, 2.8)
    wide = 2 * reach if closed else 6.4
    size = [wide, height]
    middle = 0.0 if closed else reach - wide / 2
    boards = textured("wood", [9.6, 9.6], rng, plank=0.11, light="#9a7450", dark="#4d3322")
    planks = Material(replace(boards, density=250.0), 0.35)
    walls = [
        Thing("floor", [Part("sheet", planks, {"size": [9.6, 9.6], "steps": 2})], [0, 0, FLOOR]),
        _upright("back wall", _wall_material(rng, size), size, [middle, back, FLOOR], 0.0),
        _upright("right wall", _wall_material(rng, size), size, [reach, back - wide / 2, FLOOR], -90.0),
    ]
    if closed:
        walls.append(_upright("left wall", _wall_material(rng, size), size, [-reach, 0.0, FLOOR], 90.0))
        walls.append(_upright("front wall", _wall_material(rng, size), size, [0.0, -reach, FLOOR], 180.0))
    return walls


def _table(rng: np.random.Generator) -> Thing:
    """A table top whose surface is z = 0, and four legs."""
    width, depth, thick = TABLE
    tones = (("#b98a57", "#6e4526"), ("#c9a777", "#8a6238"), ("#8a5a38", "#472a1a"))
    light, dark = pick(rng, tones)
    extent = [width, depth]
    grain = textured("wood", extent, rng, light=light, dark=dark, plank=float(rng.uniform(0.11, 0.17)))
    grain = replace(grain, density=1200.0)
    top = Part("box", Material(grain, 0.35), {"size": list(TABLE), "extent": extent}, [*TABLE_CENTRE, -thick])
    legs = [
        Part(
            "box",
            Material(grain, 0.35),
            {"size": [0.07, 0.07, -FLOOR - thick], "extent": extent},
            [TABLE_CENTRE[0] + x * (width / 2 - 0.08), TABLE_CENTRE[1] + y * (depth / 2 - 0.08), FLOOR],
        )
        for x in (-1, 1)
        for y in (-1, 1)
    ]
    return Thing("table", [top, *legs])


def _tabletop(rng: np.random.Generator) -> list[Thing]:
    """A cloth under the subject, tall things at the sides and behind, flat things in front."""
    weave = textured("cloth", [0.52, 0.38], rng, band=float(rng.uniform(0.012, 0.03)))
    mat = {"size": [0.52, 0.38, CLOTH], "extent": [0.52, 0.38], "bevel": 0.0015}
    turn = float(rng.uniform(-25, 25))
    things = [Thing("cloth", [Part("box", Material(weave), mat)], [0.02, 0.0, 0.0], [0, 0, turn])]
    mirrored = float(pick(rng, (-1.0, 1.0)))
    for make, name, x, y in (
        (props.books, "books", -0.44, 0.20),
        (props.plant, "plant", 0.46, 0.36),
        (props.bowl, "bowl", 0.42, 0.06),
        (props.mug, "mug", -0.40, -0.10),
        (props.jar, "jar", -0.20, 0.42),
        (props.carton, "carton", 0.16, 0.44),
    ):
        made = make(name, rng)
        x, y = mirrored * x + rng.uniform(-0.02, 0.02), y + rng.uniform(-0.02, 0.02)
        things.append(
            replace(made, position=[float(x), float(y), 0.0], rotation=[0, 0, float(rng.normal(0, 18))])
        )
    for name, size, x, y in (
        ("newspaper", [0.30, 0.21], 0.36, -0.24),
        ("letter", [0.15, 0.21], -0.24, -0.25),
    ):
        made = props.paper(name, rng, size)
        place = [float(mirrored * x), y, 0.0]
        things.append(replace(made, position=place, rotation=[0, 0, float(rng.uniform(-35, 35))]))
    pens = props.pencils("pencils", rng)
    return [
        *things,
        replace(pens, position=[-0.03 * mirrored, -0.29, 0.0], rotation=[0, 0, float(rng.uniform(-60, 60))]),
    ]


def _on_the_wall(rng: np.random.Generator, back: float) -> list[Thing]:
    """Two pictures on the wall behind the table."""
    things = []
    for i, x in enumerate((-0.52, 0.30)):
        width, height = float(rng.uniform(0.3, 0.42)), float(rng.uniform(0.3, 0.42))
        place = [x + float(rng.uniform(-0.06, 0.06)), back, float(rng.uniform(0.27, 0.32))]
        things.append(replace(props.picture(f"picture {i + 1}", rng, width, height), position=place))
    return things


def _light(rng: np.random.Generator, ceiling: bool = False) -> list[Light]:
    """Daylight from a large window at one side, or from above, and soft light from everywhere."""
    side = float(pick(rng, (-1.0, 0.6)))
    warm = float(rng.uniform(0.0, 0.25))
    day = np.array([1.0, 0.96 - 0.2 * warm, 0.9 - 0.5 * warm]) * rng.uniform(11, 15)
    place = [0.3 * side, -0.3, 1.9] if ceiling else [1.7 * side, -1.5, float(rng.uniform(1.2, 1.6))]
    window = Light([float(v) for v in day], place, [0.0, 0.1, 0.0], [1.1, 1.3])
    return [window, Light([0.42, 0.45, 0.5])]
