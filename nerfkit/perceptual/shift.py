"""The shift-tolerant patch loss: squared error against the best placed copy of the target. Needs no weights.

For a prediction p (h, w), a target t wider by `margin` on each side, and pixel weights m:
    L = min over |u|, |v| <= margin of  sum_xy m (p(x, y) - t(x + u, y + v))^2 / (3 sum_xy m)
It is in units of MSE. It forgives that two fills of a hole put the same texture in different places, and only
that: other content, contrast or sharpness costs what it costs in MSE.
"""

import torch
import torch.nn.functional as F
from torch import Tensor


def translated_errors(prediction: Tensor, target: Tensor, weight: Tensor) -> Tensor:
    """Weighted squared error for every placement of the prediction in the target.

    Expands m (p - t)^2 = m p^2 - 2 m p t + m t^2, so that all placements are two correlations.

    Args:
        prediction: (B, C, h, w).
        target: (B, C, H, W), H >= h, W >= w.
        weight: (B, 1, h, w).

    Returns:
        (B, H - h + 1, W - w + 1), summed over pixels and channels.
    """
    # one group per patch: the batch becomes the channel axis of a single image
    kernels = torch.cat([-2 * weight * prediction, weight.expand_as(prediction)], dim=1)
    images = torch.cat([target, target.square()], dim=1)
    cross = F.conv2d(images.reshape(1, -1, *target.shape[2:]), kernels, groups=len(target))[0]
    return cross + (weight * prediction.square()).sum((1, 2, 3))[:, None, None]


def placed(target: Tensor, offsets: Tensor, height: int, width: int) -> Tensor:
    """The (height, width) window of each target (B, C, H, W) whose corner is offsets (B, 2): row, column."""
    windows = target.unfold(2, height, 1).unfold(3, width, 1)
    return windows[torch.arange(len(target), device=target.device), :, offsets[:, 0], offsets[:, 1]]


class ShiftTolerantLoss:
    """The minimum of the weighted MSE over integer translations of up to `margin` pixels.

    The gradient of a minimum is that of its smallest member, so the search runs without gradients and only
    the best placement is compared with them: exact, and free of the expansion's rounding.
    """

    def __init__(self, margin: int):
        self.margin = margin

    def __call__(self, prediction: Tensor, target: Tensor, weight: Tensor) -> Tensor:
        """See PerceptualLoss; the scalar is in units of MSE.

        Raises:
            ValueError: the target is not wider by `margin` on each side.
        """
        _, channels, height, width = prediction.shape
        if target.shape[2:] != (height + 2 * self.margin, width + 2 * self.margin):
            raise ValueError(
                f"target {tuple(target.shape)} is not {self.margin} px wider on each side than "
                f"prediction {tuple(prediction.shape)}"
            )
        with torch.no_grad():
            errors = translated_errors(prediction, target, weight)
            best = errors.flatten(1).argmin(1)
            offsets = torch.stack([best // errors.shape[2], best % errors.shape[2]], dim=1)
            matched = placed(target, offsets, height, width)
        squared = (weight * (prediction - matched).square()).sum((1, 2, 3))
        total = channels * weight.sum((1, 2, 3))
        return (squared / total.clamp_min(torch.finfo(total.dtype).tiny)).mean()
