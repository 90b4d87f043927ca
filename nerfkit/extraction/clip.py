"""CLIP as a loss: how far pictures are from texts in the network's shared space (LaTeRF, Equation 14)."""

from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate, normalize

from nerfkit.errors import UserError
from nerfkit.torchvision_shim import ensure_torchvision
from nerfkit.weights import weight_path

# Name in the weight store -> open_clip's architecture. OpenAI's weights were trained with QuickGELU, which
# open_clip's plain names do not have: the network would load without a word and see badly.
NETWORKS = {"clip_vit_b_32": "ViT-B-32-quickgelu", "clip_vit_b_32_laion2b": "ViT-B-32"}
MEAN = (0.48145466, 0.4578275, 0.40821073)
DEVIATION = (0.26862954, 0.26130258, 0.27577711)


def read_state(path: Path) -> dict[str, Tensor]:
    """The tensors of a safetensors file, a state dict, or OpenAI's TorchScript archive, as float32."""
    if path.suffix == ".safetensors":
        from safetensors.torch import load_file

        state = load_file(path)
    else:
        try:
            state = torch.jit.load(path, map_location="cpu").state_dict()
        except RuntimeError:
            state = torch.load(path, map_location="cpu", weights_only=True)
    described = (
        "input_resolution",
        "context_length",
        "vocab_size",
    )  # numbers that the archive keeps as tensors
    return {name: value.float() for name, value in state.items() if name not in described}


def clip_network(name: str) -> nn.Module:
    """A CLIP of the weight store, frozen.

    Raises:
        UserError: an unknown name, or weights that are missing or another file.
    """
    if name not in NETWORKS:
        raise UserError(f"There is no CLIP network {name!r}; choose one of {', '.join(NETWORKS)}.")
    path = weight_path(name)
    ensure_torchvision()
    import open_clip

    network = open_clip.create_model(NETWORKS[name], pretrained=None)
    missing, unknown = network.load_state_dict(read_state(path), strict=False)
    if wrong := [key for key in (*missing, *unknown) if key != "attn_mask"]:
        raise UserError(f"{path} is no {NETWORKS[name]}: {wrong[0]} does not fit; fetch {name} again.")
    return network


class ClipLoss:
    """The weighted mean over texts of 1 - cosine similarity; a negative weight pushes away from its text."""

    def __init__(self, network: nn.Module, prompts: list[tuple[str, float]]):
        """Args:
        network: encode_image, encode_text and `visual.image_size`, as open_clip's have.
        prompts: text and weight.
        """
        ensure_torchvision()
        import open_clip

        self.network = network.requires_grad_(False).eval()
        size = network.visual.image_size
        self.size = size if isinstance(size, int) else size[0]
        tokens = open_clip.tokenize([text for text, _ in prompts])
        with torch.no_grad():
            self.texts = normalize(network.encode_text(tokens), dim=-1)
        weights = torch.tensor([weight for _, weight in prompts])
        self.weights = weights / weights.abs().sum()

    def prepared(self, images: Tensor) -> Tensor:
        """Pictures (B, 3, s, s) in [0, 1] at the network's size and in its colour statistics."""
        same = (self.size, self.size)
        if images.shape[-2:] != same:
            images = interpolate(images, same, mode="bicubic", antialias=True, align_corners=False)
        mean, deviation = (torch.tensor(values).view(3, 1, 1) for values in (MEAN, DEVIATION))
        return (images.clamp(0, 1) - mean) / deviation

    def __call__(self, images: Tensor) -> Tensor:
        """The loss of square pictures (B, 3, s, s) in [0, 1]; gradients flow into them."""
        features = normalize(self.network.encode_image(self.prepared(images)), dim=-1)
        return ((1 - features @ self.texts.T) * self.weights).sum(dim=1).mean()
