"""The stages of the extraction on the analytic capture: the ball alone."""

from dataclasses import asdict, replace

import analytic
import numpy as np
import pytest
import torch
from clicked import photo
from PIL import Image

from nerfkit.depth import depth
from nerfkit.errors import UserError
from nerfkit.extraction.cutouts import CutoutsSettings, cutouts, rendered, view_rays_of
from nerfkit.extraction.object_field import ObjectFieldSettings, chosen_texts, object_field
from nerfkit.field import field
from nerfkit.fields.object_field import read_object_field
from nerfkit.fields.object_nerf import ObjectNerf
from nerfkit.fields.settings import FieldSettings
from nerfkit.files import read_json, write_json, write_mask
from nerfkit.rendering import render_rays, render_view

QUICK = ObjectFieldSettings(steps=120, rays_start=512, rays_end=512)


@pytest.fixture(scope="module")
def capture(tmp_path_factory):
    """Photos, poses, a trained scene field, its depths and exact masks."""
    root = tmp_path_factory.mktemp("extraction")
    views = analytic.write_capture(root)
    small = FieldSettings(table_log2=12, finest=64, samples=16, steps=500, rays_start=256, rays_end=256)
    settings = replace(small, distortion=0)  # labels reach no deeper than a surface without any fog
    field(root / "photos", root / "sfm", root / "field", settings, seed=0)
    depth(root / "photos", root / "sfm", root / "field", root / "depth")
    (root / "holes/masks").mkdir(parents=True)
    for view in views:
        shot = analytic.shoot(view.world_from_cam)
        write_mask(root / "holes/masks" / f"{view.name}.png", shot.ball)
    (root / "clicks").mkdir()
    size = (analytic.LENS.width, analytic.LENS.height)
    records = [asdict(replace(photo(name), size=size)) for name in ("lost", *(view.name for view in views))]
    write_json(root / "photos/photos.json", {"source": "photos", "photos": records})
    write_json(root / "clicks/clicks.json", {"objects": [clicked_ball(), clicked_wall()]})
    return root


def clicked_ball():
    """What the clicks stage writes of one click on the ball, two beside it, and one in a photo without a
    pose."""
    ball = {"photo": "v04", "points": [[24.5, 17.5], [12.5, 33.5], [36.5, 33.5]]}
    lost = {"photo": "lost", "points": [[3.5, 3.5]], "labels": [1], "box": None}
    return {
        "name": "ball",
        "text": "a red ball",
        "clicks": [{**ball, "labels": [1, 0, 0], "box": None}, lost],
    }


def clicked_wall():
    """The same of another thing, which is not extracted."""
    view = {"photo": "v05", "points": [[30.5, 3.5]], "labels": [1], "box": None}
    return {"name": "wall", "text": None, "clicks": [view]}


def extract(root, settings, out="object_field", without=(), objects="all"):
    names = ("photos", "sfm", "field", "depth", "holes", "clicks", out)
    folders = [None if name in without else root / name for name in names]
    object_field(*folders, settings, seed=0, objects=objects)
    return read_object_field(root / out / "object_field.safetensors")


def test_the_ball_stands_alone_and_its_place_is_empty(capture):
    model = extract(capture, QUICK)
    assert np.linalg.norm(model.box.centre) < 0.2
    cutouts(
        capture / "sfm/transforms.json",
        capture / "photos",
        capture / "object_field/object_field.safetensors",
        capture / "cutouts",
        CutoutsSettings(max_views=3, frames=3, size=48),
    )
    listed = read_json(capture / "cutouts/cutouts.json")["views"]
    assert [view["name"] for view in listed] == ["v00", "v04", "v09"]
    for view, angle in zip(listed, analytic.angles(10)[[0, 4, 9]], strict=True):
        shot = analytic.shoot(analytic.pose(angle))
        picture = np.asarray(Image.open(capture / "cutouts/rgba" / f"{view['name']}.png"))
        shown = picture[..., 3] > 127
        # a short training leaves a soft rim: half a pixel around is a tenth of a ball of 17 pixels
        assert (shown & shot.ball).sum() / shot.ball.sum() > 0.65
        assert (shown & ~shot.ball).sum() < 0.02 * shot.ball.sum()
        assert np.abs(picture[..., :3].astype(int) - shot.rgb)[shown & shot.ball].mean() < 30
    for name in ("orbit.mp4", "around.png", "steps.png", "white", "black"):
        assert (capture / "cutouts" / name).exists()
    manifest = read_json(capture / "object_field/object_field.json")
    assert manifest["completion"]["voxels"] > 0
    assert manifest["completion"]["prior"].startswith("none")


def test_without_the_density_of_the_ball_what_it_hid_is_shown(capture):
    model = extract(capture, replace(QUICK, edges=False, opacity=0.1))  # as the run object_nerf has it
    view = analytic.views(capture / "photos")[4]
    shot, bare = (analytic.shoot(view.world_from_cam, ball=ball) for ball in (True, False))
    asked = (view.camera, view.world_from_cam, view.near, view.far)
    scene, rest = (render_view(field, *asked) for field in (model.scene_field, ObjectNerf(model)))
    off = [np.abs(255 * found.rgb - bare.rgb).mean(axis=2) for found in (scene, rest)]
    assert off[1][shot.ball].mean() < 0.4 * off[0][shot.ball].mean()
    assert off[1][~shot.ball].mean() < off[0][~shot.ball].mean() + 2
    np.testing.assert_allclose(np.median(rest.depth[shot.ball] / bare.depth[shot.ball]), 1, atol=0.05)


def test_cutouts_of_the_scene_show_all_that_the_field_holds(capture):
    model = extract(capture, QUICK)
    rays = view_rays_of(analytic.views(capture / "photos")[4])
    whole = rendered(model, rays, CutoutsSettings(of="scene"))
    scene = render_rays(model.scene_field, rays)
    assert torch.equal(whole.rgb, scene.rgb)
    assert torch.equal(whole.accumulation, scene.accumulation)
    alone = rendered(model, rays, CutoutsSettings())
    assert float(alone.accumulation.mean()) < 0.5 * float(whole.accumulation.mean())


def test_few_labels_are_spread_over_the_ball(capture):
    few = extract(capture, replace(QUICK, labels=8, spread=True), "few")
    whole = extract(capture, QUICK, "all")
    manifest = read_json(capture / "few/object_field.json")
    assert manifest["labels"] == 8
    assert manifest["learnt_from"] > 1000
    np.testing.assert_allclose(few.box.centre, whole.box.centre, atol=0.15)


def test_clicks_find_the_ball_without_any_mask(capture, caplog):
    settings = replace(QUICK, labels_from="prompts")
    with caplog.at_level("WARNING", "nerfkit"):
        model = extract(capture, settings, "clicked", without=("holes",), objects="ball")
    assert "clicks of 'ball' are left out, no pose is known: lost.jpg" in caplog.text
    manifest = read_json(capture / "clicked/object_field.json")
    assert (manifest["labels_from"], manifest["labels"]) == ("prompts", 4)
    for number in (1, 4, 8):
        view = analytic.views(capture / "photos")[number]
        ball = analytic.shoot(view.world_from_cam).ball
        part = rendered(model, view_rays_of(view), CutoutsSettings())
        shown = (part.accumulation > 0.5).reshape(ball.shape).numpy()
        assert (shown & ball).sum() / ball.sum() > 0.6
        # half a pixel all around is a tenth of a ball of 17 pixels
        assert (shown & ~ball).sum() < 0.15 * ball.sum()


def test_clicks_alone_need_no_spreading_but_tell_no_surface_to_close(capture):
    alone = replace(QUICK, steps=5, labels_from="prompts", spread=False)
    with pytest.raises(
        UserError, match=r"set object_field\.completion: false, or object_field\.spread: auto"
    ):
        extract(capture, alone, "alone", without=("holes",), objects="ball")
    model = extract(capture, replace(alone, completion=False), "alone", without=("holes",), objects="ball")
    assert read_json(capture / "alone/object_field.json")["learnt_from"] == 4
    assert np.linalg.norm(model.box.centre) < 0.5 * model.box.side


def test_the_text_is_that_of_the_chosen_objects(capture):
    for chosen in ("all", "ball", ["ball", "wall"]):
        assert chosen_texts(capture / "clicks", chosen) == ["a red ball"]
    assert chosen_texts(capture / "clicks", ["wall"]) == []


def test_text_without_weights_is_refused_before_anything_is_trained(capture, monkeypatch, tmp_path):
    monkeypatch.setenv("NERFKIT_WEIGHTS", str(tmp_path))
    with pytest.raises(UserError, match=r"clip_vit_b_32' are missing"):
        extract(capture, ObjectFieldSettings(clip_weight=1.0), "with_text")
    assert not (capture / "with_text").exists()
