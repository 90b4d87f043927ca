"""The object goes, the place stays; each term of the objective does its own work and no other's."""

import dataclasses

import analytic
import numpy as np
import pytest
import torch

from nerfkit.errors import UserError
from nerfkit.fields import FieldSettings, make_field, read_field
from nerfkit.files import read_json, write_image, write_json, write_mask
from nerfkit.inpainted_field import (
    InpaintedFieldSettings,
    hole_disparity,
    inpainted_field,
    read_filled,
    reference_colour,
    removal_objective,
)
from nerfkit.objectives.parts import due
from nerfkit.objectives.removal import PatchBank
from nerfkit.rays import PixelBank
from nerfkit.rendering import render_view
from nerfkit.scene import read_scene

SCENE = FieldSettings(table_log2=12, finest=64, samples=16)
QUICK = InpaintedFieldSettings(steps=400, rays_start=256, rays_end=256, patch=12, radius=2)


@pytest.fixture(scope="module")
def capture(tmp_path_factory):
    """A capture with holes at the ball and perfect fills."""
    root = tmp_path_factory.mktemp("removal")
    views = analytic.write_capture(root)
    for folder in ("holes/holes", "inpainting/images", "inpainting/filled"):
        (root / folder).mkdir(parents=True)
    disparity = {}
    for view in views:
        shot, bare = (analytic.shoot(view.world_from_cam, ball=ball) for ball in (True, False))
        write_mask(root / "holes" / "holes" / f"{view.name}.png", shot.ball)
        write_mask(root / "inpainting" / "filled" / f"{view.name}.png", shot.ball)
        write_image(root / "inpainting" / "images" / f"{view.name}.png", bare.rgb)
        disparity[view.name] = (analytic.NEAR / bare.depth).astype(np.float32)
    np.savez(root / "inpainting" / "disparity.npz", **disparity)
    write_json(root / "inpainting" / "inpainting.json", {"reference": "v04"})
    return root


def loaded(root):
    scene = read_scene(root / "sfm" / "transforms.json", root / "photos")
    return scene, read_filled(scene, root / "holes", root / "inpainting")


def run(root, settings, out="inpainted_field"):
    folders = [root / name for name in ("photos", "sfm", "holes", "inpainting", out)]
    inpainted_field(*folders, settings, SCENE, seed=0)
    return read_field(root / out / "inpainted_field.safetensors")


def test_the_ball_is_gone_and_the_place_is_behind_it(capture):
    model = run(capture, QUICK)
    pose = analytic.pose(0.15)
    shot, bare = analytic.shoot(pose), analytic.shoot(pose, ball=False)
    got = render_view(model, analytic.LENS, pose, analytic.NEAR, analytic.FAR)
    in_hole = np.square(got.rgb - bare.rgb / 255)[shot.ball].mean()
    with_ball = np.square(shot.rgb / 255 - bare.rgb / 255)[shot.ball].mean()
    assert in_hole < 0.2 * with_ball
    assert np.median(np.abs(got.depth - bare.depth)[shot.ball] / bare.depth[shot.ball]) < 0.08
    manifest = read_json(capture / "inpainted_field" / "inpainted_field.json")
    assert manifest["terms"] == [
        "diffuse",
        "disparity",
        "distortion",
        "flatness",
        "hole_distortion",
        "perceptual",
        "reference",
        "rgb",
        "sparse_depth",
    ]


def test_terms_are_left_out_by_their_settings(capture):
    scene, filled = loaded(capture)
    none = {
        "disparity": 0,
        "sparse_depth": 0,
        "flatness": 0,
        "distortion": 0,
        "reference": "none",
        "perceptual": "none",
    }
    bare = dataclasses.replace(QUICK, **none)
    objective = removal_objective(scene, filled, capture / "sfm" / "sparse_depth.npz", bare)
    terms = objective(make_field(SCENE, 0), 64, 0.9, torch.Generator())
    assert set(terms) == {"rgb", "diffuse"}


def test_outside_rays_never_touch_a_hole(capture):
    scene, filled = loaded(capture)
    objective = removal_objective(scene, filled, capture / "sfm" / "sparse_depth.npz", QUICK)
    photometric = objective.photometric
    drawn = photometric.pixels.draw(5000, torch.Generator().manual_seed(0), photometric.allowed)
    holes = torch.from_numpy(np.concatenate([hole.ravel() for hole in filled.holes]))
    assert not holes[drawn].any()
    assert holes[objective.perceptual.patches.centres].all()
    assert holes[objective.reference.index].all()


def test_reference_colours_are_those_of_the_named_views(capture):
    _, filled = loaded(capture)
    size = filled.holes[0].size
    auto = reference_colour(filled, QUICK)
    assert set((auto.index // size).tolist()) == {4}
    everything = reference_colour(filled, dataclasses.replace(QUICK, reference="all"))
    assert len(everything.index) == sum(hole.sum() for hole in filled.holes)
    assert reference_colour(filled, dataclasses.replace(QUICK, reference="none")) is None
    with pytest.raises(UserError, match=r"reference: v99 is no training view; choose auto, none, all"):
        reference_colour(filled, dataclasses.replace(QUICK, reference="v99"))


def test_disparity_covers_the_hole_and_its_ring(capture):
    _, filled = loaded(capture)
    bare = hole_disparity(filled, dataclasses.replace(QUICK, ring=0.0))
    ringed = hole_disparity(filled, dataclasses.replace(QUICK, ring=0.05))
    assert set(bare.index.tolist()) < set(ringed.index.tolist())
    assert len(bare.index) == sum(hole.sum() for hole in filled.holes)
    flat = np.concatenate([d.ravel() for d in filled.disparities])
    np.testing.assert_array_equal(ringed.values, flat[ringed.index])


@pytest.mark.parametrize("geometry", [True, False])
def test_colour_in_the_hole_moves_the_geometry_only_if_asked(capture, geometry):
    scene, filled = loaded(capture)
    settings = dataclasses.replace(QUICK, geometry=geometry, perceptual_every=1)
    objective = removal_objective(scene, filled, capture / "sfm" / "sparse_depth.npz", settings)
    model = make_field(SCENE, 0)
    generator = torch.Generator().manual_seed(0)
    terms = objective(model, 64, 0.9, generator)
    (terms["reference"] + terms["perceptual"]).backward()
    moved = model.column_weight.grad[0].abs().max()
    assert (moved > 0) == geometry
    assert model.column_weight.grad[1:].abs().max() > 0


def test_patches_are_cut_where_they_say(capture):
    _, filled = loaded(capture)
    pixels = PixelBank(filled.views)
    bank = PatchBank(pixels, filled.images, filled.holes, size=12, margin=3)
    generator = torch.Generator().manual_seed(1)
    for _ in range(20):
        patch = bank.draw(generator)
        inner = patch.target[0, :, 3:-3, 3:-3].permute(1, 2, 0).reshape(-1, 3)
        flat = np.concatenate([image.reshape(-1, 3) for image in filled.images])
        np.testing.assert_allclose(inner.numpy(), flat[patch.index.numpy()] / 255, atol=1e-6)
        holes = np.concatenate([hole.ravel() for hole in filled.holes])
        np.testing.assert_array_equal(patch.weight.flatten().numpy() > 0, holes[patch.index.numpy()])
        assert patch.weight.sum() > 0


def test_the_perceptual_term_starts_late_and_comes_now_and_then(capture):
    scene, filled = loaded(capture)
    settings = dataclasses.replace(QUICK, perceptual_start=0.5, perceptual_every=4)
    term = removal_objective(scene, filled, capture / "sfm" / "sparse_depth.npz", settings).perceptual
    generator = torch.Generator().manual_seed(0)
    assert not any(due(term.every, term.start, 0.4, generator) for _ in range(50))
    assert sum(due(term.every, term.start, 0.6, generator) for _ in range(2000)) == pytest.approx(500, abs=60)


def test_holes_everywhere_or_nowhere_are_refused(capture, tmp_path):
    for name, value in (("full", True), ("empty", False)):
        (tmp_path / name / "holes").mkdir(parents=True)
        for view in analytic.views(capture / "photos"):
            write_mask(tmp_path / name / "holes" / f"{view.name}.png", np.full((36, 48), value))
        with pytest.raises(UserError, match="check the masks"):
            inpainted_field(
                capture / "photos", capture / "sfm", tmp_path / name, capture / "inpainting",
                tmp_path / "out", QUICK, SCENE, seed=0,
            )  # fmt: skip


@pytest.mark.parametrize("seen", [True, False])
def test_what_other_photos_show_of_a_hole_counts_like_a_photo_or_not_at_all(capture, seen):
    scene, filled = loaded(capture)
    parts = [hole & (np.indices(hole.shape)[0] > 20) for hole in filled.holes]
    settings = dataclasses.replace(QUICK, seen=seen)
    partly = dataclasses.replace(filled, parts=parts)
    bank = removal_objective(scene, partly, capture / "sfm" / "sparse_depth.npz", settings).photometric
    allowed = bank.allowed.numpy()
    unknown = np.concatenate([mask.ravel() for mask in (parts if seen else filled.holes)])
    np.testing.assert_array_equal(allowed, ~unknown)
    wanted = filled.images if seen else [view.image() for view in scene.train]
    wanted = np.concatenate([image.reshape(-1, 3) for image in wanted])
    np.testing.assert_array_equal(bank.pixels.rgb.numpy()[allowed], wanted[allowed])
