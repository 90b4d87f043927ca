"""Dense features of pretrained networks, which tell what a place of a photo shows: one protocol, by name.

Vision transformers trained without labels: Caron et al., "Emerging Properties in Self-Supervised Vision
Transformers" (DINO), 2021. ImageNet classifiers: He et al. 2016 (ResNet-50 v2), Sandler et al. 2018
(MobileNetV2). The weights come from the store; none is loaded before its network is asked for.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import cv2
import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.functional import normalize

from nerfkit.errors import UserError
from nerfkit.segmentation.resnet_v2 import ResNet50v2Trunk
from nerfkit.torchvision_shim import ensure_torchvision
from nerfkit.weights import weight_path

SHORT_SIDE = 288  # pixels of a described photo's shorter side, as the network sees it
MEAN, DEVIATION = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # of ImageNet's RGB in [0, 1]


class FeatureNetwork(Protocol):
    """Features of every place of a photo.

    `stride` is the distance in pixels from one feature to the next. Both sides of a photo must be multiples
    of it; `multiple` is what the network's published protocol rounds the longer side to.
    """

    name: str
    stride: int
    multiple: int

    def features(self, image: np.ndarray) -> Tensor:
        """Features of unit length, float32 (H / stride, W / stride, C), of an image uint8 RGB (H, W, 3)."""
        ...


class DenseFeatures:
    """The `FeatureNetwork` around a module that maps normalised photos (1, 3, H, W) to (1, C, h, w).

    Runs on the GPU where there is one; that is also where the features stay.
    """

    def __init__(self, name: str, stride: int, multiple: int, network: nn.Module):
        self.name, self.stride, self.multiple = name, stride, multiple
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self.network = network.requires_grad_(False).eval().to(self.device)

    def features(self, image: np.ndarray) -> Tensor:
        """See `FeatureNetwork`."""
        pixels = torch.from_numpy(image).to(self.device).permute(2, 0, 1)[None].float() / 255
        mean, deviation = (torch.tensor(c, device=self.device).view(1, 3, 1, 1) for c in (MEAN, DEVIATION))
        with torch.inference_mode():
            features = self.network((pixels - mean) / deviation)
            return normalize(features[0].permute(1, 2, 0), dim=2)


class PatchTokens(nn.Module):
    """The last layer's patch tokens of a timm vision transformer, after its final norm, as a map."""

    def __init__(self, transformer: nn.Module):
        super().__init__()
        self.transformer = transformer

    def forward(self, x: Tensor) -> Tensor:
        """(B, 3, H, W) to (B, C, H / patch, W / patch)."""
        rows, columns = (length // self.transformer.patch_embed.patch_size[0] for length in x.shape[2:])
        tokens = self.transformer.forward_features(x)[:, 1:]  # the first one stands for the whole photo
        return tokens.transpose(1, 2).unflatten(2, (rows, columns))


def dino_transformer(path: Path, channels: int, heads: int) -> nn.Module:
    """A vision transformer with 12 layers and patches of 8 pixels, for photos of any size.

    timm's parameters have the names of DINO's checkpoints (a plain state dict, of the backbone alone); its
    `dynamic_img_size` resamples the position embeddings to the photo's grid.
    """
    ensure_torchvision()
    try:
        from timm.models.vision_transformer import VisionTransformer
    except ImportError as error:
        raise UserError(
            "The DINO networks need the package timm; install it or choose another feature network."
        ) from error
    transformer = VisionTransformer(
        patch_size=8,
        embed_dim=channels,
        depth=12,
        num_heads=heads,
        num_classes=0,
        weight_init="skip",
        dynamic_img_size=True,
    )
    transformer.load_state_dict(torch.load(path, map_location="cpu", weights_only=True))
    return PatchTokens(transformer)


def dino_small(path: Path) -> nn.Module:
    """ViT-S/8."""
    return dino_transformer(path, channels=384, heads=6)


def dino_base(path: Path) -> nn.Module:
    """ViT-B/8."""
    return dino_transformer(path, channels=768, heads=12)


def resnet50v2(path: Path) -> nn.Module:
    """Stages 2 and 3 of the pre-activation ResNet-50."""
    from safetensors.torch import load_file

    trunk = ResNet50v2Trunk()
    # num_batches_tracked counts training steps, which the file does not hold and inference does not read
    counters = {k: v for k, v in trunk.state_dict().items() if k.endswith("num_batches_tracked")}
    trunk.load_state_dict(counters | load_file(path))
    return trunk


def mobilenet_v2(path: Path) -> nn.Module:
    """MobileNetV2 up to the last layer of stride 16, 96 channels."""
    ensure_torchvision()
    from safetensors.torch import load_file
    from torchvision.models import mobilenet_v2

    layers = mobilenet_v2(weights=None).features
    layers.load_state_dict({k.removeprefix("features."): v for k, v in load_file(path).items()})
    return layers[:14]


@dataclass(frozen=True)
class Recipe:
    """How a network is made from its file, and what `FeatureNetwork` says of it."""

    make: Callable[[Path], nn.Module]
    stride: int
    multiple: int


RECIPES = {
    "dino_vits8": Recipe(dino_small, stride=8, multiple=64),
    "dino_vitb8": Recipe(dino_base, stride=8, multiple=64),
    "resnet50v2_imagenet_trunk": Recipe(resnet50v2, stride=8, multiple=16),
    "mobilenet_v2_imagenet_features": Recipe(mobilenet_v2, stride=16, multiple=16),
}
FEATURE_NETWORKS = tuple(RECIPES)


def feature_network(name: str) -> FeatureNetwork:
    """The network of that name with its weights from the store.

    Args:
        name: one of FEATURE_NETWORKS.

    Raises:
        UserError: an unknown name, or weights that are missing; the message says what belongs where.
    """
    if name not in RECIPES:
        raise UserError(f"There is no feature network {name!r}; choose one of {', '.join(RECIPES)}.")
    recipe = RECIPES[name]
    return DenseFeatures(name, recipe.stride, recipe.multiple, recipe.make(weight_path(name)))


def frame(image: np.ndarray, network: FeatureNetwork, short_side: int) -> np.ndarray:
    """The photo as the network takes it.

    The shorter side measures `short_side` rounded down to the network's stride, the longer one in proportion
    rounded down to its `multiple`; neither is less than that.
    """
    scale = short_side / min(image.shape[:2])
    steps = [network.stride, network.multiple]
    if image.shape[0] > image.shape[1]:
        steps.reverse()
    height, width = (
        max(step, round(length * scale) // step * step)
        for length, step in zip(image.shape[:2], steps, strict=True)
    )
    # averaging over areas avoids aliasing but leaves blocks where it enlarges
    return cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)


def described(image: np.ndarray, network: FeatureNetwork, components: int) -> np.ndarray:
    """What a network sees at every place of a photo (H, W, 3), in few numbers: float32 (h, w, components).

    The principal components of its features over the photo, of mean square 1 together.
    """
    features = network.features(frame(image, network, SHORT_SIDE)).double()
    flat = features.flatten(0, 1)
    flat = flat - flat.mean(0)
    directions = torch.linalg.eigh(flat.T @ flat).eigenvectors[:, -components:]
    values = flat @ directions
    values = values / values.square().mean().sqrt()
    return values.view(*features.shape[:2], -1).float().cpu().numpy()
