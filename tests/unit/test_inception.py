"""FID and KID against closed forms and slow loops, and the network's layout."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from nerfkit.errors import UserError
from nerfkit.evaluation import inception
from nerfkit.evaluation.feature_sets import FeatureSets
from nerfkit.evaluation.regions import regions_of


def test_fid_of_known_moments():
    """Gaussians with diagonal covariances: |m|^2 + sum (s - t)^2, with s and t their standard deviations."""
    base = np.array([[1, 1], [1, -1], [-1, 1], [-1, -1]]) * np.sqrt(3 / 4)  # unit covariance, unbiased
    a = base * [1.0, 2.0]
    b = base * [3.0, 2.5] + [4.0, 0.0]
    assert inception.fid(a, b) == pytest.approx(16 + 4 + 0.25)
    assert inception.fid(a, a) == pytest.approx(0, abs=1e-9)


def test_fid_equals_the_root_of_the_product_of_covariances():
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(40, 6)) @ rng.normal(size=(6, 6)), rng.normal(size=(30, 6)) + 1
    cov_a, cov_b = np.cov(a.T), np.cov(b.T)
    roots = np.sqrt(np.linalg.eigvals(cov_a @ cov_b).real).sum()
    slow = np.square(a.mean(0) - b.mean(0)).sum() + np.trace(cov_a) + np.trace(cov_b) - 2 * roots
    assert inception.fid(a, b) == pytest.approx(slow, rel=1e-9)


def test_kid_equals_its_definition_pair_by_pair():
    rng = np.random.default_rng(1)
    a, b = rng.normal(size=(5, 3)), rng.normal(size=(4, 3)) + 0.5
    k = lambda x, y: (x @ y / 3 + 1) ** 3  # noqa: E731
    within = [np.mean([k(x, y) for i, x in enumerate(s) for j, y in enumerate(s) if i != j]) for s in (a, b)]
    across = np.mean([k(x, y) for x in a for y in b])
    assert inception.kid(a, b) == pytest.approx(sum(within) - 2 * across)


def test_fid_and_kid_are_those_of_torchmetrics():
    """torchmetrics takes 'images' through a feature module; here both are the features themselves."""
    pytest.importorskip("torchmetrics")
    from torchmetrics.image.fid import _compute_fid
    from torchmetrics.image.kid import poly_mmd

    rng = np.random.default_rng(2)
    a, b = rng.normal(size=(50, 8)), 1.3 * rng.normal(size=(50, 8)) + 0.2
    moments = [torch.from_numpy(m) for s in (a, b) for m in (s.mean(0), np.cov(s.T))]
    assert inception.fid(a, b) == pytest.approx(float(_compute_fid(*moments)), rel=1e-6)
    assert inception.kid(a, b) == pytest.approx(
        float(poly_mmd(torch.from_numpy(a), torch.from_numpy(b))), rel=1e-6
    )


def test_a_set_of_one_has_neither():
    one, many = np.ones((1, 4)), np.ones((5, 4))
    assert np.isnan(inception.fid(one, many))
    assert np.isnan(inception.kid(many, one))


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    """Random weights under the published file's names, which have 1008 classes and no counts of batches."""
    torch.manual_seed(0)
    state = {k: v for k, v in inception.inception_layout().state_dict().items() if "num_batches" not in k}
    path = tmp_path_factory.mktemp("weights") / "inception.pth"
    torch.save(state, path)
    return path


def test_the_network_reads_the_published_layout_and_gives_features(weights):
    network = inception.read_inception(weights)
    state = torch.load(weights, weights_only=True)
    assert state["fc.weight"].shape == (inception.CLASSES, inception.FEATURES)
    assert len(state) == 472  # 94 convolutions with 4 numbers of a norm each, and the classifier's 2
    values = inception.features(network, np.random.default_rng(0).random((30, 40, 3)))
    assert values.shape == (inception.FEATURES,)
    assert np.isfinite(values).all()
    assert values.std() > 0


def test_its_pools_are_those_of_the_original():
    """The mean leaves the border out of its count, and the last block takes the maximum."""
    layout = inception.inception_layout()
    ones = torch.ones(1, 1, 4, 4)
    torch.testing.assert_close(layout.Mixed_5b.pool(ones), ones)
    assert float(F.avg_pool2d(ones, 3, stride=1, padding=1)[0, 0, 0, 0]) == pytest.approx(4 / 9)
    assert layout.Mixed_7b.pool is inception.average_pool
    assert layout.Mixed_7c.pool is inception.maximum_pool


def test_another_file_is_refused(tmp_path):
    torch.save({"fc.weight": torch.zeros(2, 2)}, tmp_path / "other.pth")
    with pytest.raises(UserError, match=r"other\.pth does not hold the Inception network of FID"):
        inception.read_inception(tmp_path / "other.pth")


class MeanColour(torch.nn.Module):
    """A stand-in for Inception: three features, the mean of each channel in [-1, 1]."""

    def forward(self, images):
        return images.mean((2, 3))


def test_sets_take_what_each_protocol_shows(tmp_path):
    """Two views; the render is darker in the mask by a known amount, so the box's features differ by it."""
    mask = np.zeros((40, 50), bool)
    mask[10:30, 10:40] = True
    sets = FeatureSets(MeanColour())
    for level in (0.5, 0.7):
        truth = np.full((40, 50, 3), level)
        sets.add(truth - 0.1 * mask[..., None], truth, regions_of(mask, 0), "inpainted_field", "photos")
    records = sets.records("sha", "50x40")
    assert {(r["protocol"], r["metric"]) for r in records} == {
        (protocol, metric)
        for protocol in ("full-frame", "spinnerf-box", "masked-frame")
        for metric in ("fid", "kid")
    }
    box = next(r for r in records if (r["protocol"], r["metric"]) == ("spinnerf-box", "fid"))
    assert box["value"] == pytest.approx(
        3 * 0.2**2, rel=1e-4
    )  # [-1, 1] doubles the 0.1; equal spreads cancel
    assert (box["views"], box["truth"], box["network"]) == (2, "photos", "inception_fid")
    sets.write(tmp_path / "features.npz")
    stored = np.load(tmp_path / "features.npz")["inpainted_field/spinnerf-box/box/photos/render"]
    np.testing.assert_allclose(stored, [[-0.2] * 3, [0.2] * 3], atol=1e-6)
