"""Tables 1 to 4 of LaTeRF (ECCV 2022) on made scenes: `laterf_tables`.

A cutout is compared with the subject alone as it looks without what covers it, both laid over the same
background, over the whole picture as in the paper; the paper does not name its background, so both are
reported. Hidden parts are scored apart: the subject's pixels whose surface no training photo shows, by the
exact depths of the scene. There the error of all views' hidden pixels together makes one PSNR, and `covered`
is the mean opacity of the cutout. A scene's value is the mean over its views (hidden: the pool of them); a
table's is the mean over scenes (hidden: over those that have hidden pixels), then over seeds and over draws
of the labels, with the standard deviation over seeds and draws where there are several.
"""

import logging
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from nerfkit.errors import UserError
from nerfkit.evaluation.canvas import BACKGROUNDS, over
from nerfkit.evaluation.scores import psnr, ssim
from nerfkit.evaluation.table_means import cell, mean_and_spread, values_of
from nerfkit.evaluation.tables import markdown
from nerfkit.files import list_images, read_mask, stage_folder, write_image, write_manifest
from nerfkit.views import spread

log = logging.getLogger("nerfkit")

COLUMNS = [
    ("white", "psnr", "PSNR white, dB", ".2f"),
    ("white", "ssim", "SSIM white", ".3f"),
    ("black", "psnr", "PSNR black, dB", ".2f"),
    ("black", "ssim", "SSIM black", ".3f"),
    ("white", "hidden_psnr", "hidden, white, dB", ".2f"),
    ("black", "hidden_psnr", "hidden, black, dB", ".2f"),
    ("any", "covered", "hidden, covered", ".2f"),
]
HIDDEN = ("hidden_psnr", "covered")
SHOWN_VIEWS = 4  # on a scene's sheet


def laterf_tables(tables: list[dict], cells: list[dict], source: str, out: Path) -> None:
    """Score the cutouts and lay the tables out.

    Args:
        tables: of each `title`, `heading` (of its first column) and `rows`, each with `run`, `title` and
            `published` (PSNR, SSIM).
        cells: of each `run` (the row's), `draw` (of the labels), `scene`, `seed`, `cutouts` (the stage's
            folder) and `truth`, a folder with object/<view>.png (RGBA) and hidden/<view>.png.
        source: where the published numbers are from.
        out: folder: laterf_tables.md, .csv (every score), .json, sheets/<scene>.png.
    """
    records = [record for each in cells for record in scored(each)]
    with stage_folder(out) as folder:
        pd.DataFrame(records).to_csv(folder / "laterf_tables.csv", index=False)
        (folder / "laterf_tables.md").write_text(pages(tables, records, source))
        (folder / "sheets").mkdir()
        for scene in dict.fromkeys(each["scene"] for each in cells):
            of_scene = [each for each in cells if each["scene"] == scene]
            write_image(folder / "sheets" / f"{scene}.png", sheet(of_scene))
        write_manifest(folder, "laterf_tables", source=source, records=records)
    for record in records:
        if record["metric"] == "psnr":
            log.info(
                "%(scene)s, %(run)s, draw %(draw)d, %(background)s: %(value).2f dB over %(views)d views",
                record,
            )


def views_of(each: dict) -> list[str]:
    """The file names of the views of a cell that have a truth."""
    return [path.name for path in list_images(Path(each["truth"]) / "object")]


def pictures_of(each: dict, view: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Of one view the cutout and the truth, RGBA (H, W, 4), and the hidden pixels (H, W).

    Raises:
        UserError: the view has no cutout.
    """
    made, truth = Path(each["cutouts"]) / "rgba" / view, Path(each["truth"])
    if not made.is_file():
        raise UserError(f"{made} is not there; raise cutouts.max_views to the number of test views.")
    return read_rgba(made), read_rgba(truth / "object" / view), read_mask(truth / "hidden" / view)


def read_rgba(path: Path) -> np.ndarray:
    """A picture on transparency, uint8 (H, W, 4)."""
    with Image.open(path) as image:
        return np.asarray(image.convert("RGBA"))


def scored(each: dict) -> list[dict]:
    """The records of one cell."""
    pictures = [pictures_of(each, view) for view in views_of(each)]
    common = {name: each[name] for name in ("run", "draw", "scene", "seed")} | {"views": len(pictures)}
    hidden = np.concatenate([where.ravel() for _, _, where in pictures])
    opacity = np.concatenate([made[..., 3].ravel() for made, _, _ in pictures])[hidden] / 255.0
    common |= {"hidden_pixels": int(hidden.sum())}
    values = {("any", "covered"): float(opacity.mean()) if hidden.any() else None}
    for name, grey in BACKGROUNDS.items():
        pairs = [(over(made, grey), over(truth, grey)) for made, truth, _ in pictures]
        values[name, "psnr"] = float(np.mean([psnr(made, truth) for made, truth in pairs]))
        values[name, "ssim"] = float(np.mean([ssim(made, truth) for made, truth in pairs]))
        values[name, "hidden_psnr"] = hidden_psnr(pairs, hidden) if hidden.any() else None
    return [
        {**common, "background": background, "metric": metric, "value": value}
        for (background, metric), value in values.items()
    ]


def hidden_psnr(pairs: list[tuple[np.ndarray, np.ndarray]], hidden: np.ndarray) -> float:
    """PSNR over the hidden pixels (all views' pixels in one row) of pairs of pictures (H, W, 3)."""
    made, truth = (np.concatenate([pair[k].reshape(-1, 3) for pair in pairs]) for k in (0, 1))
    return psnr(made, truth, hidden)


def pages(tables: list[dict], records: list[dict], source: str) -> str:
    """All tables as markdown, the means over the scenes first and then each scene."""
    scenes = list(dict.fromkeys(record["scene"] for record in records))
    groups = {f"mean of {len(scenes)} scenes": scenes, **{scene: [scene] for scene in scenes}}
    parts = [
        f"Published: {source}. Their scenes are others: only the differences within a column compare. "
        f"Hidden: the mean over {', '.join(with_hidden(records, scenes)) or 'no scene'}.\n"
    ]
    for title, members in groups.items():
        parts.append(f"\n# {title}\n")
        for table in tables:
            parts.append(f"\n## {table['title']}\n\n{table_of(table, records, members)}")
    return "".join(parts)


def with_hidden(records: list[dict], scenes: list[str]) -> list[str]:
    """Those of the scenes of which the training photos do not show every pixel."""
    return [s for s in scenes if any(r["scene"] == s and r["hidden_pixels"] for r in records)]


def table_of(table: dict, records: list[dict], scenes: list[str]) -> str:
    """One table as markdown."""
    partly, as_repeats = with_hidden(records, scenes), repeated(records)
    heads = [table["heading"], *(heading for _, _, heading, _ in COLUMNS), "published PSNR / SSIM"]
    rows = []
    for row in table["rows"]:
        of_row = [record for record in as_repeats if record["run"] == row["run"]]
        repeats = list(dict.fromkeys(record["seed"] for record in of_row))
        cells = []
        for background, metric, _, form in COLUMNS:
            values = values_of(of_row, background=background, metric=metric)
            members = partly if metric in HIDDEN else scenes
            cells.append(cell(mean_and_spread(values, members, repeats) if members else None, form))
        draws = len({record["draw"] for record in of_row})
        title = row["title"] + (f" ({draws} draws)" if draws > 1 else "")
        rows.append([title, *cells, "{:.2f} / {:.2f}".format(*row["published"])])
    return markdown(heads, rows, left=[table["heading"]])


def repeated(records: list[dict]) -> list[dict]:
    """The records with seed and draw of the labels in place of the seed: each pair is a repeat."""
    return [{**record, "seed": (record["seed"], record["draw"])} for record in records]


def sheet(cells: list[dict]) -> np.ndarray:
    """A few views of the truth above those of each run's cutouts (first seed, every draw), on white."""
    rows = []
    for each in [each for each in cells if each["seed"] == cells[0]["seed"]]:
        chosen = [pictures_of(each, view) for view in spread(views_of(each), SHOWN_VIEWS)]
        if not rows:
            rows.append(np.concatenate([over(truth, 1.0) for _, truth, _ in chosen], axis=1))
        rows.append(np.concatenate([over(made, 1.0) for made, _, _ in chosen], axis=1))
    return np.concatenate(rows)
