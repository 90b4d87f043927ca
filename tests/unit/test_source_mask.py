"""The stage from clicks to masks: what it writes, what it refuses."""

import dataclasses

import analytic
import numpy as np
import pytest
from clicked import disc_photo, iou, photo

from nerfkit.clicks import clicks as clicks_stage
from nerfkit.errors import UserError
from nerfkit.files import read_json, read_mask, write_image, write_json
from nerfkit.segmentation.grabcut import GrabCutSegmenter
from nerfkit.segmentation.object_masks import read_object_masks
from nerfkit.segmentation.source_mask import SourceMaskSettings, source_mask

SETTINGS = SourceMaskSettings(geometry=False)


@pytest.fixture
def capture(tmp_path):
    """Two photos of a disc at different places, the first with a second disc beside it; the first discs."""
    (tmp_path / "photos" / "images").mkdir(parents=True)
    truth = {}
    for name, centre, twin in (("a", (40, 40), (95, 60)), ("b", (60, 45), None)):
        image, truth[name] = disc_photo(centre, twin=twin)
        write_image(tmp_path / "photos" / "images" / f"{name}.png", image)
    records = [dataclasses.asdict(photo(name)) for name in truth]
    write_json(tmp_path / "photos" / "photos.json", {"source": "photos", "photos": records})
    return tmp_path, truth


def run(root, *objects, settings=SETTINGS):
    """Run clicks and source_mask on objects given as (name, [(photo, wanted, unwanted)])."""
    entries = [
        {
            "name": name,
            "clicks": [
                {"image": f"{at}.jpg", "points": [*yes, *no], "labels": [1] * len(yes) + [0] * len(no)}
                for at, yes, no in views
            ],
        }
        for name, views in objects
    ]
    write_json(root / "prompts.json", {"objects": entries})
    clicks_stage(root / "photos", root / "prompts.json", root / "clicks")
    folders = (root / "photos", root / "clicks", root / "sfm", root / "depth", root / "source_mask")
    source_mask(*folders, settings)
    return {path.stem: read_mask(path) for path in (root / "source_mask" / "masks").iterdir()}


def test_every_clicked_photo_gets_its_mask(capture):
    root, truth = capture
    masks = run(root, ("disc", [("a", [(40, 40)], [(95, 60)]), ("b", [(60, 45)], [])]))
    assert {name: iou(masks[name], truth[name]) > 0.93 for name in truth} == {"a": True, "b": True}
    manifest = read_json(root / "source_mask" / "source_mask.json")
    assert manifest["made_by"] == "grabcut (embedded)"
    assert manifest["objects"] == {"disc": ["a", "b"]}
    assert manifest["geometry"] == []


def test_each_object_has_its_own_masks_and_others_clicks_lie_beside_it(capture):
    """Neither twin has a negative click of its own: the other's positive one keeps them apart."""
    root, truth = capture
    both = run(root, ("left", [("a", [(40, 40)], [])]), ("right", [("a", [(95, 60)], [])]))["a"]
    masks = read_object_masks(root / "source_mask")
    assert iou(masks["left"]["a"], truth["a"]) > 0.93
    assert not (masks["left"]["a"] & masks["right"]["a"]).any()
    np.testing.assert_array_equal(both, masks["left"]["a"] | masks["right"]["a"])


def test_the_scene_fields_surfaces_are_seen(tmp_path, monkeypatch):
    """The segmenter is given the surface behind every pixel in camera axes, and the other photos."""
    views = analytic.write_capture(tmp_path, count=4)
    size = analytic.LENS.width, analytic.LENS.height
    records = [
        dataclasses.asdict(dataclasses.replace(photo(view.name), stored_size=size, size=size))
        for view in views
    ]
    write_json(tmp_path / "photos" / "photos.json", {"source": "photos", "photos": records})
    (tmp_path / "depth").mkdir()
    depths = {view.name: analytic.shoot(view.world_from_cam).depth for view in views}
    np.savez(tmp_path / "depth" / "depth.npz", **depths)
    seen = {}

    def segment(self, image, clicks, points, parallax):
        seen.update(points=points, parallax=parallax)
        return points[..., 2] > 0

    monkeypatch.setattr(GrabCutSegmenter, "segment", segment)
    ball = analytic.shoot(views[1].world_from_cam).ball
    row, column = (int(v) for v in np.argwhere(ball).mean(axis=0))
    run(tmp_path, ("ball", [("v01", [(column, row)], [])]), settings=SourceMaskSettings())
    truth = analytic.shoot(views[1].world_from_cam).depth
    assert np.median(np.abs(seen["points"][..., 2] / truth - 1)) < 1e-6
    x, y = views[1].camera.project(seen["points"][row, column][None])[0]
    assert (int(x), int(y)) == (column, row)
    assert seen["parallax"].view.name == "v01"
    assert [view.name for view, _ in seen["parallax"].photos] == [view.name for view in views]
    assert read_json(tmp_path / "source_mask" / "source_mask.json")["geometry"] == ["v01"]


def test_sam_without_its_weights_says_what_is_missing(capture, monkeypatch, tmp_path):
    monkeypatch.setenv("NERFKIT_WEIGHTS", str(tmp_path / "store"))
    with pytest.raises(UserError, match=r"sam_vit_b") as caught:
        run(capture[0], ("disc", [("b", [(60, 45)], [])]), settings=SourceMaskSettings("sam", "vit_b"))
    assert "grabcut" in str(caught.value)
    assert not (capture[0] / "source_mask").exists()
