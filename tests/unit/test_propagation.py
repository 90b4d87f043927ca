"""Masks that travel from one clicked view to all, with exact and with noisy depth."""

import dataclasses
import shutil
from pathlib import Path

import analytic
import cv2
import numpy as np
import pytest
from colour_network import ColourNetwork

from nerfkit.cameras import Camera
from nerfkit.depth import depth
from nerfkit.errors import UserError
from nerfkit.field import field
from nerfkit.fields import FieldSettings
from nerfkit.files import read_json, read_mask
from nerfkit.scene import View
from nerfkit.segmentation import feature_networks
from nerfkit.segmentation.appearance import lab_image
from nerfkit.segmentation.label_propagation import LabelPropagationSettings
from nerfkit.segmentation.object_masks import read_object_masks, write_object_masks
from nerfkit.segmentation.projection_propagator import ProjectionSettings, Target, propagate
from nerfkit.segmentation.propagation import PropagationSettings, propagation

LENS = analytic.LENS.resized(192, 144)
SETTINGS = ProjectionSettings()
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


def test_an_object_that_leaves_half_of_the_views_is_not_made_up_there():
    made, truth = targets(np.linspace(-0.5, 0.5, 6))
    for number in (1, 3, 5):
        away = analytic.pose(0.1 * number)
        away[:3, :3] = away[:3, :3] @ cv2.Rodrigues(np.array([0.0, 1.0, 0.0]))[0]  # looks past the ball
        shot, view = analytic.shoot(away, LENS), dataclasses.replace(made[number].view, world_from_cam=away)
        made[number] = Target(view, analytic.shoot(away, view.camera).depth, lab_image(shot.rgb))
        truth[view.name] = shot.ball
    masks, _ = propagate(made, {"v2": truth["v2"]}, SETTINGS)
    assert not any(truth[name].any() or masks[name].any() for name in ("v1", "v3", "v5"))
    assert min(iou(masks[name], truth[name]) for name in ("v0", "v4")) > 0.9


def shoot_twins(pose: np.ndarray, camera: Camera) -> tuple[analytic.Shot, np.ndarray]:
    """The ball with its double a hand's breadth beside it, and the pixels of the double."""
    moved = pose.copy()
    moved[:3, 3] -= [0.8, 0, 0]
    ball, double = analytic.shoot(pose, camera), analytic.shoot(moved, camera)
    twin = double.ball & (double.depth < ball.depth)
    rgb = np.where(twin[..., None], double.rgb, ball.rgb)
    return analytic.Shot(rgb, np.where(twin, double.depth, ball.depth), ball.ball & ~twin), twin


def test_a_double_beside_the_object_is_left_alone():
    """Looks alone cannot tell them apart, and from the side the one covers the other."""
    made, truth, twins = [], {}, {}
    for number, angle in enumerate(np.linspace(-1.2, 1.2, 9)):
        view = View(f"v{number}", "train", LENS, analytic.pose(angle), analytic.NEAR, analytic.FAR, Path("-"))
        shot, twins[view.name] = shoot_twins(view.world_from_cam, LENS)
        made.append(Target(view, shot.depth, lab_image(shot.rgb)))
        truth[view.name] = shot.ball
    assert min(mask.sum() for mask in truth.values()) < 0.8 * max(mask.sum() for mask in truth.values())
    masks, _ = propagate(made, {"v4": truth["v4"]}, SETTINGS)
    assert np.mean([iou(masks[name], truth[name]) for name in truth]) > 0.93
    assert max((masks[name] & twins[name]).sum() / truth[name].sum() for name in truth) < 0.05


@pytest.fixture(scope="module")
def capture(tmp_path_factory):
    """A small capture with its field and the source mask of one view; the exact masks."""
    root = tmp_path_factory.mktemp("propagation")
    views = analytic.write_capture(root)
    field(root / "photos", root / "sfm", root / "field", SCENE, seed=0)
    depth(root / "photos", root / "sfm", root / "field", root / "depth")
    truth = {view.name: analytic.shoot(view.world_from_cam).ball for view in views}
    return root, truth


FULL = PropagationSettings(projection=dataclasses.replace(SETTINGS, resolution=1.0))


def run(root: Path, out: Path, settings: PropagationSettings = FULL, **masks: dict[str, np.ndarray]) -> Path:
    """Propagate the source masks (object -> view -> mask)."""
    write_object_masks(out / "source_mask", masks)
    given = (root / "photos", root / "sfm", out / "source_mask", root / "field", root / "depth")
    propagation(*given, out / "propagation", settings)
    return out / "propagation"


def test_stage_writes_a_mask_of_every_view(capture, tmp_path):
    root, truth = capture
    out = run(root, tmp_path, ball={"v04": truth["v04"], "lost": truth["v04"]})
    masks = {path.stem: read_mask(path) for path in (out / "masks").iterdir()}
    assert set(masks) == set(truth)
    assert np.mean([iou(masks[name], truth[name]) for name in truth]) > 0.8
    manifest = read_json(out / "propagation.json")
    assert manifest["made_by"] == "projection (embedded)"
    assert sorted([*manifest["order"]["ball"], "v04"]) == sorted(truth)
    assert manifest["empty"] == []


def test_each_object_travels_from_its_own_clicked_view(capture, tmp_path):
    root, truth = capture
    speck = np.zeros_like(truth["v02"])
    speck[-12:-4, 4:14] = True
    out = run(root, tmp_path, ball={"v04": truth["v04"]}, floor={"v02": speck})
    masks = read_object_masks(out)
    assert np.mean([iou(masks["ball"][name], truth[name]) for name in truth]) > 0.8
    np.testing.assert_array_equal(masks["floor"]["v02"], speck)
    both = read_mask(out / "masks" / "v02.png")
    np.testing.assert_array_equal(both, masks["ball"]["v02"] | speck)


def test_clicks_on_photos_that_did_not_register(capture, tmp_path):
    root, truth = capture
    with pytest.raises(
        UserError, match=r"No photo in which 'ball' is clicked \(lost\) is among the 10 regist"
    ):
        run(root, tmp_path, ball={"lost": truth["v04"]})


def test_the_backend_dino_asks_the_network_that_is_named(capture, tmp_path, monkeypatch):
    root, truth = capture
    asked = []
    monkeypatch.setattr(
        feature_networks, "feature_network", lambda name: asked.append(name) or ColourNetwork()
    )
    labels = LabelPropagationSettings(short_side=144)
    settings = PropagationSettings(backend="dino", dino_network="mobilenet_v2_imagenet_features", dino=labels)
    shutil.copytree(root, tmp_path / "capture")
    shutil.rmtree(tmp_path / "capture" / "field")  # nothing of it is needed
    out = run(tmp_path / "capture", tmp_path, settings, ball={"v04": truth["v04"]})
    assert asked == ["mobilenet_v2_imagenet_features"]
    assert read_json(out / "propagation.json")["made_by"] == "colours"
    masks = read_object_masks(out)["ball"]
    assert np.mean([iou(masks[name], truth[name]) for name in truth]) > 0.7


@pytest.mark.parametrize(
    ("backend", "sentence"),
    [("dino", "Weights 'dino_vits8' are missing"), ("tracker", "no propagation backend 'tracker'; choose")],
)
def test_what_a_backend_lacks_is_said(capture, tmp_path, monkeypatch, backend, sentence):
    root, truth = capture
    monkeypatch.setenv("NERFKIT_WEIGHTS", str(tmp_path))
    with pytest.raises(UserError, match=sentence):
        run(root, tmp_path, PropagationSettings(backend=backend), ball={"v04": truth["v04"]})
    assert not (tmp_path / "propagation").exists()
