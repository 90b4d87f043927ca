"""Perceptual distances of renders: against the package's own and region by region."""

import cv2
import numpy as np
import pytest
import torch
from PIL import Image

from nerfkit.evaluation.perceptual_distances import Distance, available_distances
from nerfkit.evaluation.regions import regions_of, spinnerf_box
from nerfkit.evaluation.view_scores import perceptual_scores
from nerfkit.files import read_image, read_mask
from nerfkit.perceptual.lpips import lpips_network
from nerfkit.torchvision_shim import ensure_torchvision
from nerfkit.weight_registry import WEIGHTS


@pytest.fixture(scope="module")
def backbone(tmp_path_factory):
    """A SqueezeNet with random weights in the form of the published ones."""
    ensure_torchvision()
    from torchvision import models

    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("weights") / "squeeze.pth"
    torch.save(models.squeezenet1_1(weights=None).state_dict(), path)
    return path


@pytest.fixture(params=[True, False], ids=["heads", "no heads"])
def distance(request, backbone):
    return Distance("test", "squeeze", "squeezenet1_1", backbone, request.param)


def images(seed, height=70, width=90):
    return np.random.default_rng(seed).random((2, height, width, 3))


def as_tensor(image):
    return torch.from_numpy(image).float().permute(2, 0, 1)[None]


def test_the_plain_and_the_masked_value_are_the_packages_own(distance, backbone):
    a, b = images(1)
    mask = np.zeros(a.shape[:2], bool)
    mask[20:50, 30:60] = True
    plain, masked = distance.between(a, b, [None, mask])
    network = lpips_network("squeeze", backbone, distance.heads)
    with torch.no_grad():
        spatial = network(as_tensor(a), as_tensor(b), normalize=True)[0, 0].numpy()
        network.spatial = False
        mean = float(network(as_tensor(a), as_tensor(b), normalize=True))
    assert plain == pytest.approx(mean, rel=1e-4)
    assert masked == pytest.approx(spatial[mask].mean(), rel=1e-4)
    assert distance.between(a, b, [None]) == [pytest.approx(plain)]


def test_identical_images_have_none_and_more_damage_has_more(distance):
    a, noise = images(2)
    small, large = (np.clip(a + k * (noise - 0.5), 0, 1) for k in (0.1, 0.8))
    assert distance.between(a, a, [None]) == [0]
    assert 0 < distance.between(small, a, [None])[0] < distance.between(large, a, [None])[0]


def test_images_below_what_the_network_sees_have_no_value(distance):
    a, b = images(3, height=20)
    assert np.isnan(distance.between(a, b, [None, np.ones((20, 90), bool)])).all()


@pytest.mark.parametrize("protocol", ["spinnerf-box", "masked-input", "masked-frame"])
def test_pixels_outside_the_region_change_nothing(distance, protocol):
    a, b = images(4, 96, 120)
    mask = np.zeros(a.shape[:2], bool)
    mask[20:70, 30:80] = True
    where = {key: r for key, r in regions_of(mask, 0).items() if key[0] == protocol}
    before = perceptual_scores(a, b, where, distance)
    other, changed = images(5, 96, 120)
    changed = np.where(mask[..., None], a, other)
    assert perceptual_scores(changed, b, where, distance) == before
    changed = np.where(mask[..., None], other, a)
    assert perceptual_scores(changed, b, where, distance) != before


def test_masked_map_sees_beyond_the_mask_no_further_than_its_network(distance):
    """The features reach some 110 pixels and the map is interpolated between cells of 16."""
    a, b = images(6, 64, 400)
    mask = np.zeros(a.shape[:2], bool)
    mask[:, :40] = True
    where = {key: r for key, r in regions_of(mask, 0).items() if key[0] == "masked-map"}
    before = perceptual_scores(a, b, where, distance)
    far, near = a.copy(), a.copy()
    far[:, 240:] = 0
    near[:, 48:] = 0
    assert perceptual_scores(far, b, where, distance) == pytest.approx(before, rel=1e-5)
    assert perceptual_scores(near, b, where, distance) != pytest.approx(before, rel=1e-3)


def test_regions_that_share_images_share_the_work(distance):
    a, b = images(7, 96, 120)
    mask = np.zeros(a.shape[:2], bool)
    mask[20:70, 30:80] = True
    where = regions_of(mask, 0)
    together = perceptual_scores(a, b, where, distance)
    for key, region in where.items():
        assert perceptual_scores(a, b, {key: region}, distance)[key] == pytest.approx(together[key])


@pytest.mark.real
def test_the_squeezenet_distance_orders_damage_as_measured(shared, monkeypatch, tmp_path):
    """On spinnerf-1's first true view; the shared weights' README has 0.71 and 4.34, means over all views."""
    file = "squeezenet1_1_imagenet.safetensors"
    (tmp_path / file).symlink_to(shared / "weights" / file)
    monkeypatch.setenv("NERFKIT_WEIGHTS", str(tmp_path))
    (distance,), skipped = available_distances()
    assert [entry["metric"] for entry in skipped] == ["lpips_vgg", "lpips_alex"]
    folder = shared / "data/spinnerf-1/test"
    path = sorted((folder / "images").iterdir())[0]
    box = spinnerf_box(read_mask(folder / "masks" / f"{path.stem}.png"))
    truth = box.of(read_image(path) / 255.0)
    Image.fromarray((truth * 255 + 0.5).astype(np.uint8)).save(tmp_path / "70.jpg", quality=70)
    packed, blurred = read_image(tmp_path / "70.jpg") / 255.0, cv2.GaussianBlur(truth, (0, 0), 3)
    values = [distance.between(image, truth, [None])[0] for image in (truth, packed, blurred)]
    assert values == [0, pytest.approx(0.71, abs=0.3), pytest.approx(4.34, abs=1)]
    assert distance.sha256 == WEIGHTS["squeezenet1_1_imagenet"].sha256
