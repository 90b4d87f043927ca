"""The table of segmentation methods, from masks on disk whose scores are known."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from nerfkit.errors import UserError
from nerfkit.evaluation.segmentation_pages import numbers, tables
from nerfkit.evaluation.segmentation_table import Row, measured, segmentation_table
from nerfkit.files import list_images, read_image, read_json, write_image, write_mask

VIEWS = ("a", "b", "c")
PUBLISHED = {"iou": 90.94, "accuracy": 98.84, "source": "the authors, elsewhere"}


def square(size: int, shift: int = 0) -> np.ndarray:
    """A mask of 40 x 60 with a square of `size` pixels a side, `shift` pixels to the right."""
    mask = np.zeros((40, 60), bool)
    mask[10 : 10 + size, 10 + shift : 10 + shift + size] = True
    return mask


def write_masks(folder: Path, masks: dict[str, np.ndarray]) -> None:
    folder.mkdir(parents=True)
    for name, mask in masks.items():
        write_mask(folder / f"{name}.png", mask)


@pytest.fixture
def scene(tmp_path: Path) -> tuple[list[Row], dict[str, Path], dict[str, Path]]:
    """A scene of three views, `a` given; one method is right, one shifted by half a square, one not there."""
    truth = {name: square(20) for name in VIEWS}
    write_masks(tmp_path / "truth", truth)
    write_masks(tmp_path / "given/masks", {"a": square(20)})
    write_masks(tmp_path / "right/masks", {**truth, "a": ~square(20)})
    write_masks(tmp_path / "shifted/masks", {"a": square(20), "b": square(20, 10), "c": square(20)})
    (tmp_path / "photos/images").mkdir(parents=True)
    for name in VIEWS:
        write_image(tmp_path / f"photos/images/{name}.png", np.full((40, 60, 3), 90, np.uint8))
    rows = [row(tmp_path, "right", PUBLISHED), row(tmp_path, "shifted"), row(tmp_path, "absent", lack="x")]
    return rows, {"room": tmp_path / "photos"}, {"room": tmp_path / "truth"}


def row(root: Path, method: str, published: dict | None = None, lack: str | None = None, seed=0) -> Row:
    folders = {"masks": str(root / method), "given": str(root / "given")}
    missing = f"weights missing: {lack}" if lack else None
    start = "from clicks"
    run = f"{method}_from_clicks"
    return Row(
        "room", seed, start, method, run, "propagation", **folders, missing=missing, published=published
    )


def test_scores_are_of_the_views_that_were_not_given(scene, tmp_path):
    rows, photos, truth = scene
    segmentation_table(rows, photos, truth, tmp_path / "out")
    table = pd.read_csv(tmp_path / "out/segmentation_table.csv")
    values = table.set_index(["method", "protocol", "metric"])["value"]
    assert values["right", "view-mean", "iou"] == 1
    assert values["shifted", "view-mean", "iou"] == pytest.approx((1 / 3 + 1) / 2)
    assert values["shifted", "pooled", "iou"] == pytest.approx((200 + 400) / (600 + 400))
    assert values["shifted", "pooled", "accuracy"] == pytest.approx(1 - 400 / 4800)
    assert set(table["views"].dropna()) == {2}
    assert set(table["resolution"].dropna()) == {"60x40"}
    assert read_json(tmp_path / "out/segmentation_table.json")["views"] == {
        "room": {"scored": ["b", "c"], "given": ["a"]}
    }


def test_published_numbers_stand_apart_with_their_source(scene, tmp_path):
    rows, photos, truth = scene
    segmentation_table(rows, photos, truth, tmp_path / "out")
    table = pd.read_csv(tmp_path / "out/segmentation_table.csv")
    assert not set(table["value"].dropna()) & {90.94, 98.84, 0.9094, 0.9884}
    published = table[table["published_percent"].notna()]
    assert set(published["method"]) == {"right"}
    assert set(published["published_source"]) == {"the authors, elsewhere"}
    text = (tmp_path / "out/segmentation_table.md").read_text()
    assert "| right | 1.0000 | 1.0000 | 90.94 | 98.84 |" in text
    assert "| shifted | 0.6667 | 0.9167 | - | - |" in text
    assert "- right: the authors, elsewhere" in text
    assert "from clicks, pooled" in text
    assert "given a; scored b, c" in text


def test_a_method_without_its_weights_is_said_and_the_table_still_made(scene, tmp_path):
    rows, photos, truth = scene
    segmentation_table(rows, photos, truth, tmp_path / "out")
    table = pd.read_csv(tmp_path / "out/segmentation_table.csv")
    absent = table[table["method"] == "absent"]
    assert absent["value"].isna().all()
    assert set(absent["missing"]) == {"weights missing: x"}
    text = (tmp_path / "out/segmentation_table.md").read_text()
    assert "| absent (weights missing: x) | - | - | - | - |" in text


def test_several_scenes_have_a_mean_and_several_seeds_one_number(scene):
    rows, _, truth = scene
    root = truth["room"].parent
    records = [
        r for one in (rows[1], row(root, "right", seed=1)) for r in measured(one, one.pairs(truth["room"]))
    ]
    for record in records:
        record["method"] = "either"
    other = [{**record, "scene": "hall", "value": 0.5} for record in records]
    first = tables(records + other)[0]
    assert first.columns[1:7] == ["room IoU", "room acc.", "hall IoU", "hall acc.", "mean IoU", "mean acc."]
    assert first.rows == [["either", "0.8333", "0.9583", "0.5000", "0.5000", "0.6667", "0.7292", "-", "-"]]


def test_pictures_show_every_method(scene, tmp_path):
    rows, photos, truth = scene
    segmentation_table(rows, photos, truth, tmp_path / "out")
    sheets = list_images(tmp_path / "out/sheets")
    assert [path.name for path in sheets] == ["room_1.png"]
    sheet = read_image(sheets[0])
    assert sheet.shape[0] > 3 * 160  # the truth and two methods
    records = [record for one in rows for record in measured(one, one.pairs(truth["room"]))]
    assert (numbers(records) < 128).any()


def test_nothing_to_score_is_refused(scene, tmp_path):
    rows, photos, truth = scene
    for name in ("b", "c"):
        (truth["room"] / f"{name}.png").unlink()
    with pytest.raises(
        UserError, match="has no mask of a registered view of room other than the clicked a; add"
    ):
        segmentation_table(rows, photos, truth, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_methods_must_be_scored_on_the_same_views(scene, tmp_path):
    rows, photos, truth = scene
    (tmp_path / "shifted/masks/c.png").unlink()
    with pytest.raises(UserError, match="methods of room have masks of different views"):
        segmentation_table(rows, photos, truth, tmp_path / "out")
