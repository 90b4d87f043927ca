"""The real loading code of LaMa on a small scripted model of the same form, made here."""

import os

import numpy as np
import pytest
import torch

from nerfkit.errors import UserError
from nerfkit.inpainting.guide import Guide
from nerfkit.inpainting.inpainter import make_inpainter
from nerfkit.inpainting.lama import LamaInpainter
from nerfkit.inpainting.settings import InpaintingSettings


class Stripes(torch.nn.Module):
    """Keeps the picture and paints the hole with the mean of the picture and the column over 1000."""

    def forward(self, image: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        assert image.size(2) % 8 == 0
        assert image.size(3) % 8 == 0
        assert mask.size(1) == 1
        known = image * (1 - mask)
        mean = known.sum(dim=(2, 3), keepdim=True) / (1 - mask).sum()
        column = torch.arange(image.size(3), dtype=image.dtype) / 1000.0
        return known + mask * (mean + column)


@pytest.fixture
def model(tmp_path):
    """The path of the scripted model."""
    torch.set_num_threads(1)
    path = tmp_path / "stand-in.pt"
    torch.jit.script(Stripes()).save(str(path))
    return path


def picture(height, width):
    rng = np.random.default_rng(0)
    hole = np.zeros((height, width), bool)
    hole[height // 3 : height // 2, width // 4 : width // 2] = True
    return rng.integers(0, 255, (height, width, 3), np.uint8), hole


def test_padding_to_multiples_of_eight_is_cropped(model):
    photo, hole = picture(301, 403)
    before = os.environ.get("LAMA_MODEL")
    lama = make_inpainter(InpaintingSettings(backend="lama", lama_weights=str(model)), seed=0)
    assert os.environ.get("LAMA_MODEL") == before
    filled = lama.fill(photo, hole)
    assert filled.shape == (301, 403, 3)
    assert filled.dtype == np.uint8
    assert np.array_equal(filled[~hole], photo[~hole])
    padded = np.pad(photo, ((0, 3), (0, 5), (0, 0)), mode="symmetric") / 255
    padded_hole = np.pad(hole, ((0, 3), (0, 5)), mode="symmetric")
    columns = np.arange(403)[None, :, None] / 1000
    expected = np.broadcast_to(padded[~padded_hole].mean(axis=0) + columns, photo.shape)
    np.testing.assert_allclose(filled[hole], 255 * expected[hole], atol=1)


def test_disparity_goes_through_the_model_as_floats(model):
    height, width = 61, 83
    y, x = np.mgrid[:height, :width]
    xy = np.stack([x / width - 0.5, y / height - 0.5], axis=-1)
    disparity = (0.5 + 0.2 * xy[..., 1] + 1e-4 * np.sin(x / 2)).astype(np.float32)
    hole = picture(height, width)[1]
    lama = LamaInpainter(str(model))
    filled = lama.fill_disparity(Guide(disparity, None, xy), hole)
    assert np.array_equal(filled[~hole], disparity[~hole])
    assert np.abs(filled - disparity)[hole].max() < 5e-4
    steps = np.diff(filled - (0.5 + 0.2 * xy[..., 1]), axis=1)[hole[:, 1:] & hole[:, :-1]]
    # The stand-in's ramp of 1/1000 a column, in units of the departure's range of 2e-4: far below 1/255.
    np.testing.assert_allclose(steps, 2e-4 / 1000, atol=1.5e-7)


def test_disparity_is_clamped_to_the_rim(model):
    height, width = 61, 83
    xy = np.stack(np.meshgrid(np.linspace(-1, 1, width), np.linspace(-1, 1, height)), axis=-1)
    disparity = np.full((height, width), 0.3, np.float32)
    disparity[:5] = 1.0  # something near, far from the hole, that the stand-in's mean leans towards
    hole = picture(height, width)[1]
    filled = LamaInpainter(str(model)).fill_disparity(Guide(disparity, None, xy), hole)
    assert np.abs(filled[hole] - 0.3).max() <= 0.02 * 0.3 + 1e-6


def test_missing_weights_are_one_sentence(tmp_path, monkeypatch):
    monkeypatch.setenv("NERFKIT_WEIGHTS", str(tmp_path))
    with pytest.raises(UserError, match=r"big-lama.pt must hold 205,803,670 bytes.*backend: exemplar"):
        make_inpainter(InpaintingSettings(backend="lama"), seed=0)
    with pytest.raises(UserError, match=r"lama_weights: 'nowhere\.pt' is neither"):
        LamaInpainter("nowhere.pt")
    with pytest.raises(UserError, match="'magic' is none of exemplar, lama"):
        make_inpainter(InpaintingSettings(backend="magic"), seed=0)
