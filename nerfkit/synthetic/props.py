"""Everyday things, each built from dice: a function (name, rng) -> Thing that stands at the origin."""

import numpy as np

from nerfkit.synthetic.description import Material, Part, Texture, Thing

PRINT_COLOURS = ("#7c2f2a", "#2f4a3a", "#c39a3d", "#d7cfbf", "#3b3440", "#a4562f", "#5a6a58", "#8c7a5a")
FRUITS = (("#d9822b", "#b5331f"), ("#c9352b", "#e0b040"), ("#a9b83c", "#d8c65a"), ("#e0b23a", "#c9782b"))


def textured(kind: str, extent: list[float], rng: np.random.Generator, **parameters: object) -> Texture:
    """A texture with a seed of its own, dense enough to stay sharp from half a metre away."""
    density = 1100.0 if max(extent) < 0.8 else 800.0
    return Texture(kind, [float(v) for v in extent], density, int(rng.integers(1 << 30)), parameters)


def pick(rng: np.random.Generator, options: tuple) -> object:
    """One of the options."""
    return options[int(rng.integers(len(options)))]


def book(rng: np.random.Generator, size: list[float], base: float, turn: float) -> list[Part]:
    """Two boards, a spine at -x and the pages of a book lying on z = `base`."""
    width, depth, height = size
    board = 0.003
    printed = textured(
        "cover", [width, depth], rng, base=pick(rng, PRINT_COLOURS), ink=pick(rng, ("#ecdfc0", "#1f1d1b"))
    )
    cover = Material(printed, roughness=0.3)
    paper = Material(textured("pages", [width, 0.04], rng))
    inner = {
        "size": [width - 0.008, depth - 0.008, height - 2 * board],
        "extent": [width, 0.04],
        "bevel": 0.001,
    }
    flat = {"size": [width, depth, board], "bevel": 0.001}
    spine = {"size": [board, depth, height], "bevel": 0.001}
    cosine, sine = np.cos(np.radians(turn)), np.sin(np.radians(turn))
    side = [-(width - board) / 2 * cosine, -(width - board) / 2 * sine, base]
    return [
        Part("box", cover, flat, [0, 0, base], [0, 0, turn]),
        Part("box", paper, inner, [0, 0, base + board], [0, 0, turn]),
        Part("box", cover, flat, [0, 0, base + height - board], [0, 0, turn]),
        Part("box", cover, spine, [float(v) for v in side], [0, 0, turn]),
    ]


def books(name: str, rng: np.random.Generator) -> Thing:
    """A pile of three to five books, the largest below."""
    parts, base, width = [], 0.0, rng.uniform(0.21, 0.25)
    for _ in range(int(rng.integers(3, 6))):
        height = float(rng.uniform(0.018, 0.04))
        turn = float(rng.normal(0, 9))
        parts += book(rng, [width, width * float(rng.uniform(1.25, 1.4)), height], base, turn)
        base, width = base + height, width * float(rng.uniform(0.86, 0.98))
    return Thing(name, parts)


def mug(name: str, rng: np.random.Generator) -> Thing:
    """A speckled mug with a handle and something dark in it."""
    r, h = float(rng.uniform(0.038, 0.046)), float(rng.uniform(0.085, 0.11))
    tone, spots = pick(rng, (("#d8cdb8", "#4a3a2c"), ("#b9876a", "#f0e4d0"), ("#8d9a88", "#2e322c")))
    clay = Material(textured("stoneware", [0.29, 0.25], rng, base=tone, speckle=spots, dense=0.8), 0.25)
    profile = [[0, 0.002], [0.8 * r, 0], [r, 0.012], [r, h - 0.003], [r - 0.002, h]]
    profile += [[r - 0.005, h - 0.003], [r - 0.005, 0.012], [0, 0.008]]
    handle = [
        [r - 0.004, 0, 0.8 * h],
        [r + 0.02, 0, 0.82 * h],
        [r + 0.03, 0, 0.5 * h],
        [r - 0.004, 0, 0.2 * h],
    ]
    coffee = Material(textured("skin", [0.1, 0.1], rng, base="#3a2417", blush="#5a3a22"), 0.1, 0.0)
    disc = [[0, 0.75 * h], [r - 0.006, 0.75 * h]]
    return Thing(
        name,
        [
            Part("lathe", clay, {"profile": profile}),
            Part("tube", clay, {"path": handle, "radius": [0.006, 0.005], "extent": [0.29, 0.25]}),
            Part("lathe", coffee, {"profile": disc}),
        ],
    )


def bowl(name: str, rng: np.random.Generator) -> Thing:
    """A wide bowl with fruit."""
    r, h = float(rng.uniform(0.10, 0.12)), float(rng.uniform(0.055, 0.07))
    tone = pick(rng, ("#c8b79a", "#8a5a3c", "#e3dccb"))
    clay = Material(textured("stoneware", [0.7, 0.3], rng, base=tone, dense=0.6), 0.25)
    profile = [[0, 0.002], [0.45 * r, 0], [0.5 * r, 0.008], [0.85 * r, 0.5 * h], [r, h]]
    profile += [[r - 0.006, h], [0.8 * r, 0.5 * h], [0.4 * r, 0.014], [0, 0.012]]
    parts = [Part("lathe", clay, {"profile": profile})]
    turns = rng.uniform(0, 360) + np.arange(4) * 95 + rng.uniform(-8, 8, 4)
    for i, angle in enumerate([*turns, 0.0]):
        size = float(rng.uniform(0.033, 0.038))
        away = 0.052 if i < 4 else 0.006
        place = [away * np.cos(np.radians(angle)), away * np.sin(np.radians(angle)), 0.02 if i < 4 else 0.068]
        parts.append(fruit(rng, size, [float(v) for v in place]))
    return Thing(name, parts)


def fruit(rng: np.random.Generator, size: float, place: list[float]) -> Part:
    """A ball with dents where the stalk was, tilted at random."""
    base, blush = pick(rng, FRUITS)
    turn = np.linspace(-np.pi / 2, np.pi / 2, 9)
    dent = 0.12 * size * np.exp(-((np.abs(turn) - np.pi / 2) ** 2) / 0.08) * np.sign(turn)
    profile = np.stack([size * np.cos(turn), size * (1 + np.sin(turn)) - dent], 1)
    material = Material(textured("skin", [0.24, 0.12], rng, base=base, blush=blush), 0.35)
    tilt = [float(v) for v in rng.uniform(-35, 35, 3)]
    return Part("lathe", material, {"profile": profile.round(5).tolist(), "segments": 40}, place, tilt)


def plant(name: str, rng: np.random.Generator) -> Thing:
    """Long leaves in a clay pot."""
    r, h = float(rng.uniform(0.065, 0.075)), float(rng.uniform(0.10, 0.12))
    clay = Material(textured("stoneware", [0.45, 0.3], rng, base="#b0623f", speckle="#d9a98a", dense=0.7))
    profile = [
        [0, 0],
        [0.7 * r, 0],
        [0.93 * r, 0.78 * h],
        [r, 0.8 * h],
        [r, h],
        [r - 0.008, h],
        [0.8 * r, 0.6 * h],
    ]
    soil = Material(textured("skin", [0.15, 0.15], rng, base="#3b2d22", blush="#6b5a48"))
    ground = [[0, 0.9 * h], [0.96 * r, 0.88 * h]]
    parts = [Part("lathe", clay, {"profile": profile}), Part("lathe", soil, {"profile": ground})]
    greens = [
        Material(textured("leaf", [0.2, 0.05], rng, colour=c)) for c in ("#4f7a35", "#3d6a3a", "#6d8a3c")
    ]
    for i in range(int(rng.integers(20, 27))):
        shape = {"length": float(rng.uniform(0.13, 0.22)), "width": float(rng.uniform(0.028, 0.045))}
        shape["bend"] = float(rng.uniform(0.5, 1.5))
        turn = float(i * 137.5 + rng.uniform(-15, 15))
        rise = float(rng.uniform(25, 80))
        parts.append(Part("blade", greens[i % 3], shape, [0, 0, 0.92 * h], [0, -rise, turn]))
    return Thing(name, parts)


def carton(name: str, rng: np.random.Generator) -> Thing:
    """A printed box, upright."""
    width, depth, height = (float(rng.uniform(*b)) for b in ((0.10, 0.14), (0.05, 0.08), (0.15, 0.21)))
    base = pick(rng, ("#d8b04a", "#b9c0a6", "#d9cdb4", "#a8553c"))
    printed = textured("cover", [width, height], rng, base=base, ink="#2b2522", motifs=26)
    return Thing(name, [Part("box", Material(printed, 0.3), {"size": [width, depth, height]})])


def jar(name: str, rng: np.random.Generator) -> Thing:
    """A stoneware jar with wooden brushes or spoons in it."""
    r, h = 0.05, 0.13
    clay = Material(
        textured("stoneware", [0.32, 0.35], rng, base="#cbb799", speckle="#6a4a30", dense=0.9), 0.3
    )
    profile = [[0, 0], [0.9 * r, 0], [r, 0.02], [r, 0.75 * h], [0.85 * r, 0.9 * h], [0.9 * r, h]]
    profile += [[0.8 * r, h], [0.75 * r, 0.9 * h], [0.9 * r, 0.7 * h], [0.9 * r, 0.02], [0, 0.015]]
    parts = [Part("lathe", clay, {"profile": profile})]
    for i in range(6):
        grain = Material(
            textured("wood", [0.06, 0.35], rng, plank=0.4, light=pick(rng, ("#c79a66", "#8f5a34")))
        )
        turn = i * 60 + rng.uniform(-20, 20)
        lean = 0.032 * np.array([np.cos(np.radians(turn)), np.sin(np.radians(turn))])
        top = [*(1.9 * lean).tolist(), float(rng.uniform(0.2, 0.27))]
        path = [[*(0.6 * lean).tolist(), 0.02], [*(1.2 * lean).tolist(), 0.14], top]
        parts.append(Part("tube", grain, {"path": path, "radius": [0.004, 0.007]}))
    return Thing(name, parts)


def picture(name: str, rng: np.random.Generator, width: float, height: float) -> Thing:
    """A painting in a wooden frame; its back is the plane y = 0 and it looks along -y."""
    art = Material(textured("painting", [width, height], rng, frame=0.025))
    parts = [Part("sheet", art, {"size": [width, height], "steps": 2}, [0, -0.008, height / 2], [90, 0, 0])]
    grain = Material(textured("wood", [1.0, 0.1], rng, plank=0.2, light="#7a5233", dark="#3a2416"), 0.3)
    for z in (-0.011, height + 0.011):
        bar = {"size": [width + 0.044, 0.02, 0.022], "extent": [1.0, 0.1]}
        parts.append(Part("box", grain, bar, [0, -0.01, z - 0.011]))
    for x in (-width / 2 - 0.011, width / 2 + 0.011):
        bar = {"size": [height, 0.02, 0.022], "extent": [1.0, 0.1]}
        parts.append(Part("box", grain, bar, [x - 0.011, -0.01, height / 2], [0, 90, 0]))
    return Thing(name, parts)


def paper(name: str, rng: np.random.Generator, size: list[float]) -> Thing:
    """A printed sheet lying almost flat."""
    printed = Material(textured("page", size, rng, columns=2 if size[0] < 0.25 else 3), relief=0.0)
    shape = {"size": size, "wave": 0.004, "seed": int(rng.integers(1 << 30))}
    return Thing(name, [Part("sheet", printed, shape, [0, 0, 0.001])])


def pencils(name: str, rng: np.random.Generator) -> Thing:
    """A few coloured pencils thrown down."""
    parts = []
    for i in range(4):
        paint = textured(
            "glaze",
            [0.18, 0.025],
            rng,
            base=pick(rng, ("#b5402f", "#d8a53a", "#5c7a4a", "#7a5a86")),
            bands=0,
            dots=0,
        )
        place = [float(rng.uniform(-0.02, 0.02)), 0.022 * i, 0.0045]
        turn = float(rng.normal(0, 22))
        path = [[-0.085, 0, 0], [0, 0, 0], [0.085, 0, 0]]
        shape = {"path": path, "radius": [0.004, 0.004], "sides": 6}
        parts.append(Part("tube", Material(paint, 0.3), shape, place, [0, 0, turn]))
    return Thing(name, parts)
