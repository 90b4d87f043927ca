"""Gains of photos from the points they share, on photos made with known ones."""

import numpy as np
import pytest

from nerfkit.cameras import Camera
from nerfkit.files import write_image
from nerfkit.photos import Photo
from nerfkit.scene import View
from nerfkit.sfm.exposure import exposures, grouped_medians
from nerfkit.sfm.model import Model, PosedPhoto

SIZE = (80, 60)
CELL = 4  # pixels; every observation is a square of one colour
POINTS, SEEN, TRAIN = 400, 200, 8


def shoot(folder, gains, seed=0, noise=0.01, wrong=0.1):
    """Photos of points of random colours under gains (V, 3), the last one a test photo; their model."""
    rng = np.random.default_rng(seed)
    colours = rng.uniform(0.1, 0.6, (POINTS, 3))
    views = []
    for number, gain in enumerate(gains):
        split = "train" if number < TRAIN else "test"
        points = rng.choice(POINTS, SEEN, replace=False)
        cells = rng.choice((SIZE[0] // CELL) * (SIZE[1] // CELL), SEEN, replace=False)
        row, column = np.divmod(cells, SIZE[0] // CELL)
        shown = colours[points] * gain + rng.normal(0, noise, (SEEN, 3))
        shown[rng.random(SEEN) < wrong] = rng.uniform(0, 1, 3)
        image = np.zeros((SIZE[1], SIZE[0], 3))
        for r, c, colour in zip(row * CELL, column * CELL, shown, strict=True):
            image[r : r + CELL, c : c + CELL] = colour
        photo = Photo(f"p{number}", split, "", SIZE, 1, f"p{number}.png", SIZE, "", SIZE)
        write_image(folder / photo.file, np.clip(image, 0, 1))
        xy = np.stack([column, row], axis=1) * CELL + CELL / 2 - 0.5
        views.append(PosedPhoto(photo, Camera(*SIZE, 60, 60, 40, 30), np.eye(4), xy, points))
    return Model(views, np.zeros((POINTS, 3)), np.zeros((POINTS, 3), np.uint8))


@pytest.fixture
def gains():
    rng = np.random.default_rng(5)
    values = rng.uniform(0.75, 1.3, (TRAIN + 1, 3))
    return values / np.median(values[:TRAIN], axis=0)


def test_gains_are_found_through_noise_and_wrong_points_for_test_photos_too(tmp_path, gains):
    found, facts = exposures(shoot(tmp_path, gains), tmp_path, "auto")
    assert facts["equalised"]
    assert facts["spread_equalised"] < 0.5 * facts["spread"]
    np.testing.assert_allclose(found / np.median(found[:TRAIN], axis=0), gains, rtol=0.03)


def test_test_photos_say_nothing_of_the_others(tmp_path, gains):
    model = shoot(tmp_path, gains)
    before, _ = exposures(model, tmp_path, "auto")
    write_image(tmp_path / model.views[-1].photo.file, np.full((SIZE[1], SIZE[0], 3), 0.9))
    after, _ = exposures(model, tmp_path, "auto")
    np.testing.assert_array_equal(before[:TRAIN], after[:TRAIN])
    assert (before[TRAIN:] != after[TRAIN:]).any()


def test_photos_of_one_exposure_stay_as_they_are_unless_equality_is_asked_for(tmp_path):
    model = shoot(tmp_path, np.ones((TRAIN + 1, 3)))
    found, facts = exposures(model, tmp_path, "auto")
    assert not facts["equalised"]
    assert (found == 1).all()
    forced, facts = exposures(model, tmp_path, "equal")
    assert facts["equalised"]
    assert (forced != 1).any()
    np.testing.assert_allclose(forced, 1, atol=0.03)


def test_as_shot_leaves_everything(tmp_path, gains):
    found, facts = exposures(shoot(tmp_path, gains), tmp_path, "as_shot")
    assert (found == 1).all()
    assert facts == {"equalised": False}


def test_a_photo_of_few_points_keeps_its_exposure(tmp_path, gains):
    model = shoot(tmp_path, gains)
    poor = model.views[2]
    few = PosedPhoto(poor.photo, poor.camera, poor.cam_from_world, poor.xy[:20], poor.point_idx[:20])
    found, _ = exposures(
        Model([*model.views[:2], few, *model.views[3:]], model.points, model.rgb), tmp_path, "auto"
    )
    median = found[0] / gains[0]
    np.testing.assert_allclose(found[2], found[2].mean(), rtol=0.1)
    np.testing.assert_allclose(found[5] / gains[5], median, rtol=0.05)


def test_grouped_medians_against_sorting_every_group():
    rng = np.random.default_rng(1)
    values, weights = rng.normal(size=(200, 2)), rng.uniform(0.1, 2, (200, 2))
    group = rng.integers(0, 9, 200)
    group[group == 4] = 5
    found = grouped_medians(values, weights, group, 9)
    for g in range(9):
        for column in range(2):
            mine = sorted(zip(values[group == g, column], weights[group == g, column], strict=True))
            if not mine:
                assert found[g, column] == 1
                continue
            half = sum(w for _, w in mine) / 2
            reached = [value for k, (value, _) in enumerate(mine) if sum(w for _, w in mine[: k + 1]) >= half]
            assert found[g, column] == reached[0]


def test_a_view_shows_its_photo_with_the_shared_exposure_and_leaves_white_white(tmp_path):
    place = np.full((4, 6, 3), (0.2, 0.4, 0.5))
    gain = (1.3, 0.8, 1.1)
    photo = (place * gain * 255 + 0.5).astype(np.uint8)
    photo[0, 0] = 255
    write_image(tmp_path / "a.png", photo)
    view = View("a", "train", Camera(6, 4, 5, 5, 3, 2), np.eye(4), 1.0, 5.0, tmp_path / "a.png", gain)
    shown = view.image()
    np.testing.assert_allclose(shown[1:] / 255, place[1:], atol=1.5 / 255)
    assert (shown[0, 0] == 255).all()
    as_shot = View("a", "train", view.camera, np.eye(4), 1.0, 5.0, tmp_path / "a.png")
    np.testing.assert_array_equal(as_shot.image(), photo)
