"""The loading code of LPIPS, run on random backbones saved in the form of the published ones."""

import numpy as np
import pytest
import torch

from nerfkit.errors import UserError
from nerfkit.evaluation.perceptual_distances import Distance
from nerfkit.perceptual import perceptual_loss
from nerfkit.perceptual.lpips import LpipsLoss, lpips_network
from nerfkit.torchvision_shim import ensure_torchvision

pytestmark = pytest.mark.usefixtures("one_thread")

ARCHITECTURES = {"vgg": "vgg16", "alex": "alexnet", "squeeze": "squeezenet1_1"}


def random_backbone(net, folder, seed=0):
    """A state dict like torchvision's: features with random values, and a classifier that must be ignored."""
    ensure_torchvision()
    from torchvision import models

    with torch.device("meta"):
        shapes = getattr(models, ARCHITECTURES[net])(weights=None).features.state_dict()
    generator = torch.Generator().manual_seed(seed)
    state = {
        f"features.{key}": torch.randn(value.shape, generator=generator) / max(value[0].numel(), 1) ** 0.5
        for key, value in shapes.items()
    }
    path = folder / f"{net}.pth"
    torch.save({**state, "classifier.1.weight": torch.zeros(2, 2)}, path)
    return path, state


@pytest.fixture
def squeeze(tmp_path):
    return LpipsLoss("squeeze", random_backbone("squeeze", tmp_path)[0])


def patches(seed, size=48):
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(2, 3, size, size, generator=generator)


@pytest.mark.parametrize("net", ["alex", "squeeze", "vgg"])
def test_backbone_and_heads_are_those_of_the_files(net, tmp_path):
    path, state = random_backbone(net, tmp_path)
    network = lpips_network(net, path)
    loaded = {
        "features." + key.split(".", 2)[2]: value
        for key, value in network.state_dict().items()
        if key.startswith("net.")
    }
    assert loaded.keys() == state.keys()
    assert all(torch.equal(loaded[key], state[key]) for key in state)
    assert all((layer.model[1].weight >= 0).all() for layer in network.lins)  # as they were calibrated
    assert not any(p.requires_grad for p in network.parameters())


@pytest.mark.filterwarnings("ignore::UserWarning")  # of torchvision, about the package's own call
def test_the_loss_is_the_packages_own_lpips(squeeze, tmp_path):
    """Against lpips.LPIPS built in its usual way and filled through its own state dict."""
    import lpips

    reference = lpips.LPIPS(net="squeeze", pnet_rand=True, verbose=False, spatial=True)
    reference.net.load_state_dict(squeeze.network.net.state_dict())
    a, b = patches(1), patches(2)
    expected = reference(2 * a - 1, 2 * b - 1).mean()
    torch.testing.assert_close(squeeze(a, b, torch.ones(2, 1, 48, 48)), expected)


def test_without_heads_it_is_the_squeezenet_distance_of_the_metrics(tmp_path):
    path, _ = random_backbone("squeeze", tmp_path)
    loss = LpipsLoss("squeeze", path, heads=False)
    a, b = patches(1)[:1], patches(2)[:1]
    scored = Distance("squeezenet_distance", "squeeze", "squeezenet1_1_imagenet", path, heads=False)
    images = [patch[0].permute(1, 2, 0).numpy() for patch in (a, b)]
    (expected,) = scored.between(*images, [np.ones((48, 48), bool)])
    assert float(loss(a, b, torch.ones(1, 1, 48, 48))) == pytest.approx(expected, rel=1e-4)


def test_identical_patches_cost_nothing_and_damage_costs_more(squeeze):
    a = patches(3)
    weight = torch.ones(2, 1, 48, 48)
    noise = torch.randn(a.shape, generator=torch.Generator().manual_seed(4))
    small, large = ((a + k * noise).clamp(0, 1) for k in (0.05, 0.4))
    assert float(squeeze(a, a, weight)) == 0
    assert 0 < float(squeeze(small, a, weight)) < float(squeeze(large, a, weight))


def test_gradients_reach_the_prediction_only(squeeze):
    a, b = patches(5).requires_grad_(), patches(6)
    squeeze(a, b, torch.ones(2, 1, 48, 48)).backward()
    assert float(a.grad.abs().max()) > 0
    assert all(p.grad is None for p in squeeze.network.parameters())


def test_pixels_far_from_any_weight_change_nothing(squeeze):
    """The distance map reaches as far as the features see, so the weight and the change lie far apart."""
    a, b = patches(7, size=256), patches(8, size=256)
    weight = torch.zeros(2, 1, 256, 256)
    weight[..., :16] = 1
    changed = b.clone()
    changed[..., 200:] = 0
    torch.testing.assert_close(squeeze(a, b, weight), squeeze(a, changed, weight), rtol=1e-5, atol=1e-7)
    assert float(squeeze(a, changed, torch.ones_like(weight))) != float(
        squeeze(a, b, torch.ones_like(weight))
    )


def test_a_backbone_of_another_architecture_is_refused(tmp_path):
    path, _ = random_backbone("alex", tmp_path)
    with pytest.raises(UserError, match=r"alex\.pth does not hold the backbone of lpips_vgg"):
        lpips_network("vgg", path)


def test_a_safetensors_backbone_is_read_too(tmp_path):
    from safetensors.torch import save_file

    path, state = random_backbone("squeeze", tmp_path)
    save_file(state, tmp_path / "squeeze.safetensors")
    a, b = patches(9), patches(10)
    weight = torch.ones(2, 1, 48, 48)
    ours = LpipsLoss("squeeze", tmp_path / "squeeze.safetensors")(a, b, weight)
    torch.testing.assert_close(ours, LpipsLoss("squeeze", path)(a, b, weight))


def test_missing_weights_are_answered_with_file_and_alternative(tmp_path, monkeypatch):
    monkeypatch.setenv("NERFKIT_WEIGHTS", str(tmp_path))
    with pytest.raises(UserError, match=r"vgg16-397923af\.pth.*shift_tolerant"):
        perceptual_loss("lpips_vgg")


@pytest.mark.real
def test_with_a_real_backbone_damage_is_ordered_as_people_would(shared):
    """Shared SqueezeNet weights (not torchvision's, so the values are no LPIPS) on a real photo."""
    import io

    import cv2
    import numpy as np
    from PIL import Image

    loss = LpipsLoss("squeeze", shared / "weights/squeezenet1_1_imagenet.safetensors")
    photo = Image.open(sorted((shared / "data/spinnerf-1/test/images").iterdir())[0]).crop(
        (400, 200, 656, 456)
    )
    buffer = io.BytesIO()
    photo.save(buffer, "jpeg", quality=70)
    pixels = np.asarray(photo)
    damaged = [pixels, np.asarray(Image.open(buffer)), cv2.GaussianBlur(pixels, (0, 0), 3), 0 * pixels]
    batch = [torch.tensor(image / 255, dtype=torch.float32).permute(2, 0, 1)[None] for image in damaged]
    weight = torch.ones(1, 1, 256, 256)
    same, jpeg, blurred, black = (float(loss(image, batch[0], weight)) for image in batch)
    assert same == 0
    assert 0 < jpeg < 0.3 * blurred < 0.3 * black
