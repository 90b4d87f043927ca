"""Masks that disagree become one object in space."""

import dataclasses

import analytic
import cv2
import numpy as np
import pytest
import torch

from nerfkit.errors import UserError
from nerfkit.field import field
from nerfkit.fields import FieldSettings, read_field
from nerfkit.fields.hash_grid import HashLayout
from nerfkit.fields.objectness_grid import ObjectnessGrid
from nerfkit.files import read_json, read_mask
from nerfkit.objectives.objectness import Objectness
from nerfkit.rays import PixelBank, view_rays
from nerfkit.rendering import Rendering
from nerfkit.segmentation.object_masks import read_object_masks, write_object_masks
from nerfkit.segmentation.refinement import RefinementSettings, refinement
from nerfkit.segmentation.semantic_field import mask_surroundings, objectness_objective, render_probability

SCENE = FieldSettings(steps=500, rays_start=256, rays_end=256, table_log2=12, finest=64, samples=16)
QUICK = RefinementSettings(steps=120, rays_start=512, rays_end=512, stages=1)


def iou(a: np.ndarray, b: np.ndarray) -> float:
    return (a & b).sum() / max((a | b).sum(), 1)


@pytest.fixture(scope="module")
def capture(tmp_path_factory):
    """A capture, its field, and propagated masks: two views' missing, one shifted, one with a blob."""
    root = tmp_path_factory.mktemp("refinement")
    views = analytic.write_capture(root)
    field(root / "photos", root / "sfm", root / "field", SCENE, seed=0)
    truth, masks = {}, {}
    for number, view in enumerate(views):
        mask = truth[view.name] = analytic.shoot(view.world_from_cam).ball
        given = np.zeros_like(mask) if number in (2, 7) else mask.copy()
        if number == 4:
            given = np.roll(mask, 5, axis=1)
        if number == 5:
            given[2:9, 2:9] = True
        masks[view.name] = given
    write_object_masks(root / "propagation", {"ball": masks})
    return root, truth


def refined(root, settings) -> dict[str, np.ndarray]:
    folders = (root / "photos", root / "sfm", root / "propagation", root / "field", root / "refinement")
    refinement(*folders, settings, seed=0)
    return {path.stem: read_mask(path) for path in (root / "refinement" / "masks").iterdir()}


@pytest.mark.parametrize("trunk", ["separate", "shared"])
def test_views_correct_each_other(capture, trunk):
    root, truth = capture
    masks = refined(root, dataclasses.replace(QUICK, trunk=trunk))
    given = {name: read_mask(root / "propagation" / "masks" / f"{name}.png") for name in truth}
    after = np.mean([iou(masks[name], truth[name]) for name in truth])
    before = np.mean([iou(given[name], truth[name]) for name in truth])
    assert after > before + 0.05
    if trunk == "separate":
        assert after > 0.85
        assert masks["v02"].any()
        assert masks["v05"][2:9, 2:9].mean() < 0.4


def test_two_stages_write_two_curves_and_confidences(capture):
    root, truth = capture
    masks = refined(root, dataclasses.replace(QUICK, stages=2))
    assert np.mean([iou(masks[name], truth[name]) for name in truth]) > 0.85
    assert {p.name for p in (root / "refinement" / "curves").iterdir()} == {"ball_1.csv", "ball_2.csv"}
    assert len(list((root / "refinement" / "confidence").iterdir())) == 10
    manifest = read_json(root / "refinement" / "refinement.json")
    assert manifest["stages"] == 2
    assert set(manifest["doubtful"]["ball"]) >= {"v02", "v07"}
    assert "v00" not in manifest["doubtful"]["ball"]


@pytest.mark.parametrize("trunk", ["separate", "shared"])
def test_one_labelled_view_teaches_all_others(capture, tmp_path, trunk):
    """Semantic NeRF from the source mask alone; a view without a mask is not a view without the object."""
    root, truth = capture
    write_object_masks(tmp_path / "propagation", {"ball": {"v04": truth["v04"]}})
    folders = (root / "photos", root / "sfm", tmp_path / "propagation", root / "field", tmp_path / "out")
    refinement(*folders, dataclasses.replace(QUICK, trunk=trunk, snap=0), seed=0)
    masks = read_object_masks(tmp_path / "out")["ball"]
    assert set(masks) == set(truth)
    assert np.mean([iou(masks[name], truth[name]) for name in ("v03", "v05")]) > 0.6
    assert np.mean([mask.any() for mask in masks.values()]) == 1
    assert read_json(tmp_path / "out" / "refinement.json")["doubtful"]["ball"].keys() <= {"v04"}


def test_two_objects_are_refined_apart(capture, tmp_path):
    root, truth = capture
    corner = np.zeros_like(truth["v00"])
    corner[-14:, :20] = True
    given = read_object_masks(root / "propagation")
    given["floor"] = dict.fromkeys(truth, np.zeros_like(corner)) | {"v00": corner}
    write_object_masks(tmp_path / "propagation", given)
    refinement(
        root / "photos",
        root / "sfm",
        tmp_path / "propagation",
        root / "field",
        tmp_path / "out",
        QUICK,
        seed=0,
    )
    made = read_object_masks(tmp_path / "out")
    alone = refined(root, QUICK)
    for name in truth:
        np.testing.assert_array_equal(made["ball"][name], alone[name])
        both = read_mask(tmp_path / "out" / "masks" / f"{name}.png")
        np.testing.assert_array_equal(both, made["ball"][name] | made["floor"][name])
    assert {p.stem for p in (tmp_path / "out" / "objectness").iterdir()} == {"ball", "floor"}


class Ball(torch.nn.Module):
    """A field that knows the objectness of rays alone: that of a ball with a soft edge. Counts them."""

    def __init__(self) -> None:
        super().__init__()
        self.traced = 0

    def trace(self, rays, generator=None, live=None) -> Rendering:
        self.traced += len(rays)
        ahead = -(rays.origins * rays.directions).sum(dim=1, keepdim=True)
        closest = (rays.origins + ahead * rays.directions).norm(dim=1)
        some = torch.zeros(len(rays))
        return Rendering(*[some.expand(3, -1).T] * 2, some, some, some, some, 100 * (analytic.BALL - closest))


@pytest.mark.parametrize("scale", [1.0, 0.5])
def test_few_rays_tell_the_whole_mask(tmp_path, scale):
    """From coarse to fine: the same as every ray's own probability, at a fraction of the rays."""
    view = analytic.views(tmp_path, 3)[1]
    view = dataclasses.replace(view, camera=analytic.LENS.resized(640, 480))
    camera = view.camera.resized(round(scale * 640), round(scale * 480))
    chance = Ball().trace(view_rays(camera, view.world_from_cam, view.near, view.far)).objectness.sigmoid()
    wanted = cv2.resize(chance.reshape(camera.height, camera.width).numpy(), (640, 480))
    ball = Ball()
    made = render_probability(ball, view, scale)
    assert ball.traced < 0.25 * len(chance)
    assert np.abs(made - wanted).max() < 0.05
    np.testing.assert_array_equal(made > 0.5, wanted > 0.5)
    assert 0.05 < (made > 0.5).mean() < 0.5


def test_views_in_doubt_teach_less():
    """A pixel of a view with no trust gives no gradient."""
    views = [np.zeros((4, 5), bool), np.ones((4, 5), bool)]
    made = objectness_objective(None, views, [1.0, 0.25], None)
    assert made.weights.tolist() == [1.0] * 20 + [0.25] * 20
    assert made.labels.tolist() == [False] * 20 + [True] * 20


def test_nothing_but_empty_masks_is_refused(capture, tmp_path):
    root, truth = capture
    write_object_masks(tmp_path, {"ball": {name: np.zeros_like(mask) for name, mask in truth.items()}})
    with pytest.raises(UserError, match="Every propagated mask of 'ball' is empty"):
        refinement(root / "photos", root / "sfm", tmp_path, root / "field", tmp_path / "out", QUICK, seed=0)


def test_labels_leave_the_scene_alone(capture):
    """The frozen field is bit for bit what it was, and its density grid too."""
    root, _ = capture
    scene = read_field(root / "field" / "field.safetensors")
    before = {name: value.clone() for name, value in scene.state_dict().items()}
    model = ObjectnessGrid(scene, HashLayout(2, 2, 10, 4, 16))
    bank = PixelBank(analytic.views(root / "photos"))
    labels = torch.zeros(len(bank), dtype=torch.bool)
    terms = Objectness(bank, labels, torch.ones(len(bank)))(model, 64, 0.0, torch.Generator())
    terms["objectness"].backward()
    assert model.table.grad.abs().sum() > 0
    assert all(torch.equal(value, before[name]) for name, value in scene.state_dict().items())
    assert all(parameter.grad is None for parameter in scene.parameters())


def test_the_integrated_logit_is_the_weighted_sum(capture):
    """A constant logit c gives c * accumulation - 10 * (1 - accumulation), whatever the scene."""
    root, _ = capture
    model = ObjectnessGrid(read_field(root / "field" / "field.safetensors"), HashLayout(2, 2, 10, 4, 16))
    torch.nn.init.zeros_(model.logit.weight)
    torch.nn.init.constant_(model.logit.bias, 3.0)
    rays = view_rays(analytic.LENS, analytic.pose(0.0), analytic.NEAR, analytic.FAR)
    with torch.no_grad():
        got = model.trace(rays)
    want = 3 * got.accumulation - 10 * (1 - got.accumulation)
    torch.testing.assert_close(got.objectness, want, atol=0.12, rtol=0)


def test_surroundings_are_the_dilated_masks():
    masks = [np.zeros((20, 100), bool), np.zeros((20, 100), bool)]
    masks[1][10, 50] = True
    index = mask_surroundings(masks, 0.03).numpy()
    rows, columns = np.divmod(index - 2000, 100)
    assert len(index) == 49
    assert (rows.min(), rows.max(), columns.min(), columns.max()) == (7, 13, 47, 53)
