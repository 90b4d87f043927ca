"""False holes: where they may lie, and what a fill is held against."""

import json
import sys
from dataclasses import replace

import numpy as np
import pytest
from fake_capture import write_capture

from nerfkit.evaluation import false_holes
from nerfkit.evaluation.false_holes import fill_known, moved, score
from nerfkit.files import write_image, write_mask
from nerfkit.inpainting.carry import FilledView
from nerfkit.inpainting.regions import grown
from nerfkit.inpainting.stage import normalised_pixels, open_bare
from nerfkit.scene import read_scene

SIZE = (72, 96)


def a_hole():
    hole = np.zeros(SIZE, bool)
    hole[10:32, 12:34] = True
    return hole


@pytest.fixture
def known(tmp_path):
    paths = write_capture(tmp_path, train=1, test=1, width=SIZE[1], height=SIZE[0])
    view = read_scene(paths.transforms, paths.photos).train[0]
    disparity = np.full(SIZE, 0.5, np.float32)
    image = np.full((*SIZE, 3), 100, np.uint8)
    return FilledView(view, normalised_pixels(view.camera), a_hole(), image, disparity)


class Wrong:
    """Fills colours 51 steps too bright, and depth twice as far."""

    def fill(self, image, hole, guide):
        return np.where(hole[..., None], image + 51, image).astype(np.uint8)

    def fill_disparity(self, guide, hole):
        return np.where(hole, guide.disparity / 2, guide.disparity)


def test_a_moved_hole_keeps_its_shape_and_keeps_away_from_the_object():
    hole = a_hole()
    for seed in range(5):
        false = moved(hole, hole, np.random.default_rng(seed))
        assert false.sum() == hole.sum()
        assert not (false & grown(hole, 2)).any()
        rows, columns = np.nonzero(false)
        assert (np.ptp(rows), np.ptp(columns)) == (21, 21)


def test_what_is_seen_of_a_hole_is_moved_where_nothing_is_unseen():
    hole = a_hole()
    assert moved(np.zeros_like(hole), hole, np.random.default_rng(0)).sum() == hole.sum()


def test_a_hole_without_another_place_is_not_moved():
    hole = np.zeros(SIZE, bool)
    hole[2:-2, 2:-2] = True
    assert not moved(hole, hole, np.random.default_rng(0)).any()
    assert not moved(hole & False, hole & False, np.random.default_rng(0)).any()


def test_scores_have_their_known_values(known):
    false = moved(known.hole, known.hole, np.random.default_rng(0))
    exact = score(known, false, known)
    assert exact == {"psnr": float("inf"), "gradient_error": 0, "depth_error": 0}
    found = score(known, false, fill_known(known, false, Wrong(), near=1.0))
    assert found["psnr"] == pytest.approx(-20 * np.log10(51 / 255))
    assert found["depth_error"] == pytest.approx(1)
    assert found["gradient_error"] == pytest.approx(100 * 0.2 / 22, rel=1e-6)  # one step in 22 pixels


def test_pixels_outside_the_false_hole_do_not_count(known):
    false = moved(known.hole, known.hole, np.random.default_rng(0))
    image = np.where(grown(false, 1)[..., None], known.image, 0)
    disparity = np.where(false, known.disparity, 0)
    found = score(known, false, replace(known, image=image, disparity=disparity))
    assert found["psnr"] == float("inf")
    assert found["depth_error"] == 0


@pytest.fixture
def run(tmp_path):
    """A run's folder with everything that is read, of two views."""
    root = tmp_path / "default"
    paths = write_capture(root, train=2, test=1, width=SIZE[1], height=SIZE[0])
    (root / "sfm").mkdir()
    paths.transforms.rename(root / "sfm" / "transforms.json")
    stages = root / "seed0"
    for folder in ("holes/holes", "depth", "background/images", "background/unseen"):
        (stages / folder).mkdir(parents=True)
    names = ["train_00", "train_01"]
    for name in names:
        write_mask(stages / "holes" / "holes" / f"{name}.png", a_hole())
        write_mask(stages / "background" / "unseen" / f"{name}.png", a_hole())
        write_image(stages / "background" / "images" / f"{name}.png", np.full((*SIZE, 3), 90, np.uint8))
    seen = np.where(a_hole(), 0, np.float32(2))
    np.savez(stages / "background" / "depth.npz", **dict.fromkeys(names, seen))
    np.savez(stages / "depth" / "depth.npz", **dict.fromkeys(names, np.full(SIZE, np.float32(2))))
    return root


def test_a_finished_run_is_told_view_by_view_and_drawn(run, monkeypatch, capsys, tmp_path):
    sheet = tmp_path / "sheet.png"
    monkeypatch.setattr(sys, "argv", ["false_holes", str(run), "--sheet", str(sheet), "--threads", "1"])
    false_holes.main()
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [row.get("view") for row in rows] == ["train_00", "train_01", None]
    assert rows[-1]["views"] == 2
    assert rows[-1]["psnr"] > 40  # an even wall at an even depth
    assert sheet.exists()


def test_a_bare_view_knows_what_stood_in_its_hole(run):
    view = read_scene(run / "sfm" / "transforms.json", run / "photos").train[0]
    bare = open_bare(view, run / "seed0" / "background", run / "seed0" / "depth", near=1.0)
    np.testing.assert_allclose(bare.standing, np.where(a_hole(), 0.5, 0))
    np.testing.assert_allclose(bare.disparity, np.where(a_hole(), 0, 0.5))
