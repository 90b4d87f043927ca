"""The pictures stage on a made run: every sheet is there and shows what it should."""

from dataclasses import asdict

import numpy as np
import pandas as pd
import pytest

from nerfkit.clicks import clicks
from nerfkit.evaluation import canvas
from nerfkit.evaluation.pictures import PicturesSettings, clicks_sheet, doubtful_views, pictures
from nerfkit.evaluation.sheets import GAP, LINE, MARGIN, TOP
from nerfkit.files import read_image, read_mask, write_image, write_json, write_mask
from nerfkit.photos import Photo
from nerfkit.views import spread

HEIGHT, WIDTH = 36, 48
SETTINGS = PicturesSettings(views=2, tile_width=WIDTH, overview_width=WIDTH)


@pytest.fixture
def run(tmp_path):
    """Three grey training photos (stored four times as large, turned by EXIF) and one rendered test view."""
    folders = "photos/images holes/masks holes/holes inpainting/images source_mask/masks"
    for folder in [*folders.split(), "inpainting/filled", "metrics", "refinement", "renders/test/t"]:
        (tmp_path / folder).mkdir(parents=True)
    mask = np.zeros((HEIGHT, WIDTH), bool)
    mask[10:20, 10:30] = True
    names = ["a", "b", "c"]
    for name in names:
        write_image(tmp_path / f"photos/images/{name}.png", np.full((HEIGHT, WIDTH, 3), 120, np.uint8))
        write_image(tmp_path / f"inpainting/images/{name}.png", np.full((HEIGHT, WIDTH, 3), 33, np.uint8))
        write_mask(tmp_path / f"inpainting/filled/{name}.png", mask & (np.arange(WIDTH) % 2 == 0))
        write_mask(tmp_path / f"holes/masks/{name}.png", mask)
        write_mask(tmp_path / f"holes/holes/{name}.png", mask if name != "b" else mask & False)
    write_mask(tmp_path / "source_mask/masks/b.png", mask)
    disparity = {name: np.full((HEIGHT, WIDTH), 0.5, np.float32) for name in names}
    np.savez(tmp_path / "inpainting/disparity.npz", **disparity)
    size = (WIDTH, HEIGHT)
    photos = [
        Photo(n, "train", f"{n}.jpg", (4 * HEIGHT, 4 * WIDTH), 6, f"images/{n}.png", size, "", size)
        for n in names
    ]
    write_json(tmp_path / "photos/photos.json", {"source": "photos", "photos": [asdict(p) for p in photos]})
    click = {"image": "b.jpg", "points": [[72, 48], [4, 4]], "labels": [1, 0]}
    write_json(tmp_path / "prompts.json", {"objects": [{"name": "thing", "clicks": [click]}]})
    clicks(tmp_path / "photos", tmp_path / "prompts.json", tmp_path / "clicks")
    write_json(tmp_path / "refinement/refinement.json", {"doubtful": {"thing": {"b": 0.3}}})
    for image, value in (("rgb", 200), ("before", 90), ("depth", 10), ("photo", 60)):
        write_image(tmp_path / f"renders/test/t/{image}.png", np.full((HEIGHT, WIDTH, 3), value, np.uint8))
    for name in ("depth", "depth_before"):
        np.savez(tmp_path / f"renders/{name}.npz", t=np.linspace(1, 3, HEIGHT * WIDTH).reshape(HEIGHT, WIDTH))
    write_json(tmp_path / "renders/renders.json", {"views": [{"name": "t", "split": "test"}]})
    cost = {"stage": "field", "protocol": "benchmark", "region": None, "metric": "wall_seconds", "value": 3.0}
    write_json(tmp_path / "metrics/metrics.json", {"records": [{**cost, "views": None}]})
    curve = {
        "step": [50, 100],
        "seconds": [1.0, 2.0],
        "loss": [0.3, 0.2],
        "rgb": [0.2, 0.1],
        "late": [None, 0.1],
    }
    (tmp_path / "refinement/curves").mkdir()
    for path in ("field.csv", "refinement/curves/thing_1.csv", "refinement/curves/thing_2.csv"):
        pd.DataFrame(curve).to_csv(tmp_path / path, index=False)
    return tmp_path


def draw(run, *stages):
    folders = [run / name for name in ("photos", "holes", "inpainting", "renders", "metrics")]
    others = {name: run / name for name in stages}
    pictures(*folders, [run / "field.csv"], run / "pictures", SETTINGS, **others)
    return {path.stem: path for path in (run / "pictures").glob("*.png")}


def tile(sheet, row, column):
    x, y = MARGIN + column * (WIDTH + GAP), TOP + LINE + row * (HEIGHT + LINE)
    return sheet[y : y + HEIGHT, x : x + WIDTH]


def test_every_sheet_is_there_and_clicks_only_where_there_were_any(run):
    without = {"masks", "inpainted", "renders", "depth", "curves", "metrics"}
    assert set(draw(run)) == without
    assert set(draw(run, "clicks", "source_mask", "refinement")) == without | {"clicks"}


def test_doubtful_views_are_marked_among_the_masks(run):
    plain = read_image(draw(run)["masks"])
    assert doubtful_views(run / "refinement") == {"b"}
    marked = read_image(draw(run, "clicks", "source_mask", "refinement")["masks"])
    assert (plain != marked).any()


def test_renders_stand_before_after_photo(run):
    sheet = read_image(draw(run)["renders"])
    assert [int(tile(sheet, 0, column).mean()) for column in range(3)] == [90, 200, 60]


def test_photos_without_a_hole_are_not_among_the_inpainted(run):
    sheet = read_image(draw(run)["inpainted"])
    assert sheet.shape[0] == TOP + LINE + 2 * (HEIGHT + LINE) + MARGIN
    assert (tile(sheet, 1, 2) == 33).all()
    painted = read_mask(run / "inpainting/filled/c.png")
    assert (tile(sheet, 1, 1)[painted] == canvas.OBJECT).all()
    assert (tile(sheet, 1, 1)[:8] == 33).all()


def test_clicks_are_drawn_where_they_fell_on_the_upright_photo(run):
    """Stored 144 x 192, EXIF orientation 6: pixel (72, 48) is at (143.5, 72.5) of the upright 192 x 144."""
    sheet = clicks_sheet(run / "photos", run / "clicks", run / "source_mask", SETTINGS)
    x, y = MARGIN + 143.5 / 4 * 1.5, TOP + LINE + 72.5 / 4 * 1.5
    green = np.abs(sheet.astype(int) - canvas.ON).sum(axis=2) < 100
    rows, columns = np.nonzero(green[: TOP + LINE + HEIGHT * 3 // 2])
    assert np.hypot(columns.mean() + 0.5 - x, rows.mean() + 0.5 - y) < 1.5


def test_the_clicks_sheet_shows_photo_and_mask(run):
    sheet = clicks_sheet(run / "photos", run / "clicks", run / "source_mask", SETTINGS)
    width = WIDTH * 3 // 2
    y = TOP + LINE
    clicked = sheet[y : y + HEIGHT * 3 // 2, MARGIN : MARGIN + width]
    masked = sheet[y : y + HEIGHT * 3 // 2, MARGIN + width + GAP : MARGIN + 2 * width + GAP]
    assert (np.abs(clicked.astype(int) - canvas.ON).sum(axis=2) < 60).any()
    assert (np.abs(clicked.astype(int) - canvas.BESIDE).sum(axis=2) < 60).any()
    assert masked[22, 30, 0] > masked[22, 30, 2] + 30  # inside the mask: tinted


def test_views_are_spread_from_first_to_last():
    assert spread(list("abcdefg"), 3) == ["a", "d", "g"]
    assert spread(list("ab"), 3) == ["a", "b"]
    assert all(len(set(spread(list(range(100)), count))) == count for count in range(1, 101))
