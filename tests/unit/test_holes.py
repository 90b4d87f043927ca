"""Masks are checked, brought to the photos' size and widened in one place."""

import logging
from dataclasses import replace

import fake_capture
import numpy as np
import pytest
from PIL import Image

from nerfkit.errors import UserError
from nerfkit.files import read_json, read_mask, write_image
from nerfkit.holes import HolesSettings, disk, downwards, holes, widened
from nerfkit.scene import read_scene
from nerfkit.segmentation.object_masks import write_object_masks

SIZE = (48, 36)  # of fake_capture's photos


@pytest.fixture
def capture(tmp_path):
    """photos/, sfm/ and masks/ of six views; the masks are a square in the middle."""
    made = fake_capture.write_capture(tmp_path)
    (tmp_path / "sfm").mkdir()
    made.transforms.rename(tmp_path / "sfm" / "transforms.json")
    (tmp_path / "masks").mkdir()
    for number in range(6):
        put(tmp_path, number, square(*SIZE))
    return tmp_path


def square(width, height):
    """A grey mask whose object is the middle third of each side."""
    mask = np.zeros((height, width), np.uint8)
    mask[height // 3 : 2 * height // 3, width // 3 : 2 * width // 3] = 255
    return mask


def put(root, number, grey):
    Image.fromarray(grey).save(root / "masks" / f"train_{number:02d}.png")


def run(root, provided=True, objects="all", **settings):
    folders = (root / "photos", root / "sfm", root / "masks" if provided else root)
    holes(*folders, provided, objects, root / "holes", HolesSettings(**settings))
    return {
        kind: {path.stem: read_mask(path) for path in sorted((root / "holes" / kind).iterdir())}
        for kind in ("masks", "holes")
    }


def test_hole_is_every_pixel_within_the_radius(capture):
    made = run(capture, dilation=0.1, closing=0.0, shadow=0.0)
    mask, hole = made["masks"]["train_00"], made["holes"]["train_00"]
    np.testing.assert_array_equal(mask, square(*SIZE) > 0)
    inside = np.argwhere(mask)
    pixels = np.argwhere(np.ones_like(mask))
    distance = np.sqrt(((pixels[:, None] - inside[None]) ** 2).sum(axis=2)).min(axis=1).reshape(mask.shape)
    np.testing.assert_array_equal(hole, distance <= round(0.1 * SIZE[0]))
    assert len(made["holes"]) == 6


@pytest.fixture
def two_objects(capture):
    """Refined masks of two objects: cup in the left half of every view, jug in the right."""
    left = np.zeros(SIZE[::-1], bool)
    left[10:20, 5:15] = True
    masks = {"cup": left, "jug": left[:, ::-1]}
    views = [f"train_{number:02d}" for number in range(6)]
    write_object_masks(capture / "refinement", {k: dict.fromkeys(views, v) for k, v in masks.items()})
    return capture / "refinement", masks


@pytest.mark.parametrize(
    ("objects", "chosen"),
    [("all", ["cup", "jug"]), ("jug", ["jug"]), (["cup"], ["cup"]), (["jug", "cup"], ["cup", "jug"])],
)
def test_the_chosen_objects_are_removed_together(capture, two_objects, objects, chosen):
    refinement, masks = two_objects
    holes(capture / "photos", capture / "sfm", refinement, False, objects, capture / "holes", HolesSettings())
    want = np.any([masks[name] for name in chosen], axis=0)
    np.testing.assert_array_equal(read_mask(capture / "holes" / "masks" / "train_03.png"), want)


def test_an_object_that_was_not_clicked_is_named(capture, two_objects):
    with pytest.raises(UserError, match=r"objects names vase, which prompts.json does not; it has cup, jug"):
        holes(
            capture / "photos",
            capture / "sfm",
            two_objects[0],
            False,
            ["vase", "cup"],
            capture / "holes",
            HolesSettings(),
        )


def test_provided_masks_cannot_be_chosen_by_object(capture):
    with pytest.raises(UserError, match="objects is cup, but masks: provided takes"):
        run(capture, objects="cup")


def test_no_dilation_leaves_the_mask(capture):
    made = run(capture, dilation=0.0, closing=0.0, shadow=0.0)
    np.testing.assert_array_equal(made["holes"]["train_03"], made["masks"]["train_03"])


def test_closing_joins_gaps_and_does_not_grow_to_the_frame():
    mask = np.zeros((30, 100), bool)
    mask[10:20, 20:40] = mask[10:20, 42:60] = True
    mask[10:20, 97:98] = True
    hole = widened(mask, np.zeros(2), HolesSettings(dilation=0.0, closing=0.02))
    assert hole[12:18, 40:42].all()
    assert not hole[:, 98:].any()
    assert hole.sum() <= mask.sum() + 20


@pytest.mark.parametrize("down", [(0.0, 1.0), (0.6, 0.8), (-0.5, 0.0), (0.0, 0.0)])
def test_a_hole_reaches_down_by_the_shadow_and_nowhere_else(down):
    mask = np.zeros((90, 100), bool)
    mask[40:50, 45:55] = True
    settings = HolesSettings(dilation=0.0, closing=0.0, shadow=0.2)
    hole = widened(mask, np.array(down), settings)
    dy, dx = np.rint(20 * np.array(down[::-1])).astype(int)
    assert hole[mask].all()
    assert hole[40 + dy : 50 + dy, 45 + dx : 55 + dx].all()
    rows, columns = np.nonzero(hole)
    assert (rows.min(), rows.max()) == (40 + min(dy, 0), 49 + max(dy, 0))
    assert (columns.min(), columns.max()) == (45 + min(dx, 0), 54 + max(dx, 0))


def test_down_is_down_in_a_photo_taken_on_its_side_and_short_in_one_from_above(capture):
    view = read_scene(capture / "sfm" / "transforms.json", capture / "photos").train[0]
    level, turned, above = np.eye(4), np.eye(4), np.eye(4)
    turned[:3, :3] = [[0, 1, 0], [-1, 0, 0], [0, 0, 1]]
    above[:3, :3] = [[1, 0, 0], [0, 0, 1], [0, -1, 0]]
    found = [downwards(replace(view, world_from_cam=pose)).tolist() for pose in (level, turned, above)]
    assert found == [[0, 1], [-1, 0], [0, 0]]


def test_disk_counts():
    assert disk(0).tolist() == [[1]]
    assert disk(1).sum() == 5
    assert disk(2).sum() == 13


def test_other_size_is_resized_and_said(capture, caplog):
    put(capture, 2, square(2 * SIZE[0], 2 * SIZE[1]))
    with caplog.at_level(logging.INFO, "nerfkit"):
        made = run(capture)
    np.testing.assert_array_equal(made["masks"]["train_02"], square(*SIZE) > 0)
    assert "train_02.png resized from 96x72 to 48x36" in caplog.text


def test_levels_of_0_and_1_and_soft_edges(capture):
    put(capture, 0, square(*SIZE) // 255)
    soft = square(*SIZE)
    soft[12, 16:32] = 90  # an anti-aliased row, nearer to the rest
    put(capture, 1, soft)
    made = run(capture)["masks"]
    np.testing.assert_array_equal(made["train_00"], square(*SIZE) > 0)
    assert not made["train_01"][12].any()
    assert made["train_01"][13, 16:32].all()


def test_colour_masks_count_any_channel(capture):
    write_image(
        capture / "masks" / "train_00.png",
        np.dstack([square(*SIZE), 0 * square(*SIZE), 0 * square(*SIZE)]),
    )
    np.testing.assert_array_equal(run(capture)["masks"]["train_00"], square(*SIZE) > 0)


def test_a_cutout_on_transparency_is_a_mask(capture):
    cutout = np.dstack([np.full((*SIZE[::-1], 3), 9, np.uint8), square(*SIZE)])
    Image.fromarray(cutout).save(capture / "masks" / "train_00.png")
    np.testing.assert_array_equal(run(capture)["masks"]["train_00"], square(*SIZE) > 0)


def test_view_without_the_object_is_fine(capture, caplog):
    put(capture, 4, np.zeros(SIZE[::-1], np.uint8))
    with caplog.at_level(logging.INFO, "nerfkit"):
        made = run(capture)
    assert not made["holes"]["train_04"].any()
    assert "1 views do not show the object: train_04" in caplog.text
    assert read_json(capture / "holes" / "holes.json")["empty"] == ["train_04"]


def test_masks_of_views_that_did_not_register_are_fine(capture):
    write_image(capture / "photos" / "images" / "lost.png", np.zeros((36, 48, 3), np.uint8))
    Image.fromarray(square(*SIZE)).save(capture / "masks" / "lost.png")
    assert "lost" not in run(capture)["masks"]


def test_strays(capture):
    Image.fromarray(square(*SIZE)).save(capture / "masks" / "holiday.png")
    with pytest.raises(
        UserError, match=r"1 of 7 masks in .* belong to no photo: holiday.png; a mask has the name"
    ):
        run(capture)


def test_missing(capture):
    (capture / "masks" / "train_01.png").unlink()
    (capture / "masks" / "train_05.png").unlink()
    with pytest.raises(
        UserError, match=r"no mask for 2 of 6 registered views: train_01.png, train_05.png; add"
    ):
        run(capture)


def test_all_empty(capture):
    for number in range(6):
        put(capture, number, np.zeros(SIZE[::-1], np.uint8))
    with pytest.raises(UserError, match=r"All 6 masks in .* are empty: there is nothing to remove"):
        run(capture)


def test_other_shape(capture):
    put(capture, 3, square(36, 48))
    with pytest.raises(UserError, match=r"train_03.png is 36x48 but its photo 48x36: the shapes differ"):
        run(capture)


def test_a_photo_is_no_mask(capture):
    put(capture, 3, np.tile(np.linspace(0, 255, 48).astype(np.uint8), (36, 1)))
    with pytest.raises(
        UserError, match=r"train_03.png is no mask: \d+ % of its pixels are neither dark nor bright"
    ):
        run(capture)


def test_text_named_png(capture):
    (capture / "masks" / "train_03.png").write_text("not an image")
    with pytest.raises(UserError, match=r"train_03.png cannot be read as an image"):
        run(capture)


def test_failure_leaves_nothing(capture):
    put(capture, 3, square(36, 48))
    with pytest.raises(UserError):
        run(capture)
    assert not (capture / "holes").exists()
