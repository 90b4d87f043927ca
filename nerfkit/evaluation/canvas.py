"""What sheets and videos are made of: one palette, one font, colours of depth, masks laid over photos."""

import cv2
import numpy as np
from matplotlib import colormaps
from PIL import Image, ImageDraw, ImageFont

OBJECT = (230, 57, 70)  # masks and holes
ON, BESIDE = (42, 157, 143), (233, 162, 59)  # clicks on the object and beside it
INK = (34, 40, 49)
MUTED = (110, 118, 129)
PAPER = (255, 255, 255)
BACKGROUNDS = {"white": 1.0, "black": 0.0}  # greys that what is transparent is laid over


def font(size: int) -> ImageFont.FreeTypeFont:
    """Pillow's own scalable font, so that a sheet looks the same on every machine."""
    return ImageFont.load_default(size)


def write_text(
    canvas: np.ndarray, text: str, x: float, y: float, size: int, colour=INK, anchor: str = "lm"
) -> np.ndarray:
    """The canvas with a line of text; `anchor` as Pillow's (lm: left end, middle height)."""
    image = Image.fromarray(canvas)
    ImageDraw.Draw(image).text((x, y), text, fill=colour, font=font(size), anchor=anchor)
    return np.asarray(image)


def fitted_text(text: str, width: int, size: int) -> str:
    """The text, its middle left out if it is wider than `width` pixels."""
    if font(size).getlength(text) <= width:
        return text
    for keep in range(len(text) - 1, 1, -1):
        short = text[: (keep + 1) // 2] + ".." + text[len(text) - keep // 2 :]
        if font(size).getlength(short) <= width:
            return short
    return ".."


def as_bytes(image: np.ndarray) -> np.ndarray:
    """uint8 RGB of a uint8 or float [0, 1] RGB image."""
    return image if image.dtype == np.uint8 else (np.clip(image, 0, 1) * 255 + 0.5).astype(np.uint8)


def over(picture: np.ndarray, grey: float) -> np.ndarray:
    """A picture on transparency, uint8 (H, W, 4), in front of a grey in [0, 1]: float RGB in [0, 1]."""
    alpha = picture[..., 3:] / 255.0
    return picture[..., :3] / 255.0 * alpha + grey * (1 - alpha)


def resized(image: np.ndarray, width: int, height: int) -> np.ndarray:
    """A uint8 image at another size: area mean when smaller, cubic when larger."""
    smaller = width < image.shape[1]
    return cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA if smaller else cv2.INTER_CUBIC)


def fitted(image: np.ndarray, width: int, height: int) -> np.ndarray:
    """The image as large as it fits into a white tile of width x height, centred."""
    scale = min(width / image.shape[1], height / image.shape[0])
    inner = resized(image, max(round(image.shape[1] * scale), 1), max(round(image.shape[0] * scale), 1))
    tile = np.full((height, width, 3), 255, np.uint8)
    top, left = (height - inner.shape[0]) // 2, (width - inner.shape[1]) // 2
    tile[top : top + inner.shape[0], left : left + inner.shape[1]] = inner
    return tile


def depth_range(depths: list[np.ndarray]) -> tuple[float, float]:
    """Nearest and farthest z-depth that matter in a set of maps: percentiles 2 and 98 of the known ones."""
    known = np.concatenate([depth[depth > 0] for depth in depths])
    if not known.size:
        return 1.0, 2.0
    near, far = np.percentile(known, (2, 98))
    return float(near), max(float(far), float(near) * 1.001)


def depth_colours(depth: np.ndarray, near: float, far: float) -> np.ndarray:
    """uint8 RGB of a z-depth map (H, W): linear in 1 / z, near is bright, unknown (0) is white."""
    inverse = np.where(depth > 0, 1 / np.maximum(depth, 1e-9), 0)
    return disparity_colours(inverse, 1 / far, 1 / near)


def disparity_colours(disparity: np.ndarray, low: float, high: float) -> np.ndarray:
    """uint8 RGB of a disparity map (H, W): `low` is dark, `high` is bright, nothing there (0) is white."""
    colours = as_bytes(colormaps["magma"](np.clip((disparity - low) / (high - low), 0, 1))[..., :3])
    colours[disparity <= 0] = 255
    return colours


def outlined(image: np.ndarray, mask: np.ndarray, colour=OBJECT, width: int = 2) -> np.ndarray:
    """The image with the outline of a mask of the same size."""
    contours, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
    return cv2.drawContours(image.copy(), contours, -1, colour, width, cv2.LINE_AA)


def overlaid(image: np.ndarray, mask: np.ndarray, colour=OBJECT, strength: float = 0.45) -> np.ndarray:
    """The image with a mask of the same size laid over it, half transparent and outlined."""
    tinted = image.copy()
    tinted[mask] = (image[mask] * (1 - strength) + np.array(colour) * strength).astype(np.uint8)
    return outlined(tinted, mask, colour)


def marked(image: np.ndarray, x: float, y: float, positive: bool) -> np.ndarray:
    """The image with a click at pixel (x, y): a disc with a plus on the object, with a minus beside it."""
    radius = max(image.shape[1] // 70, 5)
    sharp = 8  # drawn at sub-pixel positions: cv2 takes coordinates in units of 1 / 2^shift
    centre = tuple(round(v * 2**sharp) for v in (x - 0.5, y - 0.5))
    drawn = cv2.circle(image.copy(), centre, (radius + 2) << sharp, PAPER, -1, cv2.LINE_AA, sharp)
    drawn = cv2.circle(drawn, centre, radius << sharp, ON if positive else BESIDE, -1, cv2.LINE_AA, sharp)
    arm = (radius - 2) << sharp
    ends = [((centre[0] - arm, centre[1]), (centre[0] + arm, centre[1]))]
    if positive:
        ends.append(((centre[0], centre[1] - arm), (centre[0], centre[1] + arm)))
    for start, end in ends:
        cv2.line(drawn, start, end, PAPER, 2, cv2.LINE_AA, sharp)
    return drawn


def boxed(image: np.ndarray, box: np.ndarray) -> np.ndarray:
    """The image with a box: left, top, right and bottom edge in pixels."""
    left, top, right, bottom = (round(float(edge)) for edge in box)
    drawn = cv2.rectangle(image.copy(), (left, top), (right - 1, bottom - 1), PAPER, 3, cv2.LINE_AA)
    return cv2.rectangle(drawn, (left, top), (right - 1, bottom - 1), ON, 1, cv2.LINE_AA)
