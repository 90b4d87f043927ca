"""Pictures and numbers laid out on a white sheet: contact sheets, comparison tables, tables of numbers."""

from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw

from nerfkit.evaluation import canvas

MARGIN, GAP = 24, 8  # px
TITLE, TEXT = 22, 14  # font sizes, px
LINE = 26  # height of a line of text, px


class Sheet:
    """A white page to place tiles and text on."""

    def __init__(self, width: int, height: int, title: str):
        self.image = Image.new("RGB", (width, height), canvas.PAPER)
        self.draw = ImageDraw.Draw(self.image)
        self.text(MARGIN, MARGIN + TITLE / 2, title, size=TITLE)

    def text(self, x: float, y: float, text: str, size: int = TEXT, colour=canvas.INK, anchor: str = "lm"):
        """A line of text; `anchor` as Pillow's (lm: left end, middle height)."""
        self.draw.text((x, y), text, fill=colour, font=canvas.font(size), anchor=anchor)

    def tile(self, x: int, y: int, tile: np.ndarray):
        """A uint8 RGB image with its top left corner at (x, y)."""
        self.image.paste(Image.fromarray(tile), (x, y))

    def rule(self, x: float, y: float, width: float):
        """A thin horizontal line."""
        self.draw.line((x, y, x + width, y), fill=(205, 209, 214), width=1)

    def array(self) -> np.ndarray:
        """uint8 RGB (H, W, 3)."""
        return np.asarray(self.image)


TOP = MARGIN + TITLE + 18  # where the content begins


def tile_height(image: np.ndarray, tile_width: int) -> int:
    """The height of tiles for images like this one; portraits are limited to 4 : 3 upright."""
    return min(round(tile_width * image.shape[0] / image.shape[1]), round(tile_width * 4 / 3))


def contact_sheet(
    title: str, tiles: list[tuple[str, np.ndarray]], columns: int, tile_width: int
) -> np.ndarray:
    """Captioned images in rows.

    Args:
        tiles: (caption, uint8 RGB image); at least one.
    """
    columns = min(columns, len(tiles))
    height = tile_height(tiles[0][1], tile_width)
    rows = -(-len(tiles) // columns)
    width = max(2 * MARGIN + columns * (tile_width + GAP) - GAP, title_width(title))
    sheet = Sheet(width, TOP + rows * (height + LINE) + MARGIN, title)
    for k, (caption, image) in enumerate(tiles):
        x, y = MARGIN + k % columns * (tile_width + GAP), TOP + k // columns * (height + LINE)
        sheet.tile(x, y, canvas.fitted(image, tile_width, height))
        short = canvas.fitted_text(caption, tile_width, TEXT - 2)
        sheet.text(x, y + height + 9, short, TEXT - 2, canvas.MUTED)
    return sheet.array()


def comparison_sheet(
    title: str, columns: list[str], rows: list[tuple[str, list[np.ndarray]]], tile_width: int
) -> np.ndarray:
    """Images in named columns, one row per view with its name under the first image.

    Args:
        rows: (name, uint8 RGB images, one per column); at least one.
    """
    height = tile_height(rows[0][1][0], tile_width)
    width = max(2 * MARGIN + len(columns) * (tile_width + GAP) - GAP, title_width(title))
    sheet = Sheet(width, TOP + LINE + len(rows) * (height + LINE) + MARGIN, title)
    for k, column in enumerate(columns):
        short = canvas.fitted_text(column, tile_width, TEXT)
        sheet.text(MARGIN + k * (tile_width + GAP), TOP + LINE / 2 - 4, short)
    for r, (name, images) in enumerate(rows):
        y = TOP + LINE + r * (height + LINE)
        for k, image in enumerate(images):
            sheet.tile(MARGIN + k * (tile_width + GAP), y, canvas.fitted(image, tile_width, height))
        short = canvas.fitted_text(name, tile_width, TEXT - 2)
        sheet.text(MARGIN, y + height + 9, short, TEXT - 2, canvas.MUTED)
    return sheet.array()


@dataclass(frozen=True)
class Table:
    """A table of text: the first column is set left, the others right."""

    heading: str
    columns: list[str]
    rows: list[list[str]]


def number_sheet(title: str, tables: list[Table]) -> np.ndarray:
    """Tables of numbers, one below the other."""
    widths = [column_widths(table) for table in tables]
    width = max([2 * MARGIN + sum(w) for w in widths] + [title_width(title)])
    lines = sum(len(table.rows) + 3 for table in tables)
    sheet = Sheet(width, TOP + lines * LINE + MARGIN, title)
    y = TOP
    for table, columns in zip(tables, widths, strict=True):
        sheet.text(MARGIN, y + LINE / 2, table.heading, TEXT + 1)
        for r, row in enumerate([table.columns, *table.rows]):
            line = y + (r + 1) * LINE
            for k, cell in enumerate(row):
                left = MARGIN + sum(columns[:k])
                x, anchor = (left, "lm") if k == 0 else (left + columns[k], "rm")
                colour = canvas.MUTED if r == 0 else canvas.INK
                sheet.text(x, line + LINE / 2, cell, colour=colour, anchor=anchor)
            if r == 0:
                sheet.rule(MARGIN, line + LINE - 1, sum(columns))
        y += (len(table.rows) + 3) * LINE
    return sheet.array()


def column_widths(table: Table) -> list[int]:
    """Width of every column, px: its longest cell, and air between columns."""
    font = canvas.font(TEXT)
    cells = zip(table.columns, *table.rows, strict=True)
    return [
        int(max(font.getlength(cell) for cell in column)) + (12 if k == 0 else 36)
        for k, column in enumerate(cells)
    ]


def title_width(title: str) -> int:
    """The narrowest sheet that holds its title."""
    return int(canvas.font(TITLE).getlength(title)) + 2 * MARGIN
