"""The SAM backend with a real, small Segment Anything model, through the real loading code."""

from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch
from clicked import clicks, disc_photo

from nerfkit.errors import UserError
from nerfkit.segmentation.sam import SamSegmenter, best_mask
from nerfkit.torchvision_shim import ensure_torchvision
from nerfkit.weights import WEIGHTS, file_sha256

ensure_torchvision()
from segment_anything import sam_model_registry  # noqa: E402
from segment_anything.build_sam import _build_sam  # noqa: E402

TINY = partial(
    _build_sam,
    encoder_embed_dim=16,
    encoder_depth=1,
    encoder_num_heads=2,
    encoder_global_attn_indexes=[],
)


@pytest.fixture
def store(tmp_path, monkeypatch):
    """A weight store whose vit_b is a small model of the same form with random weights."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    weight = WEIGHTS["sam_vit_b"]
    path = tmp_path / weight.file
    torch.save(TINY().state_dict(), path)
    small = replace(weight, bytes=path.stat().st_size, sha256=file_sha256(path))
    monkeypatch.setitem(WEIGHTS, "sam_vit_b", small)
    monkeypatch.setitem(sam_model_registry, "vit_b", TINY)
    monkeypatch.setenv("NERFKIT_WEIGHTS", str(tmp_path))
    return path


def test_loads_the_checkpoint_and_segments(store):
    segmenter = SamSegmenter("vit_b")
    saved = torch.load(store)
    for name, value in segmenter.predictor.model.state_dict().items():
        torch.testing.assert_close(value, saved[name])
    image, _ = disc_photo()
    marks = clicks([(60, 45), (50, 45)], [(5, 5)], box=(38, 23, 82, 67))
    asked = {}
    predict = segmenter.predictor.predict

    def recorded(**arguments):
        asked.update(arguments)
        return predict(**arguments)

    segmenter.predictor.predict = recorded
    mask = segmenter.segment(image, marks, None)
    assert mask.shape == image.shape[:2]
    assert mask.dtype == bool
    np.testing.assert_array_equal(asked["point_coords"], marks.points - 0.5)
    assert asked["point_labels"].tolist() == [1, 1, 0]
    np.testing.assert_array_equal(asked["box"], [37.5, 22.5, 81.5, 66.5])
    masks, scores, _ = predict(**asked)
    np.testing.assert_array_equal(mask, best_mask(masks, scores, marks))


def test_box_alone(store):
    image, _ = disc_photo()
    mask = SamSegmenter("vit_b").segment(image, clicks(box=(38, 23, 82, 67)), None)
    assert mask.shape == image.shape[:2]


def test_missing_weights_say_what_belongs_where(tmp_path, monkeypatch):
    monkeypatch.setenv("NERFKIT_WEIGHTS", str(tmp_path))
    with pytest.raises(UserError) as error:
        SamSegmenter("vit_b")
    for part in (
        "375,042,383 bytes",
        "sha256 ec2df62732614e57",
        str(tmp_path),
        "source_mask.backend: grabcut",
    ):
        assert part in str(error.value)


def test_best_of_three_then_the_clicked_parts():
    masks = np.zeros((3, 20, 30), bool)
    masks[0] = True
    masks[1, 2:8, 2:8] = masks[1, 2:8, 12:18] = masks[1, 12:18, 2:18] = True
    marks = clicks([(4, 4), (5.5, 14.5)], [(15, 15)])
    best = best_mask(masks, np.array([0.5, 0.9, 0.7]), marks)
    assert best.sum() == 36
    assert best[2:8, 2:8].all()


def test_box_without_positive_clicks_keeps_every_part():
    masks = np.zeros((3, 20, 30), bool)
    masks[2, 2:8, 2:8] = masks[2, 2:8, 12:18] = True
    assert best_mask(masks, np.array([0.1, 0.2, 0.3]), clicks(box=(1, 1, 20, 10))).sum() == 72
