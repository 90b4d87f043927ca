"""The stage from clicks to masks: what it writes, what it refuses."""

import dataclasses

import numpy as np
import pytest
from clicked import clicks, disc_photo, iou, photo

from nerfkit.errors import UserError
from nerfkit.files import read_json, read_mask, write_image, write_json
from nerfkit.segmentation.source_mask import SourceMaskSettings, refuse_contradiction, source_mask

SETTINGS = SourceMaskSettings()


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
    """Run the stage on objects given as (name, [(photo, wanted, unwanted)])."""
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
    source_mask(root / "photos", root / "prompts.json", root / "source_mask", settings)
    return {path.stem: read_mask(path) for path in (root / "source_mask" / "masks").iterdir()}


def test_every_clicked_photo_gets_its_mask(capture):
    root, truth = capture
    masks = run(root, ("disc", [("a", [(40, 40)], [(95, 60)]), ("b", [(60, 45)], [])]))
    assert {name: iou(masks[name], truth[name]) > 0.93 for name in truth} == {"a": True, "b": True}
    manifest = read_json(root / "source_mask" / "source_mask.json")
    assert manifest["made_by"] == "grabcut (embedded)"
    (kept,) = manifest["views"]["a"]
    assert kept["points"] == [[40.5, 40.5], [95.5, 60.5]]
    assert kept["labels"] == [1, 0]
    assert kept["pixels"] == masks["a"].sum()


def test_a_photos_mask_is_the_union_of_its_objects(capture):
    root, truth = capture
    left, right = ("left", [("a", [(40, 40)], [(95, 60)])]), ("right", [("a", [(95, 60)], [(40, 40)])])
    both = run(root, left, right)["a"]
    np.testing.assert_array_equal(both, run(root, left)["a"] | run(root, right)["a"])
    assert both.sum() > 1.8 * truth["a"].sum()


def test_clicks_that_contradict_each_other_are_refused(capture):
    root, _ = capture
    with pytest.raises(UserError, match=r"'disc' in b.jpg contradict each other.*\(60, 45\)"):
        run(root, ("disc", [("b", [(60, 45)], [(60, 45)])]))
    assert not (root / "source_mask").exists()


def test_neighbouring_clicks_are_no_contradiction():
    refuse_contradiction(clicks([(60.5, 45.5)], [(61.5, 45.5)]), (90, 120), "here")


def test_sam_without_its_weights_says_what_is_missing(capture, monkeypatch, tmp_path):
    monkeypatch.setenv("NERFKIT_WEIGHTS", str(tmp_path / "store"))
    with pytest.raises(UserError, match=r"sam_vit_b") as caught:
        run(capture[0], ("disc", [("b", [(60, 45)], [])]), settings=SourceMaskSettings("sam", "vit_b"))
    assert "grabcut" in str(caught.value)
    assert not (capture[0] / "source_mask").exists()
