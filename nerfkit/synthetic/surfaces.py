"""Procedural surfaces: wood, brick, plaster, terrazzo, cloth, glaze, stoneware, leaf, skin.

Every function takes a Canvas and named parameters and returns a Surface. All are dense, multi-scale and
without repetition, because features of real photos have to be found on them.
"""

import numpy as np

from nerfkit.synthetic.canvas import Canvas, Surface, mix, ramp, rgb, shade


def wood(canvas: Canvas, light: str = "#b98a57", dark: str = "#6e4526", plank: float = 0.14) -> Surface:
    """Planks along x with rings, knots, pores and stains; `plank` is their width in metres."""
    x, y = canvas.coordinates()
    across = y + 0.010 * canvas.noise((0.5, 0.06), 3)
    for _ in range(round(12 * canvas.extent[0] * canvas.extent[1])):
        kx, ky = canvas.rng.random(2) * canvas.extent
        radius = canvas.rng.uniform(0.008, 0.02)
        rows = canvas.window(ky, 3 * radius)
        columns = canvas.window(kx, 7 * radius)
        distance = ((x[rows, columns] - kx) / 2.5) ** 2 + (y[rows, columns] - ky) ** 2
        across[rows, columns] += 1.6 * radius * np.exp(-distance / radius**2)
    rings = 0.5 + 0.5 * np.sin(2 * np.pi * across / 0.011 + 1.2 * canvas.noise((0.3, 0.02), 3))
    tone = 0.45 * rings**1.5 + 0.16 * canvas.noise((0.12, 0.003), 4) + 0.10 * canvas.noise(0.12, 5)
    pores = ramp(canvas.noise((0.025, 0.0022), 3), 1.3, 2.4)
    row, seam = _planks(canvas, x, y, plank)
    tone = _shuffled(canvas, tone, row) + 0.16 * canvas.rng.standard_normal(row.max() + 1)[row]
    colour = mix(rgb(light), rgb(dark), 0.25 + tone + 0.35 * _shuffled(canvas, pores, row))
    wear = 0.10 * canvas.noise(0.2, 6) + 0.05 * canvas.noise(0.006, 3)
    relief = -0.0012 * seam - 0.0002 * pores
    return Surface(shade(colour * (1 - 0.75 * seam[..., None]), wear), relief.astype(np.float32))


def _planks(canvas: Canvas, x: np.ndarray, y: np.ndarray, plank: float) -> tuple[np.ndarray, np.ndarray]:
    """Index of the board at every pixel and the seams between boards, 0 to 1."""
    row = np.floor(y / plank).astype(int)
    cut = canvas.rng.uniform(0.2, 0.8, row.max() + 1)[row] * canvas.extent[0]
    edge = np.minimum(np.minimum(y % plank, plank - y % plank), np.abs(x - cut))
    return 2 * row + (x > cut), 1 - ramp(edge, 0.0004, 0.0016)


def _shuffled(canvas: Canvas, image: np.ndarray, board: np.ndarray) -> np.ndarray:
    """Every board shows another piece of `image`, so that the grain breaks at the seams."""
    height, width = image.shape
    shifts = np.random.default_rng([canvas.seed, 1]).integers(0, [height, width], (board.max() + 1, 2))
    v, u = np.mgrid[:height, :width]
    return image[(v + shifts[board, 0]) % height, (u + shifts[board, 1]) % width]


def brick(
    canvas: Canvas,
    colours: tuple[str, ...] = ("#8e4b36", "#a55f44", "#7a3f31", "#b07a5c", "#5f3a33"),
    mortar: str = "#b9b0a2",
    length: float = 0.21,
    height: float = 0.065,
    whitewash: float = 0.0,
) -> Surface:
    """Running bond with uneven bricks, stains, chipped edges and, if asked, remains of whitewash (0 to 1)."""
    x, y = canvas.coordinates()
    u, v = x + 0.0016 * canvas.noise(0.03, 4), y + 0.0016 * canvas.noise(0.03, 4)
    row = np.clip(np.floor(v / height).astype(int), 0, None)
    along = u + canvas.rng.uniform(0, length, row.max() + 1)[row]
    column = np.clip(np.floor(along / length).astype(int), 0, None)
    edge_x, edge_y = along % length, v % height
    edge = np.minimum.reduce([edge_x, length - edge_x, edge_y, height - edge_y])
    solid = ramp(edge + 0.0012 * canvas.noise(0.008, 3), 0.003, 0.0065)
    pick = canvas.rng.integers(0, len(colours), (row.max() + 1, column.max() + 1))[row, column]
    tone = canvas.rng.normal(0, 0.12, (row.max() + 1, column.max() + 1))[row, column]
    colour = np.stack([rgb(c) for c in colours])[pick]
    colour = shade(colour, tone + 0.12 * canvas.noise(0.03, 5) - 0.5 * ramp(canvas.noise(0.012, 3), 1.2, 2.2))
    joint = shade(np.broadcast_to(rgb(mortar), colour.shape), 0.12 * canvas.noise(0.01, 4))
    colour = mix(joint, colour, solid)
    if whitewash > 0:
        cover = ramp(canvas.noise(0.25, 7, 0.7) + 2.5 * (whitewash - 0.5), -0.25, 0.25)
        paint = shade(np.broadcast_to(rgb("#dcd6c8"), colour.shape), 0.06 * canvas.noise(0.02, 5))
        colour = mix(colour, paint, 0.85 * cover)
    relief = 0.005 * solid + 0.0005 * canvas.noise(0.01, 3)
    return Surface(shade(colour, 0.07 * canvas.noise(0.6, 4)), relief.astype(np.float32))


def plaster(
    canvas: Canvas, paint: str = "#c9c2ae", under: str = "#9d8468", worn: float = 0.3, stain: float = 0.08
) -> Surface:
    """Old painted plaster: trowel marks, stains, hairline cracks and flaked patches (`worn`, 0 to 1)."""
    patches = canvas.noise(0.30, 8, 0.68)
    flaked = ramp(patches, 1.9 - 2.2 * worn, 2.0 - 2.2 * worn)
    base = shade(np.broadcast_to(rgb(paint), (*canvas.shape, 3)), stain * canvas.noise(0.5, 7, 0.75))
    trowel = canvas.noise((0.08, 0.012), 4) + canvas.noise((0.012, 0.08), 4)
    base = shade(base, 0.018 * trowel - 0.25 * ramp(canvas.noise(0.006, 2), 2.0, 2.8))
    below = shade(np.broadcast_to(rgb(under), base.shape), 0.16 * canvas.noise(0.03, 5))
    rim = np.exp(-(((patches - (1.9 - 2.2 * worn)) / 0.05) ** 2))
    _, border = canvas.cells(0.35)
    crack = 1 - ramp(canvas.warped(border, 0.012, 0.05), 0.0004, 0.0018)
    colour = shade(mix(base, below, flaked), -0.25 * rim - 0.45 * crack)
    relief = 0.0006 * trowel - 0.0015 * flaked - 0.001 * crack
    return Surface(colour, relief.astype(np.float32))


def terrazzo(
    canvas: Canvas,
    base: str = "#cfc9bd",
    chips: tuple[str, ...] = ("#7d6a58", "#a9584a", "#3f4a4f", "#e9e2d2", "#b59a6a"),
) -> Surface:
    """Polished stone chips of three sizes in cement."""
    colour = shade(np.broadcast_to(rgb(base), (*canvas.shape, 3)), 0.07 * canvas.noise(0.02, 5))
    palette = np.stack([rgb(c) for c in chips])
    for spacing, share in ((0.008, 0.5), (0.018, 0.45), (0.04, 0.35)):
        index, border = canvas.cells(spacing)
        kept = canvas.rng.random(index.max() + 1) < share
        pick = palette[canvas.rng.integers(0, len(palette), index.max() + 1)][index]
        inside = ramp(border + 0.03 * spacing * canvas.noise(spacing / 4, 2), 0.1 * spacing, 0.14 * spacing)
        colour = mix(colour, shade(pick, 0.1 * canvas.noise(0.01, 3)), inside * kept[index])
    return Surface(shade(colour, 0.05 * canvas.noise(0.3, 4)))


def cloth(
    canvas: Canvas,
    colours: tuple[str, ...] = ("#b9a78a", "#7b3b34", "#2f3a45", "#c98b4a", "#e4dac4"),
    thread: float = 0.003,
    band: float = 0.03,
) -> Surface:
    """Plain weave; warp and weft change colour in bands of random width (mean `band`, metres)."""
    x, y = canvas.coordinates()
    u = x / thread + 0.15 * canvas.noise(0.02, 3)
    v = y / thread + 0.15 * canvas.noise(0.02, 3)
    i, j = (np.clip(np.floor(w).astype(int), 0, None) for w in (u, v))
    palette = np.stack([rgb(c) for c in colours])
    warp, weft = (palette[_bands(canvas, n.max() + 1, band / thread, len(palette))][n] for n in (i, j))
    over = (i + j) % 2 == 0
    colour = np.where(over[..., None], warp, weft)
    bulge = np.where(over, np.sin(np.pi * (u % 1)), np.sin(np.pi * (v % 1)))
    yarn = canvas.rng.normal(0, 0.1, i.max() + 1)[i] + canvas.rng.normal(0, 0.1, j.max() + 1)[j]
    colour = shade(colour, 0.3 * bulge - 0.2 + yarn + 0.08 * canvas.noise(0.05, 5))
    return Surface(colour, (0.0006 * bulge).astype(np.float32))


def _bands(canvas: Canvas, count: int, mean: float, colours: int) -> np.ndarray:
    """A colour index for each of `count` threads, in runs of about `mean` threads."""
    runs = canvas.rng.exponential(mean, count).astype(int) + 1
    return np.repeat(canvas.rng.integers(0, colours, count), runs)[:count]


def glaze(
    canvas: Canvas, base: str = "#1b6f8a", accent: str = "#f1e6c8", bands: int = 3, dots: int = 40
) -> Surface:
    """Glazed pottery: mottled colour, painted bands around it and dots between them."""
    x, y = canvas.coordinates()
    width, height = canvas.extent
    colour = shade(np.broadcast_to(rgb(base), (*canvas.shape, 3)), 0.16 * canvas.noise(0.05, 6, 0.7))
    for centre in canvas.rng.uniform(0.25, 0.85, bands) * height:
        wave = y - centre + 0.002 * canvas.noise(0.05, 3)
        colour = mix(colour, rgb(accent), 0.9 * (1 - ramp(np.abs(wave), 0.0025, 0.0035)))
    for cx, cy in canvas.rng.random((dots, 2)) * [width, height]:
        radius = canvas.rng.uniform(0.003, 0.008)
        spot = canvas.window(cy, 2 * radius), canvas.window(cx, 2 * radius)
        distance = np.hypot(x[spot] - cx, y[spot] - cy)
        colour[spot] = mix(colour[spot], rgb(accent), 0.9 * (1 - ramp(distance, radius, radius + 0.0015)))
    return Surface(shade(colour, 0.05 * canvas.noise(0.01, 4)))


def stoneware(canvas: Canvas, base: str = "#d8cdb8", speckle: str = "#4a3a2c", dense: float = 0.5) -> Surface:
    """Speckled clay, darker towards the foot."""
    _, y = canvas.coordinates()
    colour = shade(np.broadcast_to(rgb(base), (*canvas.shape, 3)), 0.08 * canvas.noise(0.04, 5))
    spots = np.maximum(
        ramp(canvas.noise(0.006, 2), 2.1 - dense, 2.6 - dense), ramp(canvas.noise(0.012, 3), 1.9, 2.3)
    )
    colour = mix(colour, rgb(speckle), 0.8 * spots)
    return Surface(
        shade(colour, -0.2 * ramp(y + 0.01 * canvas.noise(0.04, 3), 0.7 * canvas.extent[1], canvas.extent[1]))
    )


def leaf(canvas: Canvas, colour: str = "#4f7a35", vein: str = "#a9bf78") -> Surface:
    """A leaf along x: a middle vein, side veins and blotches."""
    x, y = canvas.coordinates()
    width, height = canvas.extent
    side = np.abs(y - height / 2)
    ribs = np.abs(((x - 0.8 * side) / (0.09 * width)) % 1 - 0.5) * 2
    lines = np.maximum(1 - ramp(side, 0.01 * height, 0.04 * height), 0.6 * ramp(ribs, 0.85, 1.0))
    base = shade(np.broadcast_to(rgb(colour), (*canvas.shape, 3)), 0.2 * canvas.noise(0.02, 5))
    return Surface(mix(base, rgb(vein), 0.7 * lines))


def skin(canvas: Canvas, base: str = "#d9822b", blush: str = "#b5331f") -> Surface:
    """The skin of a fruit: pores and a blush."""
    colour = mix(rgb(base), rgb(blush), ramp(canvas.noise(0.08, 5), 0.0, 1.8))
    pores = canvas.noise(0.003, 2)
    return Surface(shade(colour, 0.06 * pores), (0.0003 * pores).astype(np.float32))
