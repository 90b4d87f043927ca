"""Clicks of prompts.json as the labels of the object field, on the exactly ray-cast ball."""

import dataclasses
import logging

import analytic
import numpy as np
import pytest
import torch
from clicked import photo

from nerfkit.errors import UserError
from nerfkit.extraction.clicked_labels import (
    as_clicked,
    chosen_things,
    labelled_by_clicks,
    object_labels,
    united,
)
from nerfkit.extraction.labels import LabelSet
from nerfkit.extraction.visibility import Photographed
from nerfkit.files import write_image
from nerfkit.prompts import Clicks, PromptedObject
from nerfkit.scene import View

LENS = dataclasses.replace(analytic.LENS, width=144, height=108, fx=150.0, fy=150.0, cx=72.0, cy=54.0)
WIDTH, HEIGHT = LENS.width, LENS.height
ON_BALL, ON_FLOOR, ON_WALL = (73.5, 52.5), (18.2, 99.9), (120.1, 7.5)
BOX = (40, 20, 104, 86)  # around the ball in v04


def on(name, wanted=(), unwanted=(), box=None, size=(WIDTH, HEIGHT)):
    """Clicks on a photo of the ball."""
    points = np.array([*wanted, *unwanted], float).reshape(-1, 2)
    labels = np.array([True] * len(wanted) + [False] * len(unwanted), bool)
    prepared = dataclasses.replace(photo(name), size=size)
    return Clicks(prepared, points, labels, None if box is None else np.array(box, float))


def thing(name, *views):
    return PromptedObject(name, None, list(views))


@pytest.fixture(scope="module")
def exact(tmp_path_factory):
    """The views with exact depths and no masks, and which pixels show the ball."""
    folder, seen, balls = tmp_path_factory.mktemp("clicked"), [], []
    for number, angle in enumerate(analytic.angles(10)):
        shot = analytic.shoot(analytic.pose(angle), LENS)
        path = folder / f"v{number:02d}.png"
        write_image(path, shot.rgb)
        view = View(path.stem, "train", LENS, analytic.pose(angle), analytic.NEAR, analytic.FAR, path)
        seen.append(Photographed(view, np.zeros_like(shot.ball), shot.depth))
        balls.append(shot.ball)
    return seen, np.stack(balls)


def overlap(found, true):
    return (found & true).sum() / (found | true).sum()


def test_clicks_become_the_pixels_that_they_hit(exact):
    views = [each.view for each in exact[0]]
    ball = thing("ball", on("v00", [(3.9, 2.0)]), on("v02", [(0.5, 0.5)], [(143.99, 107.99)]))
    labels = object_labels(ball, [ball], views)
    assert labels.positive.tolist() == [2 * WIDTH + 3, 2 * WIDTH * HEIGHT]
    assert labels.negative.tolist() == [3 * WIDTH * HEIGHT - 1]


def test_views_of_different_sizes_are_counted_right():
    small = dataclasses.replace(LENS, width=10, height=4)
    views = [View(name, "train", lens, np.eye(4), 1, 2, None) for name, lens in (("a", small), ("b", LENS))]
    ball = thing("ball", on("b", [(5.5, 1.5)], [ON_WALL]), on("a", [(9.5, 3.5)], size=(10, 4)))
    assert object_labels(ball, [ball], views).positive.tolist() == [39, 40 + WIDTH + 5]


def test_a_click_on_another_object_is_beside_this_one(exact):
    views = [each.view for each in exact[0]]
    ball = thing("ball", on("v00", [ON_BALL], [ON_WALL]))
    mat = thing("mat", on("v01", [ON_FLOOR], [ON_BALL]))
    pixel = WIDTH * HEIGHT + 99 * WIDTH + 18
    assert object_labels(ball, [ball, mat], views).negative.tolist() == [7 * WIDTH + 120, pixel]
    assert object_labels(mat, [ball, mat], views).positive.tolist() == [pixel]


def test_a_box_is_no_label(exact):
    views = [each.view for each in exact[0]]
    boxed = thing("ball", on("v00", [ON_BALL], [ON_WALL], BOX))
    labels = object_labels(boxed, [boxed], views)
    assert (labels.positive.tolist(), labels.negative.tolist()) == ([52 * WIDTH + 73], [7 * WIDTH + 120])


@pytest.mark.parametrize(
    "clicks",
    [
        on("v04", [ON_BALL, (73.5, 40.5)], [ON_FLOOR]),
        on("v04", [ON_BALL, (76.5, 52.5)], [ON_FLOOR, ON_WALL]),
        on("v04", [ON_BALL], [ON_FLOOR, ON_WALL]),
    ],
    ids=["two and one", "close together", "one and two"],
)
def test_a_few_clicks_find_the_ball_in_every_view(exact, clicks):
    photographed, balls = exact
    told, given, learnt = labelled_by_clicks(photographed, [thing("ball", clicks)], "all", spread=True)
    assert len(given.positive) == clicks.labels.sum()
    assert overlap(np.stack([each.mask for each in told]), balls) > 0.85
    assert balls.ravel()[learnt.positive.numpy()].mean() > 0.95
    assert balls.ravel()[learnt.negative.numpy()].mean() < 0.02
    assert len(learnt) > 0.7 * balls.size


def test_clicks_that_are_not_spread_are_learnt_from_as_they_are(exact):
    ball = thing("ball", on("v04", [ON_BALL], [ON_FLOOR]))
    told, given, learnt = labelled_by_clicks(exact[0], [ball], "all", spread=False)
    assert told is exact[0]
    assert learnt is given
    assert (len(given.positive), len(given.negative)) == (1, 1)


def test_only_the_chosen_objects_are_labelled():
    ball, mat = thing("ball", on("v04", [ON_BALL])), thing("mat", on("v04", [ON_FLOOR]))
    assert chosen_things([ball, mat], "all") == [ball, mat]
    assert chosen_things([ball, mat], "mat") == [mat]
    assert chosen_things([ball, mat], ["mat", "ball"]) == [ball, mat]
    with pytest.raises(UserError, match=r"objects names cup, which prompts\.json does not; it has ball, mat"):
        chosen_things([ball, mat], ["cup", "mat"])


def test_what_lies_beside_one_object_may_be_another():
    ball, mat = (LabelSet(*map(torch.tensor, kinds)) for kinds in (([1, 2], [5, 7, 9]), ([7], [2, 9])))
    both = as_clicked([ball, mat])
    assert (both.positive.tolist(), both.negative.tolist()) == ([1, 2, 7], [5, 9])
    spread = united([ball, mat])
    assert (spread.positive.tolist(), spread.negative.tolist()) == ([1, 2, 7], [9])


def test_clicked_views_without_a_pose_are_named(exact, caplog):
    ball = thing("ball", on("lost", [(1.5, 1.5)], [(9.5, 1.5)]), on("v04", [ON_BALL], [ON_FLOOR]))
    with caplog.at_level(logging.WARNING, "nerfkit"):
        _, given, _ = labelled_by_clicks(exact[0], [ball], "all", spread=False)
    assert len(given) == 2
    assert "clicks of 'ball' are left out, no pose is known: lost.jpg" in caplog.text


@pytest.mark.parametrize(
    ("clicks", "sentence"),
    [
        ([on("v04", box=BOX)], r"prompts\.json has no click on 'ball' \(label 1\), and a box is no label"),
        (
            [on("lost", [ON_BALL]), on("v04", (), [ON_FLOOR], BOX)],
            r"photos whose pose is not known \(lost\.jpg\): click on it in one of the 10 registered photos",
        ),
        ([on("v04", [ON_BALL], (), BOX)], "No registered photo has a click beside 'ball', and nothing else"),
    ],
)
def test_clicks_that_do_not_tell_an_object_are_refused(exact, clicks, sentence):
    with pytest.raises(UserError, match=sentence):
        labelled_by_clicks(exact[0], [thing("ball", *clicks)], "all", spread=True)
