"""The shift-tolerant loss against loops and finite differences."""

import numpy as np
import pytest
import torch

from nerfkit.errors import UserError
from nerfkit.perceptual import PERCEPTUAL_LOSSES, perceptual_loss
from nerfkit.perceptual.shift import ShiftTolerantLoss, placed, translated_errors

pytestmark = pytest.mark.usefixtures("one_thread")


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
