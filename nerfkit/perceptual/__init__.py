"""Losses that compare patches by what they show, not pixel by pixel: one protocol, named backends.

Fills of one hole made independently in every view disagree about where exactly each bar of a grating lies.
A pixel loss averages them to grey (SPIn-NeRF, Figs. 2-3); these losses let a render agree with each of them.
"""

from typing import Protocol

from torch import Tensor

from nerfkit.errors import UserError

# name -> what the package lpips calls the network, what the weight store calls its backbone, and whether it
# has LPIPS' learned heads
NETWORKS = {
    "lpips_vgg": ("vgg", "vgg16", True),
    "lpips_alex": ("alex", "alexnet", True),
    "lpips_squeeze": ("squeeze", "squeezenet1_1", True),
    "squeezenet_distance": ("squeeze", "squeezenet1_1_imagenet", False),  # no LPIPS
}
BACKBONES = {name: backbone for name, (_, backbone, _) in NETWORKS.items()}
PERCEPTUAL_LOSSES = ("shift_tolerant", *NETWORKS)


class PerceptualLoss(Protocol):
    """A distance of rendered patches to patches of the fills.

    `margin` is the number of pixels by which the target reaches beyond the prediction on each side.
    """

    margin: int

    def __call__(self, prediction: Tensor, target: Tensor, weight: Tensor) -> Tensor:
        """Compare B patches.

        Args:
            prediction: (B, 3, h, w) in [0, 1]; gradients flow into it.
            target: (B, 3, h + 2 margin, w + 2 margin) in [0, 1], centred on the prediction.
            weight: (B, 1, h, w) >= 0, the share of each pixel; a patch without any weight costs nothing.

        Returns:
            the mean over the batch, a scalar.
        """
        ...


def perceptual_loss(name: str, radius: int = 6) -> PerceptualLoss:
    """The loss of that name.

    Args:
        name: one of PERCEPTUAL_LOSSES.
        radius: the largest translation that `shift_tolerant` forgives, pixels; of no meaning to the others.

    Raises:
        UserError: an unknown name, or one whose backbone is not in the weight store.
    """
    if name == "shift_tolerant":
        from nerfkit.perceptual.shift import ShiftTolerantLoss

        return ShiftTolerantLoss(radius)
    if name in NETWORKS:
        from nerfkit.perceptual.lpips import LpipsLoss
        from nerfkit.weights import weight_path

        net, backbone, heads = NETWORKS[name]
        return LpipsLoss(net, weight_path(backbone), heads)
    raise UserError(f"There is no perceptual loss {name!r}; choose one of {', '.join(PERCEPTUAL_LOSSES)}.")
