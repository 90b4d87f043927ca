"""Flat parts of a hole as seen straight on, and what goes on along their rows and columns."""

import cv2
import numpy as np
import pytest

from nerfkit.cameras import Camera
from nerfkit.evaluation.scores import gradient_energy
from nerfkit.inpainting import low_rank as low_rank_module
from nerfkit.inpainting.charts import (
    Chart,
    FlatPart,
    bridged,
    flat_parts,
    grain,
    in_plane,
    looked_up,
    plane_axes,
)
from nerfkit.inpainting.exemplar import ExemplarInpainter
from nerfkit.inpainting.guide import Guide
from nerfkit.inpainting.low_rank import TRIALS, best_rank, completions, low_rank, shifted
from nerfkit.inpainting.planes import design
from nerfkit.membrane import membrane

LENS = Camera(200, 150, 180.0, 180.0, 100.0, 75.0, 0.02)
TABLE = np.array([0.02, 0.5, 0.45])  # normal . x = 1, x in units in which depth is 1 / disparity


def checks(along: np.ndarray, turned: float = 0.0) -> np.ndarray:
    """A woven cloth at positions (..., 2) in its plane: the mean of stripes along both directions."""
    angle = np.radians(turned)
    x, y = np.moveaxis(along, -1, 0)
    x, y = np.cos(angle) * x + np.sin(angle) * y, np.cos(angle) * y - np.sin(angle) * x
    warp = np.stack([np.sin(9 * x) > 0.3, np.sin(9 * x + 1) > 0, np.sin(17 * x) > 0.5], axis=-1)
    weft = np.stack([np.sin(11 * y) > 0, np.sin(7 * y) > 0.4, np.sin(11 * y + 2) > 0], axis=-1)
    return (0.15 + 0.35 * warp + 0.35 * weft).astype(np.float32)


def table(turned: float = 20.0) -> tuple[np.ndarray, Guide]:
    """A photo of the cloth on a slanted table, and its surfaces."""
    xy = LENS.unproject(LENS.pixel_centres()).reshape(LENS.height, LENS.width, 2)
    disparity = design(xy) @ TABLE
    fine = LENS.resized(4 * LENS.width, 4 * LENS.height)
    sights = fine.unproject(fine.pixel_centres()).reshape(fine.height, fine.width, 2)
    picture = checks(in_plane(sights, TABLE, plane_axes(TABLE)), turned)
    picture = cv2.resize(picture, (LENS.width, LENS.height), interpolation=cv2.INTER_AREA)
    return picture, Guide(disparity.astype(np.float32), LENS, xy)


def upright(picture: np.ndarray, guide: Guide) -> tuple[np.ndarray, np.ndarray]:
    """The table as its chart shows it before it is turned, and what of it is known."""
    chart = Chart.around(TABLE, plane_axes(TABLE), 0.01, guide.xy[hole()], 30)
    part = looked_up(chart, picture, hole(), ~hole(), guide)
    return part.colours, part.known


def hole() -> np.ndarray:
    mask = np.zeros((LENS.height, LENS.width), bool)
    mask[60:95, 80:125] = True
    return mask


def test_a_charts_pixels_are_where_the_picture_shows_them():
    _, guide = table()
    chart = Chart.around(TABLE, plane_axes(TABLE), 0.01, guide.xy[hole()], reach=10)
    width, height = chart.size
    pixels = chart.in_picture(LENS)
    back = chart.positions(LENS.unproject(pixels.reshape(-1, 2) + 0.5)).reshape(height, width, 2)
    column, row = np.meshgrid(np.arange(width), np.arange(height))
    np.testing.assert_allclose(back, np.stack([column, row], axis=-1), atol=0.02)
    inside = chart.positions(guide.xy[hole()])
    assert inside.min() > 8.5
    assert (inside.max(axis=0) < np.array(chart.size) - 9).all()


@pytest.mark.parametrize("angle", [0, 20, 47, 88])
def test_the_grain_is_the_angle_of_the_edges(angle):
    column, row = np.meshgrid(np.arange(480) / 160, np.arange(480) / 160)
    image = checks(np.stack([column, row], axis=-1), angle)
    known = np.ones((120, 120), bool)
    known[40:80, 40:80] = False
    found = grain(cv2.resize(image, (120, 120), interpolation=cv2.INTER_AREA), known)
    assert min(abs(found - angle) % 90, -abs(found - angle) % 90) <= 1


def test_a_chart_is_turned_along_the_edges_and_knows_what_is_not_hole():
    picture, guide = table()
    (part,) = flat_parts(picture, hole(), guide, 0.25, seed=0)
    np.testing.assert_array_equal(part.hole, hole())
    assert part.surrounded > 0.98
    assert not (part.known & part.wanted).any()
    assert grain(*upright(picture, guide)) == pytest.approx(20, abs=1)
    turn = grain(part.colours, part.known)
    assert min(turn, 90 - turn) <= 1


def test_rows_and_columns_are_completed_exactly_where_they_are_products():
    rng = np.random.default_rng(0)
    matrix = rng.normal(size=(40, 3)) @ rng.normal(size=(3, 60))
    image = matrix.reshape(40, 20, 3)
    seen = np.ones((40, 20), bool)
    seen[15:22, 7:10] = False
    np.testing.assert_allclose(completions(image * seen[..., None], seen)[-1], image, atol=0.02)


@pytest.mark.parametrize("size", [(90, 120), (230, 400)])
def test_checks_go_on_behind_a_hole_at_any_size(size):
    column, row = np.meshgrid(np.linspace(0, 4, size[1]), np.linspace(0, 3, size[0]))
    image = checks(np.stack([column, row], axis=-1))
    known = np.ones(size, bool)
    known[size[0] // 3 : size[0] // 2, size[1] // 3 : size[1] // 2] = False
    found = low_rank(np.where(known[..., None], image, 0), known, ~known)
    film = membrane(image, known, ~known)
    assert np.abs(found - image)[~known].mean() < 0.6 * np.abs(film - image)[~known].mean()


def test_what_does_not_go_on_along_rows_and_columns_is_not_followed():
    cloudy = cv2.GaussianBlur(np.random.default_rng(0).normal(size=(120, 160, 3)), (0, 0), 5)
    wanted = np.zeros((120, 160), bool)
    wanted[20:100, 30:130] = True
    assert low_rank(cloudy.astype(np.float32), ~wanted, wanted) is None


def test_no_rank_of_the_surface_is_left_out():
    rng = np.random.default_rng(0)
    wanted = np.zeros((60, 80), bool)
    wanted[20:35, 30:50] = True
    for rank in (1, 2, 3):
        image = (rng.normal(size=(60, rank)) @ rng.normal(size=(rank, 240))).reshape(60, 80, 3)
        image += rng.normal(0, 0.2, image.shape)
        assert best_rank(image * ~wanted[..., None], ~wanted, wanted) >= rank


def test_an_image_of_two_rows_has_completions_too(monkeypatch):
    monkeypatch.setattr(low_rank_module, "RIDGE", 1e-12)
    image = np.random.default_rng(0).normal(size=(2, 8, 3))
    for found in completions(image, np.ones((2, 8), bool))[1:]:
        np.testing.assert_allclose(found, image, atol=1e-9)


def test_columns_and_rows_are_those_of_weighted_least_squares():
    """Each column, and each row, against a system of its own with a weight a pixel."""
    rng = np.random.default_rng(0)
    image, weight = rng.normal(size=(9, 7, 3)), rng.uniform(0.1, 1, (9, 7))
    numbers, colours = rng.normal(size=(9, 2)), rng.normal(size=(7, 2, 3))
    ridge = np.sqrt(low_rank_module.RIDGE)
    columns = low_rank_module.solved_columns(image, weight, numbers)
    rows, found = low_rank_module.solved_rows(image, weight, colours)
    factors = np.hstack([np.ones((9, 1)), numbers])
    for x in range(7):
        root = np.sqrt(weight[:, x, None])
        left = np.vstack([root * factors, ridge * np.eye(3)])
        wanted = np.linalg.lstsq(left, np.vstack([root * image[:, x], np.zeros((3, 3))]))[0]
        np.testing.assert_allclose(columns[x], wanted, atol=1e-9)
    solved = []
    for y in range(9):
        root = np.sqrt(weight[y])[:, None]
        left = np.vstack(
            [np.hstack([root * colours[:, :, c], np.tile(root, (1, 3)) * np.eye(3)[c]]) for c in range(3)]
            + [ridge * np.eye(5)]
        )
        right = np.concatenate([(root * image[y]).T.ravel(), np.zeros(5)])
        solved.append(np.linalg.lstsq(left, right)[0])
    np.testing.assert_allclose(rows, np.array(solved)[:, 2:], atol=1e-9)
    lengths = np.sqrt(np.square(np.array(solved)[:, :2]).mean(axis=0))
    np.testing.assert_allclose(found, np.array(solved)[:, :2] / lengths, atol=1e-6)


def cloth() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Colours of columns and rows in turn, (96, 96, 3); the same with a weave, and a sheet of paper on it;
    and which pixels are known."""
    rng = np.random.default_rng(0)
    checked = checks(np.stack(np.meshgrid(np.linspace(0, 4, 96), np.linspace(0, 4, 96)), axis=-1))
    woven = checked + rng.normal(0, 0.05, (96, 96, 1))
    woven[:30, 60:] = rng.uniform(0, 1, (30, 36, 3))
    known = np.ones((96, 96), bool)
    known[35:65, 30:60] = False
    return checked, woven.astype(np.float32), known


def test_warp_and_weft_go_on_beside_things_that_lie_on_them():
    checked, woven, known = cloth()
    found = low_rank(np.where(known[..., None], woven, 0), known, ~known)
    mean = woven[known].mean(axis=0)
    assert np.abs(found - checked)[~known].mean() < 0.25 * np.abs(mean - checked)[~known].mean()


def test_what_goes_on_has_the_weave_of_what_is_around_and_no_paper():
    checked, woven, known = cloth()
    part = FlatPart(None, ~known, np.where(known[..., None], woven, 0), known, ~known)
    found = ExemplarInpainter().regular(part)
    np.testing.assert_array_equal(found[known], woven[known])
    square = np.s_[36:64, 31:59]
    assert 0.6 < gradient_energy(found[square]) / gradient_energy(woven[square]) < 1.2
    assert np.sqrt(np.square(found - checked)[~known].mean()) < 0.1


def test_trials_hide_as_much_as_the_hole_does_and_never_all():
    wanted = np.zeros((60, 80), bool)
    wanted[20:35, 30:50] = True
    copies = shifted(wanted, ~wanted)
    assert len(copies) == TRIALS
    assert all(
        0.8 * wanted.sum() < copy.sum() <= wanted.sum() and not (copy & wanted).any() for copy in copies
    )
    assert all(copy.sum() <= wanted.sum() / 2 for copy in shifted(wanted, wanted))


def test_checks_on_a_slanted_table_go_on_check_for_check():
    picture, guide = table()
    photo = (255 * np.where(hole()[..., None], 0, picture)).astype(np.uint8)
    errors = [
        np.abs(ExemplarInpainter().fill(photo, hole(), told) / 255 - picture)[hole()].mean()
        for told in (guide, None)
    ]
    assert errors[0] < 0.07
    assert errors[0] < 0.5 * errors[1]


def test_a_surface_that_ends_at_the_hole_is_not_continued_into_it():
    """Half of the rim is another surface: nothing says where in the hole the table ends."""
    picture, guide = table()
    disparity = guide.disparity.copy()
    disparity[:, 100:] = 0.05
    left = ExemplarInpainter().fill_flat(picture.copy(), hole(), Guide(disparity, LENS, guide.xy), [])
    np.testing.assert_array_equal(left, hole())
    assert not ExemplarInpainter().fill_flat(picture.copy(), hole(), guide, [])[62:93, 82:123].any()


def test_a_narrow_strip_of_doubt_beside_a_hole_belongs_to_the_surface_around():
    mine = np.zeros((100, 200), bool)
    mine[20:80, 20:180] = True
    doubtful = np.zeros_like(mine)
    doubtful[40:44, 60:90] = doubtful[50:75, 110:140] = True
    another = np.zeros_like(mine)
    another[60:64, 40:70] = True
    mine &= ~doubtful & ~another
    found = bridged(mine, doubtful)
    assert found[41:43, 62:88].all(), "a narrow gap"
    assert not found[57:68, 117:133].any(), "a wide one"
    assert not found[another].any(), "another surface"
    assert (found | ~mine).all()


def test_one_trial_that_no_rank_foretells_does_not_choose_the_rank(monkeypatch):
    errors = iter([(0.5, 0.1, 2.0), (0.5, 0.1, 2.0), (0.5, 3.0, 2.0)])
    image, known = np.ones((4, 5, 3)), np.ones((4, 5), bool)
    hidden = np.eye(4, 5, dtype=bool)
    monkeypatch.setattr(low_rank_module, "shifted", lambda wanted, known: [hidden] * 3)
    monkeypatch.setattr(
        low_rank_module, "completions", lambda image, known: [image * 0 + 1 - e**0.5 for e in next(errors)]
    )
    assert low_rank_module.best_rank(image, known, hidden) == 2
