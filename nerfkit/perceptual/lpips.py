"""LPIPS as a loss: deep features compared with the published linear heads, backbones from the store.

Zhang et al., "The Unreasonable Effectiveness of Deep Features as a Perceptual Metric", 2018; SPIn-NeRF uses
the VGG variant. The package `lpips` brings the heads; the backbones are torchvision's ImageNet classifiers.
"""

import re
import warnings
from pathlib import Path

import torch
from torch import Tensor, nn

from nerfkit.errors import UserError
from nerfkit.torchvision_shim import ensure_torchvision


def read_backbone(path: Path) -> dict[str, Tensor]:
    """The convolutions, `features.*`, of a torchvision classifier's state dict (.pth or .safetensors)."""
    if path.suffix == ".safetensors":
        from safetensors.torch import load_file

        state = load_file(path)
    else:
        state = torch.load(path, map_location="cpu", weights_only=True)
    return {key: value for key, value in state.items() if key.startswith("features.")}


def lpips_network(net: str, backbone: Path, heads: bool = True) -> nn.Module:
    """The LPIPS network of the package, frozen, with the backbone's weights read from a file.

    It is laid out without memory and filled by name, so that the classifier the package builds around the
    backbone (0.5 GB for vgg) is never allocated and a tensor that is missing or misshapen is an error.

    Args:
        net: `vgg`, `alex` or `squeeze`.
        backbone: state dict of torchvision's vgg16, alexnet or squeezenet1_1.
        heads: whether the published linear heads weigh the channels; without, it is no LPIPS but the plain
            distance of unit features, for backbones that the heads were not learned on.

    Raises:
        UserError: the file is not a state dict of that architecture.
    """
    ensure_torchvision()
    import lpips

    with warnings.catch_warnings(), torch.device("meta"):
        warnings.simplefilter(
            "ignore", UserWarning
        )  # lpips passes torchvision its older argument `pretrained`
        network = lpips.LPIPS(
            net=net, pnet_rand=True, pretrained=False, spatial=True, verbose=False, lpips=heads
        )
    learned = torch.load(Path(lpips.__file__).parent / f"weights/v0.1/{net}.pth", "cpu", weights_only=True)
    features = read_backbone(backbone)
    state = {k: v for k, v in network.state_dict().items() if k.startswith("scaling_layer.")}
    for key in network.state_dict():
        if key.startswith("net."):  # net.slice2.5.weight is the package's name of features.5.weight
            state[key] = features.get(re.sub(r"^net\.slice\d+\.", "features.", key))
        elif key.startswith("lin"):  # the list lins.0 and the attribute lin0 are the same layer
            state[key] = learned[re.sub(r"^lins\.(\d+)", r"lin\1", key)]
    absent = [key for key, value in state.items() if value is None]
    wrong = [k for k, v in network.state_dict().items() if k not in absent and v.shape != state[k].shape]
    if absent or wrong:
        raise UserError(
            f"{backbone} does not hold the backbone of lpips_{net} ({(absent + wrong)[0]} is missing or of "
            "another size); fetch the file that the weight store names."
        )
    network.load_state_dict(state, assign=True)
    return network.requires_grad_(False).eval()


class LpipsLoss:
    """The LPIPS distance map, averaged with the pixel weights. Unit-free; identical patches give 0.

    Without its heads it is the plain distance of unit features (see `lpips_network`).
    """

    margin = 0

    def __init__(self, net: str, backbone: Path, heads: bool = True):
        self.network = lpips_network(net, backbone, heads)

    def __call__(self, prediction: Tensor, target: Tensor, weight: Tensor) -> Tensor:
        """See PerceptualLoss. Patches should measure 32 px or more, or the deepest layer sees one cell."""
        self.network.to(prediction.device)
        distance = self.network(
            prediction, target, normalize=True
        )  # (B, 1, h, w); normalize: [0, 1] to [-1, 1]
        total = weight.sum((1, 2, 3))
        per_patch = (weight * distance).sum((1, 2, 3)) / total.clamp_min(torch.finfo(total.dtype).tiny)
        return per_patch.mean()
