"""The ceiling: each photo without the object rendered by a field that has not seen it."""

import analytic
import numpy as np
import pytest

from nerfkit.errors import UserError
from nerfkit.evaluation.renders import RendersSettings, renders
from nerfkit.field import field
from nerfkit.fields import FieldSettings
from nerfkit.files import read_image, read_json, write_image, write_json
from nerfkit.reference_field import reference_field

FIELD = FieldSettings(table_log2=12, finest=64, samples=16, rays_start=256, rays_end=256, steps=300)


@pytest.fixture(scope="module")
def capture(tmp_path_factory):
    """Ten training photos with the ball, and the same ten poses as test photos without it."""
    root = tmp_path_factory.mktemp("reference")
    views = analytic.write_capture(root)
    transforms = read_json(root / "sfm" / "transforms.json")
    (root / "photos" / "test").mkdir()
    tests, rng, sparse = [], np.random.default_rng(1), {}
    for frame, view in zip(list(transforms["frames"]), views, strict=True):
        name = f"t{view.name[1:]}"
        shot = analytic.shoot(view.world_from_cam, ball=False)
        write_image(root / "photos" / "test" / f"{name}.png", shot.rgb)
        sparse |= analytic.sparse_depth(name, shot.depth, rng)
        tests.append({**frame, "file_path": f"test/{name}.png", "split": "test"})
    np.savez(root / "sfm" / "test_depth.npz", **sparse)
    write_json(root / "sfm" / "transforms.json", {**transforms, "frames": transforms["frames"] + tests})
    return root, views


def test_it_shows_the_place_and_never_the_view_it_learnt(capture, monkeypatch):
    root, views = capture
    learnt = {}

    def watched(bank, *arguments, **named):
        learnt[len(learnt)] = [view.name for view in bank]
        return real(bank, *arguments, **named)

    from nerfkit import reference_field as module

    real = module.PixelBank
    monkeypatch.setattr(module, "PixelBank", watched)
    reference_field(root / "photos", root / "sfm", root / "reference_field", FIELD, seed=0)
    names = [f"t{k:02d}" for k in range(10)]
    assert learnt == {0: names, 1: names[::2], 2: names[1::2]}
    out = root / "reference_field"
    errors = {"truth": [], "held_out": []}
    with np.load(out / "depth.npz") as depths:
        assert sorted(depths) == names
        for name, view in zip(names, views, strict=True):
            bare = analytic.shoot(view.world_from_cam, ball=False)
            assert depths[name].shape == bare.depth.shape
            for kind, found in errors.items():
                image = read_image(out / kind / f"{name}.png")
                found.append(np.abs(image.astype(float) - bare.rgb).mean())
    assert np.mean(errors["truth"]) < np.mean(errors["held_out"]) < 25
    assert {path.stem for path in (out / "curves").iterdir()} == {"all", "even", "odd"}


@pytest.mark.parametrize(("views", "learnt"), [(0, 10), (4, 4), (50, 10)])
def test_a_scene_field_learns_from_as_many_views_as_asked_for(capture, tmp_path, views, learnt):
    root, _ = capture
    quick = FieldSettings(
        table_log2=12, finest=64, samples=16, rays_start=64, rays_end=64, steps=2, views=views
    )
    field(root / "photos", root / "sfm", tmp_path / "field", quick, seed=0)
    assert read_json(tmp_path / "field" / "field.json")["views"] == learnt


def test_renders_take_what_the_halves_had_not_learnt(capture, tmp_path):
    root, _ = capture
    quick = FieldSettings(table_log2=12, finest=64, samples=16, rays_start=64, rays_end=64, steps=2)
    field(root / "photos", root / "sfm", tmp_path / "field", quick, seed=0)
    reference_field(root / "photos", root / "sfm", tmp_path / "reference_field", quick, seed=0)
    scene_field = tmp_path / "field" / "field.safetensors"
    renders(
        root / "sfm" / "transforms.json",
        root / "photos",
        scene_field,
        tmp_path / "renders",
        RendersSettings(fill="reference"),
        reference=tmp_path / "reference_field",
    )
    held_out = read_image(tmp_path / "reference_field" / "held_out" / "t03.png")
    np.testing.assert_array_equal(read_image(tmp_path / "renders" / "test" / "t03" / "rgb.png"), held_out)
    assert read_json(tmp_path / "renders" / "renders.json")["stages"]["rgb"] == "reference_field"


def test_too_few_photos_without_the_object(tmp_path):
    analytic.write_capture(tmp_path)
    with pytest.raises(
        UserError, match="at least 6 registered photos without the object in test/images; there are 0"
    ):
        reference_field(tmp_path / "photos", tmp_path / "sfm", tmp_path / "out", FIELD, seed=0)
    assert not (tmp_path / "out").exists()
