"""Distances of two sets of images: FID and KID of Inception features.

FID (Heusel et al. 2017) is the Frechet distance of the Gaussians of two sets of features, KID (Binkowski et
al. 2018) the unbiased squared maximum mean discrepancy with the kernel (x.y / d + 1)^3. The network is the
Inception of 2015 that both papers used, in the port of pytorch-fid: torchvision's layers, with the average
pools of its TensorFlow original (the border does not count), a maximum pool in its last block, and 1008
classes. Images are brought to 299 x 299 pixels (bilinear) and to [-1, 1], as pytorch-fid does.

FID of a few dozen images is biased upwards, much more than KID, so it compares only with FID of equally many:
every record says how many.
"""

from functools import cache
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from nerfkit.errors import UserError

NETWORK = "inception_fid"  # its name in the weight store
SIDE = 299  # pixels
FEATURES = 2048
CLASSES = 1008


def average_pool(x: Tensor) -> Tensor:
    """Mean of the 3 x 3 neighbours that lie inside the image."""
    return F.avg_pool2d(x, 3, stride=1, padding=1, count_include_pad=False)


def maximum_pool(x: Tensor) -> Tensor:
    """Maximum of the 3 x 3 neighbours."""
    return F.max_pool2d(x, 3, stride=1, padding=1)


@cache
def blocks() -> dict[str, type[nn.Module]]:
    """torchvision's blocks A, C and E whose last branch, the pooled one, pools with `pool`."""
    from nerfkit.torchvision_shim import ensure_torchvision

    ensure_torchvision()
    from torchvision.models import inception

    def pooling(base: type[nn.Module]) -> type[nn.Module]:
        class Pooling(base):
            pool = staticmethod(average_pool)

            def _forward(self, x: Tensor) -> list[Tensor]:
                return [*super()._forward(x)[:-1], self.branch_pool(self.pool(x))]

        return Pooling

    return {name: pooling(getattr(inception, f"Inception{name}")) for name in "ACE"}


def inception_layout() -> nn.Module:
    """The network without weights; its forward pass would classify, `features` stops before."""
    of = blocks()
    from torchvision.models import Inception3
    from torchvision.models.inception import BasicConv2d, InceptionAux, InceptionB, InceptionD

    kinds = [BasicConv2d, of["A"], InceptionB, of["C"], InceptionD, of["E"], InceptionAux]
    network = Inception3(CLASSES, aux_logits=False, inception_blocks=kinds, init_weights=False)
    network.Mixed_7c.pool = maximum_pool
    network.dropout = nn.Identity()
    return network


def read_inception(path: Path) -> nn.Module:
    """The network with the weights of a pytorch-fid state dict; called, it gives features (B, 2048).

    Raises:
        UserError: the file is not a state dict of that network.
    """
    with torch.device("meta"):
        network = inception_layout()
    state = torch.load(path, map_location="cpu", weights_only=True)
    counts = {key: torch.tensor(0) for key in network.state_dict() if key.endswith("num_batches_tracked")}
    try:
        network.load_state_dict({**counts, **state}, assign=True)
    except RuntimeError as error:
        raise UserError(
            f"{path} does not hold the Inception network of FID ({str(error).splitlines()[-1].strip()}); "
            "fetch the file that the weight store names."
        ) from error
    network.fc = nn.Identity()
    return network.requires_grad_(False).eval()


@torch.no_grad()
def features(network: nn.Module, image: np.ndarray) -> np.ndarray:
    """Features (2048,) of a float RGB image (H, W, 3) in [0, 1]."""
    pixels = torch.from_numpy(np.ascontiguousarray(image, np.float32)).permute(2, 0, 1)[None]
    sized = F.interpolate(pixels, size=(SIDE, SIDE), mode="bilinear", align_corners=False)
    return network(2 * sized - 1)[0].numpy()


def fid(a: np.ndarray, b: np.ndarray) -> float:
    """Frechet distance of two sets of features (N, D) and (M, D); nan with fewer than two in either.

    |mean_a - mean_b|^2 + tr(A + B - 2 (A B)^(1/2)); the trace of the root is the sum of the singular values
    of the two centred sets' product, which needs no root of a large, singular matrix.
    """
    if min(len(a), len(b)) < 2:
        return float("nan")
    a, b = a.astype(np.float64), b.astype(np.float64)
    centred_a = (a - a.mean(0)) / np.sqrt(len(a) - 1)
    centred_b = (b - b.mean(0)) / np.sqrt(len(b) - 1)
    roots = np.linalg.svd(centred_a @ centred_b.T, compute_uv=False).sum()
    means = np.square(a.mean(0) - b.mean(0)).sum()
    return float(max(means + np.square(centred_a).sum() + np.square(centred_b).sum() - 2 * roots, 0))


def kid(a: np.ndarray, b: np.ndarray) -> float:
    """Squared maximum mean discrepancy of two sets of features, unbiased, so it may be below 0; of all pairs.

    nan with fewer than two in either.
    """
    if min(len(a), len(b)) < 2:
        return float("nan")
    a, b = a.astype(np.float64), b.astype(np.float64)
    kernel = lambda x, y: (x @ y.T / x.shape[1] + 1) ** 3  # noqa: E731
    within = [
        (values.sum() - np.trace(values)) / (len(values) * (len(values) - 1))
        for values in (kernel(a, a), kernel(b, b))
    ]
    return float(within[0] + within[1] - 2 * kernel(a, b).mean())
