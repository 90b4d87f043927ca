"""Masks that disagree become one object in space."""

import dataclasses

import analytic
import numpy as np
import pytest
import torch

from nerfkit.errors import UserError
from nerfkit.field import field
from nerfkit.fields import FieldSettings, read_field
from nerfkit.fields.hash_grid import HashLayout
from nerfkit.fields.objectness_grid import ObjectnessGrid
from nerfkit.files import read_json, read_mask, write_mask
from nerfkit.objectives.objectness import Objectness
from nerfkit.rays import PixelBank, view_rays
from nerfkit.segmentation.refinement import RefinementSettings, mask_surroundings, refinement

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
    (root / "propagation" / "masks").mkdir(parents=True)
    truth = {}
    for number, view in enumerate(views):
        mask = truth[view.name] = analytic.shoot(view.world_from_cam).ball
        given = np.zeros_like(mask) if number in (2, 7) else mask.copy()
        if number == 4:
            given = np.roll(mask, 5, axis=1)
        if number == 5:
            given[2:9, 2:9] = True
        write_mask(root / "propagation" / "masks" / f"{view.name}.png", given)
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
    assert {p.name for p in (root / "refinement").glob("*.csv")} == {"refinement_1.csv", "refinement_2.csv"}
    assert len(list((root / "refinement" / "confidence").iterdir())) == 10
    assert read_json(root / "refinement" / "refinement.json")["stages"] == 2


def test_nothing_but_empty_masks_is_refused(capture, tmp_path):
    root, truth = capture
    (tmp_path / "masks").mkdir()
    for name, mask in truth.items():
        write_mask(tmp_path / "masks" / f"{name}.png", np.zeros_like(mask))
    with pytest.raises(UserError, match="is empty"):
        refinement(root / "photos", root / "sfm", tmp_path, root / "field", tmp_path / "out", QUICK, seed=0)


def test_labels_leave_the_scene_alone(capture):
    """The frozen field is bit for bit what it was, and its density grid too."""
    root, _ = capture
    scene = read_field(root / "field" / "field.safetensors")
    before = {name: value.clone() for name, value in scene.state_dict().items()}
    model = ObjectnessGrid(scene, HashLayout(2, 2, 10, 4, 16))
    bank = PixelBank(analytic.views(root / "photos"))
    terms = Objectness(bank, torch.zeros(len(bank), dtype=torch.bool))(model, 64, 0.0, torch.Generator())
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
