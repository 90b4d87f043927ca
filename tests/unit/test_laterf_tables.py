"""LaTeRF's tables: scores of made-up cutouts in closed form, and the layout."""

import numpy as np
import pytest

from nerfkit.errors import UserError
from nerfkit.evaluation.laterf_tables import laterf_tables, scored, table_of
from nerfkit.files import read_json, write_image, write_mask

SIZE = 32


def truth_picture() -> np.ndarray:
    """A grey square on transparency."""
    picture = np.zeros((SIZE, SIZE, 4), np.uint8)
    picture[8:24, 8:24] = [100, 120, 140, 255]
    return picture


@pytest.fixture
def cell(tmp_path) -> dict:
    """Two views: the cutout is right but for its hidden rows, 51 too bright in one, open in the other."""
    hidden = np.zeros((SIZE, SIZE), bool)
    hidden[8:12, 8:24] = True
    bright, opened = truth_picture(), truth_picture()
    bright[hidden, :3] += 51
    opened[hidden] = 0
    for name, made in {"test_0": bright, "test_1": opened}.items():
        for folder, picture in {"cutouts/rgba": made, "truth/object": truth_picture()}.items():
            (tmp_path / folder).mkdir(parents=True, exist_ok=True)
            write_image(tmp_path / folder / f"{name}.png", picture)
        (tmp_path / "truth/hidden").mkdir(exist_ok=True)
        write_mask(tmp_path / "truth/hidden" / f"{name}.png", hidden)
    folders = {"cutouts": str(tmp_path / "cutouts"), "truth": str(tmp_path / "truth")}
    return {"run": "all", "draw": 0, "scene": "a", "seed": 0, **folders}


def values(cell: dict) -> dict:
    """(background, metric) -> value."""
    return {(record["background"], record["metric"]): record["value"] for record in scored(cell)}


def test_scores_in_closed_form(cell):
    found = values(cell)
    grey = np.array([100, 120, 140])
    share = 4 * 16 / SIZE**2
    for background, level in (("white", 255), ("black", 0)):
        errors = 0.2**2, float(np.mean(((grey - level) / 255) ** 2))
        wanted = np.mean([-10 * np.log10(share * error) for error in errors])
        assert found[background, "psnr"] == pytest.approx(wanted, abs=0.02)
        assert found[background, "hidden_psnr"] == pytest.approx(-10 * np.log10(np.mean(errors)), abs=0.02)
        assert found[background, "ssim"] < 1
    assert found["any", "covered"] == pytest.approx(0.5)


def test_a_scene_without_hidden_pixels_has_no_value_there(cell, tmp_path):
    for path in (tmp_path / "truth/hidden").iterdir():
        write_mask(path, np.zeros((SIZE, SIZE), bool))
    found = values(cell)
    assert found["any", "covered"] is None
    assert found["white", "hidden_psnr"] is None
    assert found["white", "psnr"] > 10


def test_the_mean_is_over_scenes_and_the_published_numbers_have_a_column():
    rows = [("a", "psnr", 20.0), ("b", "psnr", 30.0), ("a", "ssim", 0.5), ("a", "hidden_psnr", 11.0)]
    common = {"run": "all", "draw": 0, "seed": 0, "background": "white"}
    records = [
        {**common, "scene": scene, "hidden_pixels": 9 * (scene == "a"), "metric": metric, "value": value}
        for scene, metric, value in rows
    ]
    table = {"heading": "labels", "rows": [{"run": "all", "title": "all", "published": [26.93, 0.95]}]}
    last = table_of(table, records, ["a", "b"]).splitlines()[-1]
    assert last == "| all | 25.00 | - | - | - | 11.00 | - | - | 26.93 / 0.95 |"
    last = table_of(table, records, ["b"]).splitlines()[-1]
    assert last == "| all | 30.00 | - | - | - | - | - | - | 26.93 / 0.95 |"


def test_draws_of_labels_are_repeats_of_their_row_alone():
    """Means over scenes of 20 and 24 dB in two draws; a row with one draw has no spread."""
    values = {("few", 0, "a"): 18.0, ("few", 0, "b"): 22.0, ("few", 1, "a"): 26.0, ("few", 1, "b"): 22.0}
    values |= {("all", 0, "a"): 30.0, ("all", 0, "b"): 28.0}
    records = [
        {"run": run, "draw": draw, "scene": scene, "seed": 0, "background": "white", "metric": "psnr"}
        | {"value": value, "hidden_pixels": 0}
        for (run, draw, scene), value in values.items()
    ]
    rows = [{"run": run, "title": run, "published": [1.0, 0.5]} for run in ("all", "few")]
    lines = table_of({"heading": "labels", "rows": rows}, records, ["a", "b"]).splitlines()[-2:]
    assert lines[0].startswith("| all | 29.00 | - |")
    assert lines[1].startswith(f"| few (2 draws) | 22.00 ± {np.sqrt(8):.2f} | - |")


def test_writes_tables_records_and_sheets(cell, tmp_path):
    tables = [
        {
            "title": "Table 1",
            "heading": "labels",
            "rows": [{"run": "all", "title": "all", "published": [26.93, 0.95]}],
        }
    ]
    laterf_tables(tables, [cell], "the paper", tmp_path / "out")
    text = (tmp_path / "out/laterf_tables.md").read_text()
    assert "# mean of 1 scenes" in text
    assert "Published: the paper" in text
    assert "Hidden: the mean over a." in text
    assert len(read_json(tmp_path / "out/laterf_tables.json")["records"]) == 7
    assert (tmp_path / "out/sheets/a.png").is_file()


def test_a_view_that_was_not_rendered_is_named(cell, tmp_path):
    (tmp_path / "cutouts/rgba/test_1.png").unlink()
    with pytest.raises(UserError, match=r"test_1\.png is not there; raise cutouts\.max_views"):
        scored(cell)
