"""Masks that travel from one clicked view to all, with exact and with noisy depth."""

import dataclasses
from pathlib import Path

import analytic
import cv2
import numpy as np
import pytest

from nerfkit.errors import UserError
from nerfkit.field import field
from nerfkit.fields import FieldSettings
from nerfkit.files import read_json, read_mask, write_json, write_mask
from nerfkit.scene import View
from nerfkit.segmentation.appearance import lab_image
from nerfkit.segmentation.propagation import PropagationSettings, Target, propagate, propagation

LENS = analytic.LENS.resized(192, 144)
SETTINGS = PropagationSettings()
SCENE = FieldSettings(steps=500, rays_start=256, rays_end=256, table_log2=12, finest=64, samples=16)


def iou(a: np.ndarray, b: np.ndarray) -> float:
    return (a & b).sum() / max((a | b).sum(), 1)


def targets(angles, noise: float = 0.0, seed: int = 0) -> tuple[list[Target], dict[str, np.ndarray]]:
    """Views of the ball at half resolution, depth off by smooth relative `noise`, and the true masks."""
    rng, made, truth = np.random.default_rng(seed), [], {}
    small = LENS.resized(LENS.width // 2, LENS.height // 2)
    for number, angle in enumerate(angles):
        pose = analytic.pose(angle)
        shot, name = analytic.shoot(pose, LENS), f"v{number}"
        depth = analytic.shoot(pose, small).depth
        wave = cv2.GaussianBlur(rng.normal(size=depth.shape).astype(np.float32), (0, 0), 4)
        depth = depth * (1 + noise * wave / wave.std())
        view = View(name, "train", small, pose, analytic.NEAR, analytic.FAR, Path("none.png"))
        made.append(Target(view, depth, lab_image(shot.rgb)))
        truth[name] = shot.ball
    return made, truth


@pytest.mark.parametrize("noise", [0.0, 0.01])
def test_one_mask_reaches_every_view(noise):
    made, truth = targets(np.linspace(-0.9, 0.9, 9), noise)
    masks, order = propagate(made, {"v4": truth["v4"]}, SETTINGS)
    scores = [iou(masks[name], truth[name]) for name in truth]
    assert np.mean(scores) > 0.95
    assert min(scores) > 0.85
    assert set(order) == set(truth) - {"v4"}
    assert order.index("v3") < order.index("v2") < order.index("v1") < order.index("v0")


def test_given_masks_are_kept_as_they_are():
    made, truth = targets([-0.2, 0.0, 0.2])
    given = truth["v1"].copy()
    given[:5, :5] = True
    masks, _ = propagate(made, {"v1": given}, SETTINGS)
    np.testing.assert_array_equal(masks["v1"], given)


def test_a_view_that_does_not_see_the_object_gets_an_empty_mask():
    made, truth = targets([-0.2, 0.0, 0.2])
    away = analytic.pose(0.1)
    away[:3, :3] = away[:3, :3] @ cv2.Rodrigues(np.array([0.0, 0.9, 0.0]))[0]  # looks past the ball
    shot = analytic.shoot(away, LENS)
    assert not shot.ball.any()
    small = made[0].view.camera
    view = dataclasses.replace(made[0].view, name="away", world_from_cam=away)
    made.append(Target(view, analytic.shoot(away, small).depth, lab_image(shot.rgb)))
    masks, _ = propagate(made, {"v1": truth["v1"]}, SETTINGS)
    assert not masks["away"].any()


@pytest.fixture(scope="module")
def capture(tmp_path_factory):
    """A small capture with its field and the source mask of one view; the exact masks."""
    root = tmp_path_factory.mktemp("propagation")
    views = analytic.write_capture(root)
    field(root / "photos", root / "sfm", root / "field", SCENE, seed=0)
    truth = {view.name: analytic.shoot(view.world_from_cam).ball for view in views}
    (root / "source_mask" / "masks").mkdir(parents=True)
    write_mask(root / "source_mask" / "masks" / "v04.png", truth["v04"])
    return root, truth


def run(root: Path, clicked: list[str]) -> Path:
    write_json(root / "source_mask" / "source_mask.json", {"views": {name: [] for name in clicked}})
    folders = (root / "photos", root / "sfm", root / "source_mask", root / "field", root / "propagation")
    propagation(*folders, dataclasses.replace(SETTINGS, resolution=1.0))
    return root / "propagation"


def test_stage_writes_a_mask_of_every_view(capture):
    root, truth = capture
    out = run(root, ["v04", "lost"])
    masks = {path.stem: read_mask(path) for path in (out / "masks").iterdir()}
    assert set(masks) == set(truth)
    assert np.mean([iou(masks[name], truth[name]) for name in truth]) > 0.8
    manifest = read_json(out / "propagation.json")
    assert manifest["sources"] == ["v04"]
    assert manifest["made_by"] == "projection"
    assert sorted([*manifest["order"], "v04"]) == sorted(truth)
    assert manifest["empty"] == []


def test_clicks_on_photos_that_did_not_register(capture):
    with pytest.raises(UserError, match=r"No clicked photo \(lost\) is among the 10 registered views"):
        run(capture[0], ["lost"])
