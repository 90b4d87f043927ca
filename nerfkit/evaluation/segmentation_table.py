"""Methods of multiview segmentation side by side: `segmentation_table`.

Every method is scored on the same views: those with a true mask that were not given to it. Both protocols of
mask_scores.py are reported. What others published stands beside the measured numbers and never among them.
"""

import logging
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from nerfkit.errors import UserError
from nerfkit.evaluation.mask_scores import PROTOCOLS, Pairs, mask_pairs, resolution
from nerfkit.evaluation.segmentation_pages import numbers, page, scene_sheet
from nerfkit.files import list_images, stage_folder, write_image, write_manifest
from nerfkit.views import spread

log = logging.getLogger("nerfkit")

SHOWN_VIEWS = 4  # on a scene's sheet


@dataclass(frozen=True)
class Row:
    """One method from one start on one scene with one seed.

    Attributes:
        stage, masks: which stage's masks are scored, and the stage's folder.
        given: folder of the stage source_mask: its views were given to the method.
        missing: what the method lacks on this machine, if anything; then there are no folders.
        published: `iou` and `accuracy` in percent, on other scenes, and their `source`; or None.
    """

    scene: str
    seed: int
    start: str
    method: str
    run: str
    stage: str
    masks: str
    given: str
    missing: str | None = None
    published: dict | None = None

    @property
    def given_views(self) -> list[str]:
        """The views whose masks the method was given."""
        return [path.stem for path in list_images(Path(self.given) / "masks")]

    def pairs(self, true_masks: Path) -> Pairs:
        """The method's masks beside the true ones, without the given views; none where it is missing.

        Raises:
            UserError: there is no view to score.
        """
        if self.missing:
            return {}
        given = self.given_views
        pairs = mask_pairs(Path(self.masks) / "masks", true_masks, given)
        if not pairs:
            raise UserError(
                f"{true_masks} has no mask of a registered view of {self.scene} other than the clicked "
                f"{', '.join(given)}; add one, or leave the scene out of segmentation_table."
            )
        return pairs


@dataclass(frozen=True)
class Scored:
    """What is kept of a row once its masks were read: its records, the scored views, and a few masks."""

    row: Row
    records: list[dict]
    views: list[str]
    shown: Pairs

    @classmethod
    def of(cls, row: Row, true_masks: Path) -> "Scored":
        """Read and score a row."""
        pairs = row.pairs(true_masks)
        views = sorted(pairs)
        shown = {name: pairs[name] for name in spread(views, SHOWN_VIEWS)}
        return cls(row, measured(row, pairs), views, shown)


def segmentation_table(
    rows: list[Row], photos: dict[str, Path], true_masks: dict[str, Path], out: Path
) -> None:
    """Score the rows and lay them out.

    Args:
        photos: scene -> folder of its stage photos.
        true_masks: scene -> folder of the user's masks by stem.
        out: folder: segmentation_table.csv (one line for each score), .md, .png, .json and
            sheets/<scene>_<number of the start>.png.
    """
    scored = [Scored.of(row, true_masks[row.scene]) for row in rows]
    records = [record for each in scored for record in each.records]
    views = {scene: scored_views(scored, scene) for scene in true_masks}
    with stage_folder(out) as folder:
        pd.DataFrame(records).astype({"views": "Int64"}).to_csv(
            folder / "segmentation_table.csv", index=False
        )
        (folder / "segmentation_table.md").write_text(page(records, views))
        write_image(folder / "segmentation_table.png", numbers(records))
        (folder / "sheets").mkdir()
        for number, start in enumerate(dict.fromkeys(row.start for row in rows), 1):
            for scene, folder_of_photos in photos.items():
                of = [each for each in scored if (each.row.start, each.row.scene) == (start, scene)]
                sheet = scene_sheet(f"{scene}, {start}", masks_of_first_seed(of), folder_of_photos / "images")
                write_image(folder / "sheets" / f"{scene}_{number}.png", sheet)
        write_manifest(folder, "segmentation_table", views=views)
    for record in records:
        if record["metric"] == "iou" and record["value"] is not None:
            log.info("%(scene)s, %(start)s, %(method)s: IoU %(value).4f (%(protocol)s)", record)


def measured(row: Row, pairs: Pairs) -> list[dict]:
    """The records of one row: a value for each protocol and metric, None where the method is missing."""
    published = row.published or {}
    records = []
    for protocol, score in PROTOCOLS.items():
        values = score(pairs) if pairs else dict.fromkeys(("accuracy", "iou"))
        for metric, value in values.items():
            record = {
                name: getattr(row, name) for name in ("scene", "seed", "start", "method", "run", "stage")
            }
            record |= {"protocol": protocol, "metric": metric, "value": value, "missing": row.missing}
            record |= {"views": len(pairs) or None, "resolution": resolution(pairs) if pairs else None}
            record |= {
                "published_percent": published.get(metric),
                "published_source": published.get("source"),
            }
            records.append(record)
    return records


def scored_views(rows: list[Scored], scene: str) -> dict[str, list[str]]:
    """The views of a scene that are scored, and those given: the same for every method, or there is no table.

    Raises:
        UserError: two methods have masks of different views.
    """
    present = [each for each in rows if each.row.scene == scene and not each.row.missing]
    scored = {tuple(each.views) for each in present}
    if len(scored) > 1:
        raise UserError(f"The methods of {scene} have masks of different views; rerun its segmentation.")
    given = sorted({view for each in present for view in each.row.given_views})
    return {"scored": list(scored.pop()), "given": given}


def masks_of_first_seed(rows: list[Scored]) -> dict[str, Pairs]:
    """Method -> the masks that are shown of it; methods that are missing have none."""
    first = [each for each in rows if each.row.seed == rows[0].row.seed]
    return {each.row.method: each.shown for each in first if not each.row.missing}
