"""The shift-tolerant loss against loops and finite differences, and the toy of SPIn-NeRF's Figures 2-3."""

import numpy as np
import pytest
import torch

from nerfkit.errors import UserError
from nerfkit.perceptual import PERCEPTUAL_LOSSES, perceptual_loss
from nerfkit.perceptual.shift import ShiftTolerantLoss, placed, translated_errors


@pytest.fixture(autouse=True)
def one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def random_patches(seed, batch=3, channels=3, size=(5, 7), margin=2, dtype=torch.float64):
    generator = torch.Generator().manual_seed(seed)
    height, width = size
    prediction = torch.rand(batch, channels, height, width, generator=generator, dtype=dtype)
    target = torch.rand(
        batch, channels, height + 2 * margin, width + 2 * margin, generator=generator, dtype=dtype
    )
    weight = torch.rand(batch, 1, height, width, generator=generator, dtype=dtype)
    return prediction, target, weight


def slow_shift_loss(prediction, target, weight, margin):
    """The definition, pixel by pixel."""
    losses = []
    for p, t, m in zip(prediction.numpy(), target.numpy(), weight.numpy()[:, 0], strict=True):
        best = np.inf
        for v in range(2 * margin + 1):
            for u in range(2 * margin + 1):
                error = 0.0
                for y in range(p.shape[1]):
                    for x in range(p.shape[2]):
                        error += m[y, x] * ((p[:, y, x] - t[:, y + v, x + u]) ** 2).sum()
                best = min(best, error / (len(p) * m.sum()))
        losses.append(best)
    return float(np.mean(losses))


@pytest.mark.parametrize(("size", "margin"), [((5, 7), 2), ((4, 4), 0), ((6, 3), 3)])
def test_shift_loss_equals_its_definition(size, margin):
    prediction, target, weight = random_patches(1, size=size, margin=margin)
    fast = ShiftTolerantLoss(margin)(prediction, target, weight)
    assert float(fast) == pytest.approx(slow_shift_loss(prediction, target, weight, margin), rel=1e-12)


def test_translated_errors_equal_loops_for_every_placement():
    prediction, target, weight = random_patches(2)
    errors = translated_errors(prediction, target, weight)
    assert errors.shape == (3, 5, 5)
    for v in range(5):
        for u in range(5):
            offsets = torch.tensor([[v, u]]).expand(3, 2)
            window = placed(target, offsets, 5, 7)
            assert torch.equal(window, target[:, :, v : v + 5, u : u + 7])
            slow = (weight * (prediction - window) ** 2).sum((1, 2, 3))
            torch.testing.assert_close(errors[:, v, u], slow)


def test_shift_loss_gradient_is_that_of_finite_differences():
    prediction, target, weight = random_patches(3, batch=2, size=(3, 4), margin=1)
    loss = ShiftTolerantLoss(1)
    assert torch.autograd.gradcheck(lambda p: loss(p, target, weight), prediction.requires_grad_())


def test_a_translated_copy_costs_nothing_within_the_radius_and_something_beyond():
    texture = torch.rand(1, 3, 40, 40, generator=torch.Generator().manual_seed(4))
    weight = torch.ones(1, 1, 16, 16)
    target = texture[:, :, 6:34, 6:34]  # margin 6 around the patch at (12, 12)
    loss = ShiftTolerantLoss(6)
    assert float(loss(texture[:, :, 7:23, 18:34], target, weight)) == 0
    assert float(loss(texture[:, :, 5:21, 12:28], target, weight)) > 0.02


def test_pixels_without_weight_change_nothing_and_get_no_gradient():
    prediction, target, weight = random_patches(5)
    weight[:, :, :, 3:] = 0
    changed = prediction.clone()
    changed[..., 3:] = 7.0
    changed.requires_grad_()
    value = ShiftTolerantLoss(2)(changed, target, weight)
    torch.testing.assert_close(value.detach(), ShiftTolerantLoss(2)(prediction, target, weight))
    value.backward()
    assert (changed.grad[..., 3:] == 0).all()
    assert (changed.grad[..., :3] != 0).any()


def test_a_patch_without_any_weight_costs_nothing():
    prediction, target, weight = random_patches(6)
    value = ShiftTolerantLoss(2)(prediction.requires_grad_(), target, weight * 0)
    value.backward()
    assert float(value.detach()) == 0
    assert (prediction.grad == 0).all()


def test_a_target_of_the_wrong_size_is_refused():
    prediction, target, weight = random_patches(7)
    with pytest.raises(ValueError, match="not 3 px wider"):
        ShiftTolerantLoss(3)(prediction, target, weight)


def test_an_unknown_loss_is_answered_with_the_names_there_are():
    with pytest.raises(UserError, match=r"no perceptual loss 'vgg'; choose one of shift_tolerant, lpips_vgg"):
        perceptual_loss("vgg")
    assert perceptual_loss(PERCEPTUAL_LOSSES[0], radius=4).margin == 4


def grid(size, period, shift, angle):
    """Bars of width period / 5 in both directions, softened over a pixel; (size, size) in [0, 1]."""
    y, x = (np.mgrid[:size, :size] - size / 2 + 0.5).astype(float)
    u = np.cos(angle) * x - np.sin(angle) * y + shift[0]
    v = np.sin(angle) * x + np.cos(angle) * y + shift[1]
    to_bar = [np.abs((axis + period / 2) % period - period / 2) for axis in (u, v)]
    return np.clip(period / 10 + 0.5 - np.minimum(*to_bar), 0, 1)


def inconsistent_fills(rng, count=16, size=96, hole=48, period=12):
    """A grid, and `count` fills of its hole with the grid moved by up to 2 px, turned by up to 0.02 rad."""
    truth = grid(size, period, (0, 0), 0)
    inside = slice((size - hole) // 2, (size + hole) // 2)
    fills = []
    for _ in range(count):
        fill = truth.copy()
        fill[inside, inside] = grid(size, period, rng.uniform(-2, 2, 2), rng.uniform(-0.02, 0.02))[
            inside, inside
        ]
        fills.append(fill)
    tensor = torch.tensor(np.array(fills), dtype=torch.float32)[:, None].expand(-1, 3, -1, -1)
    return torch.tensor(truth, dtype=torch.float32), tensor, inside


def fit_hole(fills, inside, loss, steps, rng, start, patch=24):
    """Fit the hole's pixels, one random patch of one random fill per step, as a field's pixels would be."""
    margin = loss.margin
    image = start.clone()
    pixels = start[..., inside, inside].clone().requires_grad_()
    mask = torch.zeros_like(start[:, :1])
    mask[..., inside, inside] = 1
    optimiser = torch.optim.Adam([pixels], lr=0.02)
    for _ in range(steps):
        row, column = rng.integers(inside.start - 4, inside.stop - patch + 5, 2)
        fill = fills[rng.integers(len(fills))][None]
        current = image.clone()
        current[..., inside, inside] = pixels
        cut = np.s_[..., row : row + patch, column : column + patch]
        wide = np.s_[..., row - margin : row + patch + margin, column - margin : column + patch + margin]
        optimiser.zero_grad()
        loss(current[cut], fill[wide], mask[cut]).backward()
        optimiser.step()
    image[..., inside, inside] = pixels.detach()
    return image


def contrast(image, truth, inside):
    """Standard deviation inside the hole relative to the truth's."""
    return float(image[0, 0, inside, inside].std() / truth[inside, inside].std())


def distance_to_closest(image, fills, inside):
    """MSE inside the hole to the fill that it resembles most."""
    return float((fills - image)[..., inside, inside].square().mean((1, 2, 3)).min())


@pytest.mark.parametrize("seed", [0, 1])
def test_a_pixel_loss_blurs_inconsistent_fills_and_the_shift_tolerant_loss_does_not(seed):
    rng = np.random.default_rng(seed)
    truth, fills, inside = inconsistent_fills(rng)
    blurred = fills.mean(0, keepdim=True)  # the minimiser of the pixel loss
    sharp = fit_hole(fills, inside, ShiftTolerantLoss(6), 300, rng, blurred)
    assert contrast(blurred, truth, inside) < 0.7
    assert 0.9 < contrast(sharp, truth, inside) < 1.1
    assert distance_to_closest(sharp, fills, inside) < 0.5 * distance_to_closest(blurred, fills, inside)
