"""The renders stage with fields of a closed form."""

import json

import numpy as np
import pytest
from fake_capture import StripedWall, write_capture

from nerfkit.errors import UserError
from nerfkit.evaluation import renders as module
from nerfkit.evaluation.paint2d import Painter
from nerfkit.evaluation.renders import RendersSettings, chosen_views, renders
from nerfkit.files import read_image, write_mask
from nerfkit.holes import HolesSettings
from nerfkit.inpainting.settings import InpaintingSettings
from nerfkit.rendering import render_view
from nerfkit.scene import read_scene

FIELDS = {"field": StripedWall((0.9, 0.2, 0.1), 2.0), "inpainted": StripedWall((0.1, 0.6, 0.8), 3.0)}


@pytest.fixture
def rendered(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "read_field", FIELDS.__getitem__)

    def run(max_views=24, fill="field", painter=None, **sizes):
        capture = write_capture(tmp_path, **sizes)
        out = tmp_path / "renders"
        renders(
            capture.transforms,
            capture.photos,
            "field",
            out,
            RendersSettings(max_views, fill),
            inpainted_field="inpainted" if fill == "field" else None,
            painter=painter,
        )
        return out, read_scene(capture.transforms, capture.photos)

    return run


def test_every_test_view_is_rendered_with_both_fields(rendered):
    out, scene = rendered()
    listed = json.loads((out / "renders.json").read_text())
    assert [v["name"] for v in listed["views"]] == ["test_00", "test_01"]
    assert listed["stages"] == {"rgb": "inpainted_field", "before": "field"}
    depths = np.load(out / "depth.npz")
    for view in scene.split("test"):
        for image, field in (("rgb", "inpainted"), ("before", "field")):
            expected = render_view(FIELDS[field], view.camera, view.world_from_cam, view.near, view.far)
            written = read_image(out / "test" / view.name / f"{image}.png")
            np.testing.assert_allclose(written / 255, expected.rgb, atol=0.51 / 255)
        np.testing.assert_array_equal(read_image(out / "test" / view.name / "photo.png"), view.image())
        after = render_view(FIELDS["inpainted"], view.camera, view.world_from_cam, view.near, view.far)
        np.testing.assert_array_equal(depths[view.name], after.depth)
        assert depths[view.name].dtype == np.float32
        assert read_image(out / "test" / view.name / "depth.png").shape == (36, 48, 3)
    assert set(np.load(out / "depth_before.npz")) == {"test_00", "test_01"}


def test_a_capture_without_test_views_renders_training_views(rendered):
    out, _ = rendered(max_views=3, test=0)
    listed = json.loads((out / "renders.json").read_text())["views"]
    assert [(v["name"], v["split"]) for v in listed] == [
        ("train_00", "train"),
        ("train_02", "train"),
        ("train_05", "train"),
    ]
    assert (out / "train" / "train_05" / "rgb.png").is_file()


def test_views_are_spread_from_the_first_to_the_last(tmp_path):
    capture = write_capture(tmp_path, train=3, test=10)
    scene = read_scene(capture.transforms, capture.photos)
    assert len(chosen_views(scene, 10)) == 10
    names = [view.name for view in chosen_views(scene, 4)]
    assert names == ["test_00", "test_03", "test_06", "test_09"]


def test_object_nerf_shows_the_object_field_without_its_object(rendered, monkeypatch):
    monkeypatch.setattr(module, "read_object_field", lambda path: FIELDS["inpainted"])
    monkeypatch.setattr(module, "ObjectNerf", lambda field: field)
    out, scene = rendered(fill="object_nerf")
    assert json.loads((out / "renders.json").read_text())["stages"]["rgb"] == "object_field"
    view = scene.split("test")[0]
    after = render_view(FIELDS["inpainted"], view.camera, view.world_from_cam, view.near, view.far)
    np.testing.assert_array_equal(np.load(out / "depth.npz")[view.name], after.depth)


def painter(root):
    return Painter(
        root / "holes", root / "masks", HolesSettings(dilation=0.05, closing=0), InpaintingSettings()
    )


def test_the_2d_baseline_fills_the_widened_mask_of_the_scene_fields_render(rendered, tmp_path):
    mask = np.zeros((72, 96), bool)  # of twice the photos' size
    mask[24:48, 36:60] = True
    (tmp_path / "masks").mkdir()
    for name in ("test_00", "test_01"):
        write_mask(tmp_path / "masks" / f"{name}.png", mask)
    out, _ = rendered(fill="inpaint_2d", painter=painter(tmp_path))
    listed = json.loads((out / "renders.json").read_text())
    assert listed["stages"] == {"rgb": "renders", "before": "field"}
    before, after = (read_image(out / "test/test_00" / f"{image}.png") for image in ("before", "rgb"))
    rows, columns = np.nonzero((before != after).any(axis=2))
    assert rows.min() >= 10  # the mask's 12..23 and 18..29, dilated by 2 px of 48
    assert rows.max() <= 25
    assert columns.min() >= 16
    assert columns.max() <= 31
    assert len(rows) > 0.5 * 12 * 12
    assert (
        after[..., 0].mean() > 3 * after[..., 2].mean()
    )  # the scene field's red, not the inpainted one's blue


def test_the_2d_baseline_fills_the_holes_of_training_views(rendered, tmp_path):
    (tmp_path / "holes/holes").mkdir(parents=True)
    hole = np.zeros((36, 48), bool)
    hole[10:20, 10:20] = True
    for k in range(6):
        write_mask(tmp_path / f"holes/holes/train_{k:02d}.png", hole)
    out, _ = rendered(fill="inpaint_2d", painter=painter(tmp_path), test=0)
    before, after = (read_image(out / "train/train_03" / f"{image}.png") for image in ("before", "rgb"))
    assert (before[~hole] == after[~hole]).all()
    assert (before[hole] != after[hole]).any()


def test_a_test_view_without_a_mask_cannot_be_filled_in_2d(rendered, tmp_path):
    with pytest.raises(UserError, match=r"test photo test_00: put a mask into test/masks/test_00\.png"):
        rendered(fill="inpaint_2d", painter=painter(tmp_path))


def test_an_unknown_fill_is_answered_with_those_there_are(rendered):
    with pytest.raises(UserError, match=r"renders\.fill is 'lama'; choose one of field, inpaint_2d"):
        rendered(fill="lama")
