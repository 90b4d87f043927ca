"""The toy of SPIn-NeRF's Figures 2 and 3: what the page docs/why_perceptual.md says is so."""

import pytest

from nerfkit.evaluation.fills_toy import FILLS, distance, fits, main, make_toy, sharpness
from nerfkit.files import read_image
from nerfkit.perceptual import BACKBONES, PERCEPTUAL_LOSSES
from nerfkit.weights import why_unusable

pytestmark = pytest.mark.usefixtures("one_thread")


def contrast(toy, image):
    """Standard deviation inside the hole relative to the truth's."""
    return float(image[..., toy.hole, toy.hole].std() / toy.truth[..., toy.hole, toy.hole].std())


def test_every_fill_is_as_sharp_as_the_grid_and_no_two_agree():
    toy = make_toy(0)
    assert all(0.8 < sharpness(toy, fill[None]) < 1.2 for fill in toy.fills)
    assert 0.9 < sharpness(toy, toy.truth) < 1.25  # its bars lie on the pixels
    apart = [(toy.fills[a] - toy.fills[b]).abs().max() for a in range(FILLS) for b in range(a)]
    assert min(apart) > 0.1
    outside = toy.fills.clone()
    outside[..., toy.hole, toy.hole] = toy.truth[..., toy.hole, toy.hole]
    assert (outside == toy.truth).all()


@pytest.mark.parametrize("seed", [0, 1])
@pytest.mark.parametrize("name", PERCEPTUAL_LOSSES)
def test_a_pixel_loss_blurs_fills_that_disagree_and_a_perceptual_loss_does_not(name, seed):
    reason = name in BACKBONES and why_unusable(BACKBONES[name])
    if reason:
        pytest.skip(reason)
    toy = make_toy(seed)
    blurred, sharp = fits(toy, [name], seed).values()
    mean = toy.fills.mean(0, keepdim=True)
    assert (blurred - mean)[..., toy.hole, toy.hole].abs().mean() < 0.03
    assert sharpness(toy, blurred) < 0.4
    assert contrast(toy, blurred) < 0.7
    assert 0.8 < sharpness(toy, sharp) < 1.2
    assert 0.9 < contrast(toy, sharp) < 1.1
    if name != "squeezenet_distance":  # without the heads, coloured fringes count as texture
        assert distance(toy, sharp) < 0.5 * distance(toy, blurred)


def test_it_draws_what_it_says(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("NERFKIT_WEIGHTS", str(tmp_path))
    monkeypatch.setattr("nerfkit.evaluation.fills_toy.STEPS", 2)
    main([str(tmp_path / "toy.png")])
    assert read_image(tmp_path / "toy.png").shape[1] > 4 * 192
    said = capsys.readouterr().out
    assert "pixel loss: sharpness 0." in said
    assert "shift_tolerant: sharpness 0." in said
    assert "lpips_vgg: not tried, weights 'vgg16' are missing" in said
