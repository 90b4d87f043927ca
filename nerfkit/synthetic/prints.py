"""Printed matter, drawn: pages of text, covers, labels and pictures. Same form as surfaces.py."""

import cv2
import numpy as np

from nerfkit.synthetic.canvas import Canvas, Surface, mix, ramp, rgb, shade

SYLLABLES = ("ta", "ri", "mo", "ken", "sol", "vi", "da", "nu", "pra", "le", "gor", "in", "fe", "bal", "su")


def _word(rng: np.random.Generator) -> str:
    return "".join(rng.choice(SYLLABLES, rng.integers(1, 5)))


def _tuple(colour: np.ndarray) -> tuple[int, int, int]:
    red, green, blue = (int(v * 255) for v in colour)
    return red, green, blue


def _write(picture: np.ndarray, words: str, x: int, y: int, size: float, ink: str) -> int:
    """Draw `words` with cap height `size` pixels, baseline at y; returns the x where they end."""
    scale, stroke = size / 21, max(1, round(size / 9))
    font = cv2.FONT_HERSHEY_SIMPLEX
    cv2.putText(picture, words, (x, y), font, scale, _tuple(rgb(ink)), stroke, cv2.LINE_AA)
    return x + cv2.getTextSize(words, font, scale, stroke)[0][0]


def _paragraph(
    picture: np.ndarray, rng: np.random.Generator, box: tuple[int, int, int, int], size: float
) -> None:
    """Fill a box (x0, y0, x1, y1) with lines of words."""
    x0, y0, x1, y1 = box
    for baseline in np.arange(y0 + 1.4 * size, y1, 2.1 * size):
        x, end = x0, x1 if rng.random() < 0.8 else x0 + (x1 - x0) * rng.uniform(0.3, 0.9)
        while x < end - 4 * size:
            x = _write(picture, _word(rng), round(x), round(baseline), size, "#2a2725") + 0.8 * size


def page(canvas: Canvas, paper: str = "#e9e4d6", columns: int = 2, letter: float = 0.0032) -> Surface:
    """A printed sheet: headline, columns of text and pictures; `letter` is the cap height in metres."""
    height, width = canvas.shape
    picture = np.full((height, width, 3), np.array(_tuple(rgb(paper)), np.uint8))
    size, margin = letter * canvas.density, round(0.05 * width)
    _write(
        picture,
        _word(canvas.rng).upper() + " " + _word(canvas.rng),
        margin,
        round(5 * size),
        3 * size,
        "#1c1a18",
    )
    column = (width - margin) // columns
    for left in range(margin, width - column + 1, column):
        y = round(7 * size)
        while y < height - margin:
            tall = round(height * canvas.rng.uniform(0.08, 0.3))
            box = (left, y, left + column - margin, min(y + tall, height - margin))
            if canvas.rng.random() < 0.3:
                _picture(picture[box[1] : box[3], box[0] : box[2]], canvas)
            else:
                _paragraph(picture, canvas.rng, box, size)
            y += tall + round(1.5 * size)
    colour = picture.astype(np.float32) / 255
    return Surface(
        shade(colour, 0.03 * canvas.noise(0.05, 5)), (0.0004 * canvas.noise(0.08, 3)).astype(np.float32)
    )


def _picture(region: np.ndarray, canvas: Canvas) -> None:
    """Fill a region (H, W, 3), in place, with an abstract landscape."""
    if min(region.shape[:2]) < 8:
        return
    inner = Canvas((region.shape[1] / 500, region.shape[0] / 500), 500, int(canvas.rng.integers(1 << 30)))
    values = painting(inner, strokes=60).colour
    region[:] = (cv2.resize(values, region.shape[1::-1]) * 255).astype(np.uint8)


def painting(
    canvas: Canvas,
    colours: tuple[str, ...] = ("#22313f", "#c0563b", "#e0b457", "#6f8f72", "#efe7d6", "#7a4e6d"),
    strokes: int = 260,
    frame: float = 0.0,
) -> Surface:
    """An abstract painting: brush strokes from broad to fine, with a white border of `frame` metres."""
    height, width = canvas.shape
    rng, short = canvas.rng, min(canvas.shape)
    picture = np.full(
        (height, width, 3), np.array(_tuple(rgb(colours[rng.integers(len(colours))])), np.uint8)
    )
    for i in range(strokes):
        size = short * (0.35 * (1 - i / strokes) ** 2 + 0.02)
        tone = np.clip(rgb(colours[rng.integers(len(colours))]) * rng.uniform(0.7, 1.2), 0, 1)
        centre = tuple((rng.random(2) * [width, height]).astype(int).tolist())
        axes = tuple((size * rng.uniform([0.3, 0.08], [1.0, 0.5])).astype(int).tolist())
        turn = float(rng.normal(-15, 30))
        cv2.ellipse(picture, centre, axes, turn, 0, rng.uniform(90, 360), _tuple(tone), -1, cv2.LINE_AA)
    colour = shade(picture.astype(np.float32) / 255, 0.10 * canvas.noise((0.04, 0.006), 4))
    if frame > 0:
        x, y = canvas.coordinates()
        edge = np.minimum.reduce([x, y, canvas.extent[0] - x, canvas.extent[1] - y])
        colour = mix(np.float32([0.9, 0.88, 0.84]), colour, ramp(edge, frame, frame + 0.001))
    return Surface(colour)


def cover(canvas: Canvas, base: str = "#7c2f2a", ink: str = "#ecdfc0", motifs: int = 14) -> Surface:
    """A book cover or a printed box: a title, a picture panel and line ornaments."""
    height, width = canvas.shape
    rng = canvas.rng
    picture = np.full((height, width, 3), np.array(_tuple(rgb(base)), np.uint8))
    top, left = round(height * rng.uniform(0.35, 0.45)), round(width * rng.uniform(0.08, 0.2))
    _picture(picture[top : round(0.88 * height), left : width - left], canvas)
    for _ in range(motifs):
        x, y = (rng.random(2) * [width, 0.3 * height]).astype(int).tolist()
        radius = int(rng.uniform(0.01, 0.05) * width) + 1
        cv2.circle(
            picture,
            (x, y),
            radius,
            _tuple(rgb(ink) * rng.uniform(0.5, 1.0)),
            max(1, radius // 4),
            cv2.LINE_AA,
        )
    for line, size in ((0.16, 0.085), (0.28, 0.055), (0.95, 0.035)):
        _write(
            picture,
            f"{_word(rng)} {_word(rng)}".upper(),
            round(0.07 * width),
            round(line * height),
            size * width,
            ink,
        )
    colour = picture.astype(np.float32) / 255
    return Surface(shade(colour, 0.06 * canvas.noise(0.05, 6) + 0.04 * canvas.noise(0.004, 2)))


def pages(canvas: Canvas, paper: str = "#ddd2b8") -> Surface:
    """The cut edge of a closed book: thin lines along x."""
    lines = canvas.noise((0.3, 0.002), 2)
    colour = shade(
        np.broadcast_to(rgb(paper), (*canvas.shape, 3)), 0.10 * lines + 0.06 * canvas.noise(0.03, 4)
    )
    return Surface(colour)


def wallpaper(
    canvas: Canvas,
    base: str = "#c7c6b0",
    leaves: tuple[str, ...] = ("#5d7358", "#82966f", "#a8683f", "#3f5560", "#d9b878"),
    dense: float = 140.0,
) -> Surface:
    """Botanical wallpaper: leaves in sprigs scattered at random, `dense` sprigs a square metre."""
    height, width = canvas.shape
    rng = canvas.rng
    picture = np.full((height, width, 3), np.array(_tuple(rgb(base)), np.uint8))
    for _ in range(round(dense * canvas.extent[0] * canvas.extent[1])):
        root, turn = rng.random(2) * [width, height], rng.uniform(0, 2 * np.pi)
        tone, size = rgb(leaves[rng.integers(len(leaves))]), canvas.density * rng.uniform(0.008, 0.028)
        for k in range(rng.integers(3, 8)):
            turn += rng.normal(0, 0.4)
            root = root + 0.8 * size * np.array([np.cos(turn), np.sin(turn)])
            angle = turn + (1.0 if k % 2 else -1.0)
            tip = root + 0.9 * size * np.array([np.cos(angle), np.sin(angle)])
            axes, ink = (max(1, int(size)), max(1, int(0.35 * size))), _tuple(tone * rng.uniform(0.7, 1.1))
            centre = tuple(tip.astype(int).tolist())
            cv2.ellipse(picture, centre, axes, np.degrees(angle), 0, 360, ink, -1, cv2.LINE_AA)
    colour = shade(
        picture.astype(np.float32) / 255, 0.05 * canvas.noise(0.3, 7, 0.75) + 0.04 * canvas.noise(0.004, 2)
    )
    return Surface(colour)
