"""Colours, overlays and text of the pictures."""

import numpy as np

from nerfkit.evaluation import canvas


def test_depth_colours_brighten_towards_the_camera_and_leave_unknown_white():
    depth = np.array([[0.0, 1.0, 2.0, 4.0, 100.0]])
    colours = canvas.depth_colours(depth, near=1.0, far=4.0)[0].astype(int)
    assert (colours[0] == 255).all()
    brightness = colours[1:].sum(axis=1)
    assert brightness[0] > brightness[1] > brightness[2] == brightness[3]


def test_the_depth_range_ignores_unknown_depth_and_outliers():
    depth = np.concatenate([np.zeros(500), np.linspace(1, 3, 1000), [900.0]])
    near, far = canvas.depth_range([depth])
    assert 1 < near < 1.1
    assert 2.9 < far < 3
    assert canvas.depth_range([np.zeros((2, 2))]) == (1.0, 2.0)


def test_an_overlay_tints_the_mask_and_keeps_the_rest():
    image = np.full((40, 40, 3), 100, np.uint8)
    mask = np.zeros((40, 40), bool)
    mask[10:30, 10:30] = True
    drawn = canvas.overlaid(image, mask, (200, 0, 0), strength=0.5)
    assert drawn[20, 20].tolist() == [150, 50, 50]
    assert (drawn[:7] == 100).all()
    assert (drawn[:, 33:] == 100).all()
    assert (image == 100).all()


def test_a_tile_keeps_the_pictures_proportions():
    tile = canvas.fitted(np.zeros((100, 50, 3), np.uint8), 60, 40)
    assert tile.shape == (40, 60, 3)
    assert (tile[:, 20:40] == 0).all()
    assert (tile[:, :20] == 255).all()


def test_a_long_caption_loses_its_middle():
    assert canvas.fitted_text("short", 200, 14) == "short"
    short = canvas.fitted_text("a_very_long_name_of_a_photo_0001", 120, 14)
    assert short.startswith("a_")
    assert short.endswith("01")
    assert ".." in short
    assert canvas.font(14).getlength(short) <= 120
