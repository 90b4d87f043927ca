"""Feature networks with random weights of the published form, through the real loading code."""

import shutil
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch.nn.functional import interpolate, normalize

from nerfkit.errors import UserError
from nerfkit.segmentation.feature_networks import (
    FEATURE_NETWORKS,
    RECIPES,
    PatchTokens,
    dino_transformer,
    feature_network,
)
from nerfkit.segmentation.resnet_v2 import Block, ResNet50v2Trunk, twice_as_fine
from nerfkit.torchvision_shim import ensure_torchvision
from nerfkit.weights import WEIGHTS, fetch, file_sha256

ensure_torchvision()
from timm.models.vision_transformer import VisionTransformer  # noqa: E402
from torchvision.models import mobilenet_v2  # noqa: E402

TINY = {"channels": 24, "heads": 3}  # of a DINO transformer


@pytest.fixture(autouse=True)
def store(tmp_path, monkeypatch):
    """An empty weight store; seeded, one thread."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    monkeypatch.setenv("NERFKIT_WEIGHTS", str(tmp_path))
    return tmp_path


def photo(height: int, width: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def dino_state(channels: int = 24, depth: int = 12) -> dict[str, torch.Tensor]:
    """A random state dict with the names and shapes of DINO's patch-8 checkpoints."""
    shapes = {
        "cls_token": (1, 1, channels),
        "pos_embed": (1, 1 + 28 * 28, channels),
        "patch_embed.proj.weight": (channels, 3, 8, 8),
        "patch_embed.proj.bias": (channels,),
        "norm.weight": (channels,),
        "norm.bias": (channels,),
    }
    for k in range(depth):
        for layer, (out, inside) in {
            "attn.qkv": (3 * channels, channels),
            "attn.proj": (channels, channels),
            "mlp.fc1": (4 * channels, channels),
            "mlp.fc2": (channels, 4 * channels),
        }.items():
            shapes |= {f"blocks.{k}.{layer}.weight": (out, inside), f"blocks.{k}.{layer}.bias": (out,)}
        for layer in ("norm1", "norm2"):
            shapes |= {f"blocks.{k}.{layer}.{end}": (channels,) for end in ("weight", "bias")}
    return {name: 0.2 * torch.randn(shape) for name, shape in shapes.items()}


def install(monkeypatch, folder, name: str, state: dict[str, torch.Tensor]) -> None:
    """Put `state` into the store as the weights of that name."""
    path = folder / WEIGHTS[name].file
    (save_file if path.suffix == ".safetensors" else torch.save)(state, path)
    entry = replace(WEIGHTS[name], bytes=path.stat().st_size, sha256=file_sha256(path))
    monkeypatch.setitem(WEIGHTS, name, entry)


def with_statistics(network: torch.nn.Module) -> torch.nn.Module:
    """The network with batch norms that do something."""
    for module in network.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_mean.normal_()
            module.running_var.uniform_(0.5, 2)
            torch.nn.init.uniform_(module.weight, 0.5, 1.5)
            torch.nn.init.normal_(module.bias)
    return network.eval()


def imagenet_pixels(image: np.ndarray) -> torch.Tensor:
    """A photo as ImageNet classifiers take it, (1, 3, H, W)."""
    pixels = (image / 255 - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225]
    return torch.from_numpy(pixels).permute(2, 0, 1)[None].float()


@pytest.fixture
def small_dino(store, monkeypatch):
    """The store's dino_vits8 is a narrow transformer with random weights; its state dict."""
    state = dino_state()
    install(monkeypatch, store, "dino_vits8", state)
    small = replace(RECIPES["dino_vits8"], make=partial(dino_transformer, **TINY))
    monkeypatch.setitem(RECIPES, "dino_vits8", small)
    return state


def test_dino_tokens_are_the_transformers(small_dino):
    network = feature_network("dino_vits8")
    image = photo(224, 224)
    fixed = VisionTransformer(patch_size=8, embed_dim=24, depth=12, num_heads=3, num_classes=0).eval()
    fixed.load_state_dict(small_dino)
    with torch.no_grad():
        expected = fixed.forward_features(imagenet_pixels(image))[0, 1:].view(28, 28, 24)
    features = network.features(image).cpu()
    torch.testing.assert_close(features, normalize(expected, dim=2), atol=1e-4, rtol=1e-3)
    assert (network.name, network.stride, network.multiple) == ("dino_vits8", 8, 64)


def test_dino_takes_photos_of_any_size(small_dino):
    features = feature_network("dino_vits8").features(photo(48, 128))
    assert features.shape == (6, 16, 24)
    torch.testing.assert_close(features.norm(dim=2), torch.ones(6, 16, device=features.device))


def test_dino_tokens_lie_where_their_patches_are():
    """Rows and columns are not swapped: without layers, only the changed patch's token changes."""
    transformer = VisionTransformer(
        img_size=32, patch_size=8, embed_dim=24, depth=0, num_heads=3, num_classes=0, dynamic_img_size=True
    )
    tokens = PatchTokens(transformer.eval())
    pixels = torch.zeros(1, 3, 24, 40)
    changed = pixels.clone()
    changed[:, :, 8:16, 24:32] = 1
    with torch.no_grad():
        moved = (tokens(changed) - tokens(pixels)).abs().sum(1)[0] > 1e-6
    assert moved.nonzero().tolist() == [[1, 3]]


@pytest.mark.parametrize(("name", "channels", "heads"), [("dino_vits8", 384, 6), ("dino_vitb8", 768, 12)])
def test_dino_sizes(store, name, channels, heads):
    """The published checkpoints' names and shapes fit, strictly."""
    torch.save(dino_state(channels), store / "dino.pth")
    network = RECIPES[name].make(store / "dino.pth")
    assert network.transformer.embed_dim == channels
    assert network.transformer.blocks[0].attn.num_heads == heads


def test_resnet_has_the_published_tensors_and_strides(store, monkeypatch):
    trunk = with_statistics(ResNet50v2Trunk())
    state = {k: v for k, v in trunk.state_dict().items() if not k.endswith("num_batches_tracked")}
    assert len(state) == 211
    assert state["stage3.5.conv2.weight"].shape == (256, 256, 3, 3)
    install(monkeypatch, store, "resnet50v2_imagenet_trunk", state)
    network = feature_network("resnet50v2_imagenet_trunk")
    image = photo(48, 80)
    features = network.features(image).cpu()
    assert features.shape == (6, 10, 1536)
    assert network.stride == 8
    with torch.no_grad():
        expected = normalize(trunk(imagenet_pixels(image))[0].permute(1, 2, 0), dim=2)
    torch.testing.assert_close(features, expected, atol=1e-5, rtol=1e-3)
    for part in (features[..., :512], features[..., 512:]):  # both stages weigh the same
        torch.testing.assert_close(part.norm(dim=2), torch.full((6, 10), 0.5**0.5))


def test_block_is_the_published_formula():
    block = with_statistics(Block(8, 16, 2, first=True))
    x = torch.randn(1, 8, 6, 10)
    with torch.no_grad():
        ready = torch.relu(block.bn1(x))
        y = block.conv3(torch.relu(block.bn3(block.conv2(torch.relu(block.bn2(block.conv1(ready)))))))
        torch.testing.assert_close(block(x), y + block.down(ready))
    plain = with_statistics(Block(16, 16, 1, first=False))
    torch.nn.init.zeros_(plain.conv3.weight)
    x = torch.randn(1, 16, 3, 5)
    torch.testing.assert_close(plain(x), x)


def test_finer_grid_keeps_every_cell_at_twice_its_place():
    coarse = torch.randn(1, 2, 3, 4)
    fine = twice_as_fine(coarse)
    assert fine.shape == (1, 2, 7, 9)
    torch.testing.assert_close(fine[..., :6:2, :8:2], coarse)
    torch.testing.assert_close(fine[..., 0, 1], (coarse[..., 0, 0] + coarse[..., 0, 1]) / 2)


def test_mobilenet_is_torchvisions_up_to_stride_16(store, monkeypatch):
    model = with_statistics(mobilenet_v2(weights=None))
    state = {k: v for k, v in model.state_dict().items() if k.startswith("features.")}
    install(monkeypatch, store, "mobilenet_v2_imagenet_features", state)
    network = feature_network("mobilenet_v2_imagenet_features")
    image = photo(64, 96)
    with torch.no_grad():
        expected = model.features[:14](imagenet_pixels(image))[0].permute(1, 2, 0)
    assert expected.shape == (4, 6, 96)
    assert network.stride == 16
    features = network.features(image).cpu()
    torch.testing.assert_close(features, normalize(expected, dim=2), atol=1e-4, rtol=1e-3)


@pytest.mark.parametrize("name", FEATURE_NETWORKS)
def test_missing_weights_give_the_stores_error(name, store):
    with pytest.raises(UserError) as caught:
        feature_network(name)
    weight = WEIGHTS[name]
    for part in (
        str(store / weight.file),
        f"{weight.bytes:,} bytes",
        weight.sha256,
        "propagation.backend: projection",
    ):
        assert part in str(caught.value)
    how = f"fetch {name}" if weight.address else "none is published"
    assert how in str(caught.value)


def test_what_is_not_published_cannot_be_fetched(store):
    with pytest.raises(UserError, match=r"put your copy there by hand \(none is published; it was made from"):
        fetch("resnet50v2_imagenet_trunk")
    assert list(store.iterdir()) == []


def test_unknown_network():
    with pytest.raises(UserError, match=r"no feature network 'vgg'; choose one of dino_vits8"):
        feature_network("vgg")


@pytest.mark.real
@pytest.mark.parametrize("name", ["resnet50v2_imagenet_trunk", "mobilenet_v2_imagenet_features"])
def test_real_features_follow_the_photo(name, shared, store):
    """The features of a photo moved by two strides are the old ones, two cells on."""
    weight = WEIGHTS[name]
    if not (shared / "weights" / weight.file).is_file():
        pytest.skip(f"{shared / 'weights'} holds no {weight.file}")
    shutil.copy(shared / "weights" / weight.file, store)
    network = feature_network(name)
    smooth = interpolate(torch.rand(1, 3, 24, 32), size=(192, 256), mode="bicubic")[0].clamp(0, 1)
    image = (smooth.permute(1, 2, 0) * 255).byte().numpy()
    moved = np.ascontiguousarray(image[32:, 32:])
    cells = 32 // network.stride
    margin = 48 // network.stride
    ours = network.features(image)[cells:, cells:][margin:-margin, margin:-margin]
    theirs = network.features(moved)[margin:-margin, margin:-margin]
    assert (ours * theirs).sum(2).mean() > 0.97
    shifted = theirs.roll(cells, 1)
    assert (ours * shifted).sum(2).mean() < (ours * theirs).sum(2).mean() - 0.1
