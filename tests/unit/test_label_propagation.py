"""Labels that travel by features: against a plain reference, with a moving square, and with real features."""

import shutil
from dataclasses import replace
from pathlib import Path

import analytic
import cv2
import numpy as np
import pytest
import torch
from colour_network import ColourNetwork
from torch.nn.functional import normalize

from nerfkit.errors import UserError
from nerfkit.files import write_image
from nerfkit.scene import View
from nerfkit.segmentation.feature_networks import feature_network, frame
from nerfkit.segmentation.label_propagation import (
    SURE,
    LabelPropagationSettings,
    LabelPropagator,
    Source,
    given,
    middle_depth,
    object_chance,
    principal_directions,
    transfer,
)
from nerfkit.weights import WEIGHTS

SETTINGS = LabelPropagationSettings(short_side=64)
GROUND, OBJECT = (70, 110, 60), (200, 60, 40)


@pytest.fixture(autouse=True)
def one_thread():
    """Small tensors; the same numbers in every run."""
    torch.set_num_threads(1)
    torch.manual_seed(0)


def made_views(
    folder: Path, places: list[tuple[int, int] | None]
) -> tuple[list[View], dict[str, np.ndarray]]:
    """Photos (64, 96) of a square of 24 pixels at these places, along an arc of cameras, and its masks."""
    rng, views, truth = np.random.default_rng(0), [], {}
    for number, place in enumerate(places):
        image = rng.normal(GROUND, 6, (64, 96, 3))
        mask = np.zeros((64, 96), bool)
        if place is not None:
            mask[place[0] : place[0] + 24, place[1] : place[1] + 24] = True
            image[mask] = rng.normal(OBJECT, 6, (int(mask.sum()), 3))
        name = f"v{number}"
        path = folder / f"{name}.png"
        write_image(path, image.clip(0, 255).astype(np.uint8))
        pose = analytic.pose(0.2 * number)
        views.append(View(name, "train", analytic.LENS.resized(96, 64), pose, 0.7, 5.0, path))
        truth[name] = mask
    return views, truth


def iou(a: np.ndarray, b: np.ndarray) -> float:
    return (a & b).sum() / max((a | b).sum(), 1)


def plain_transfer(target, sources, settings):
    """One token after the other, as the protocol is told."""
    height, width, _ = target.shape
    result = np.zeros((height, width))
    for r in range(height):
        for c in range(width):
            found = []
            for source in sources:
                for y in range(source.label.shape[0]):
                    for x in range(source.label.shape[1]):
                        if settings.window and max(abs(y - r), abs(x - c)) > settings.window:
                            continue
                        cosine = float(target[r, c].double() @ source.features[y, x].double())
                        found.append((np.exp(cosine / settings.temperature), float(source.label[y, x])))
            best = sorted(found, reverse=True)[: settings.similar]
            result[r, c] = sum(w * label for w, label in best) / sum(w for w, _ in best)
    return result


@pytest.mark.parametrize("window", [0, 1, 2])
@pytest.mark.parametrize("similar", [1, 5])
def test_transfer_is_the_plain_one(window, similar, monkeypatch):
    monkeypatch.setattr("nerfkit.segmentation.label_propagation.SIMILARITIES", 400)  # so it goes in parts
    features = [normalize(torch.randn(5, 6, 8), dim=2).half() for _ in range(4)]
    sources = [Source(each, torch.rand(5, 6)) for each in features[1:]]
    settings = replace(SETTINGS, window=window, similar=similar)
    label = transfer(features[0], sources, settings)
    np.testing.assert_allclose(label, plain_transfer(features[0], sources, settings), atol=1e-5)
    assert label.shape == (5, 6)
    assert label.min() >= 0
    assert label.max() <= 1


def test_weights_of_the_kept_tokens_sum_to_one():
    sources = [Source(normalize(torch.randn(4, 4, 8), dim=2), torch.ones(4, 4)) for _ in range(2)]
    label = transfer(sources[0].features, sources, replace(SETTINGS, window=1))
    torch.testing.assert_close(label, torch.ones(4, 4))


def test_a_window_follows_the_size_of_the_photo():
    """A token at the far end may ask the far end of a photo with twice as many tokens."""
    target = torch.ones(1, 4, 1)
    source = Source(torch.ones(1, 8, 1), torch.arange(8.0)[None])
    label = transfer(target, [source], replace(SETTINGS, window=1, similar=8))
    torch.testing.assert_close(label, torch.tensor([[0.5, 2.0, 4.0, 6.0]]))


def test_a_square_is_followed(tmp_path):
    places = [(20, 4 + 9 * k) for k in range(7)]
    views, truth = made_views(tmp_path, places)
    masks, order = LabelPropagator(ColourNetwork(), SETTINGS).propagate(views, {"v2": truth["v2"]})
    assert list(masks) == [view.name for view in views]
    assert sorted([*order, "v2"]) == sorted(masks)
    assert order.index("v3") < order.index("v4") < order.index("v5")
    assert all(mask.dtype == bool for mask in masks.values())
    assert min(iou(masks[name], truth[name]) for name in truth) > 0.97
    np.testing.assert_array_equal(masks["v2"], truth["v2"])


def test_without_a_band_edges_are_as_coarse_as_tokens(tmp_path):
    views, truth = made_views(tmp_path, [(21, 30), (22, 33), (23, 37)])
    scores = {}
    for band in (0.0, 1.0):
        propagator = LabelPropagator(ColourNetwork(), replace(SETTINGS, band=band))
        masks, _ = propagator.propagate(views, {"v0": truth["v0"]})
        scores[band] = np.mean([iou(masks[name], truth[name]) for name in ("v1", "v2")])
    assert 0.7 < scores[0.0] < scores[1.0]
    assert scores[1.0] > 0.97


def test_a_view_without_the_object_stays_empty(tmp_path):
    views, truth = made_views(tmp_path, [(20, 30), None, (20, 36), None])
    masks, _ = LabelPropagator(ColourNetwork(), SETTINGS).propagate(views, {"v0": truth["v0"]})
    assert not masks["v1"].any()
    assert not masks["v3"].any()
    assert iou(masks["v2"], truth["v2"]) > 0.97


def test_an_object_that_no_click_names_leaves_every_mask_empty(tmp_path):
    views, truth = made_views(tmp_path, [(20, 30), (20, 33)])
    masks, _ = LabelPropagator(ColourNetwork(), SETTINGS).propagate(views, {"v0": truth["v0"] & False})
    assert not any(mask.any() for mask in masks.values())


def test_a_thing_that_leaps_is_only_found_without_a_window(tmp_path):
    views, truth = made_views(tmp_path, [(20, 4), (20, 68)])
    found = {}
    for window in (0, 5):
        propagator = LabelPropagator(ColourNetwork(), replace(SETTINGS, window=window))
        masks, _ = propagator.propagate(views, {"v0": truth["v0"]})
        found[window] = iou(masks["v1"], truth["v1"])
    assert found[0] > 0.97
    assert found[5] == 0


def test_features_are_computed_once_for_all_objects(tmp_path):
    views, truth = made_views(tmp_path, [(20, 30), (20, 33), (20, 36)])
    network = ColourNetwork()
    propagator = LabelPropagator(network, SETTINGS)
    first, _ = propagator.propagate(views, {"v0": truth["v0"]})
    again, _ = propagator.propagate(views, {"v0": truth["v0"]})
    assert network.photos == 3
    for name in first:
        np.testing.assert_array_equal(first[name], again[name])


def test_context_is_the_nearest_or_the_last():
    distances = np.array([0.0, 0.4, 0.1, 0.3, 0.2])
    nearest = LabelPropagator(ColourNetwork(), replace(SETTINGS, context_views=2))
    assert set(nearest.context(distances, [1, 2, 3, 4])) == {2, 4}
    last = LabelPropagator(ColourNetwork(), replace(SETTINGS, context="last", context_views=2))
    assert last.context(distances, [4, 2, 1, 3]) == [1, 3]
    none = LabelPropagator(ColourNetwork(), replace(SETTINGS, context_views=0))
    assert none.context(distances, [1, 2]) == []
    assert set(nearest.context(distances, [3])) == {3}
    with pytest.raises(UserError, match="no context 'first'; choose one of nearest, last"):
        LabelPropagator(ColourNetwork(), replace(SETTINGS, context="first"))


def test_labels_are_stretched_and_the_larger_one_wins():
    """The rule with one label, against the published one with a channel for each class."""
    label = np.random.default_rng(0).uniform(0.1, 0.95, (6, 8)).astype(np.float32)
    label[2, 3] = 0.97
    classes = np.stack([cv2.resize(each, (32, 24)) for each in (1 - label, label)])
    low, high = classes.min((1, 2), keepdims=True), classes.max((1, 2), keepdims=True)
    published = ((classes - low) / (high - low)).argmax(0) == 1
    np.testing.assert_array_equal(object_chance(label, (24, 32)) > 0.5, published)
    assert not object_chance(label * (SURE - 0.01) / label.max(), (24, 32)).any()
    assert (object_chance(np.ones((3, 4), np.float32), (24, 32)) > 0.5).all()


@pytest.mark.parametrize(
    ("shape", "expected"), [((480, 854), (480, 832)), ((1000, 500), (960, 480)), ((284, 504), (480, 832))]
)
def test_frames_of_the_published_size(shape, expected):
    network = ColourNetwork()
    network.stride, network.multiple = 8, 64
    assert frame(np.zeros((*shape, 3), np.uint8), network, 480).shape[:2] == expected


def test_principal_directions_keep_what_matters():
    basis = torch.linalg.qr(torch.randn(12, 3)).Q
    features = normalize(torch.randn(5, 6, 3) @ basis.T, dim=2)
    reduced = features @ principal_directions(features, 3)
    flat, small = features.flatten(0, 1), reduced.flatten(0, 1)
    torch.testing.assert_close(small @ small.T, flat @ flat.T, atol=1e-5, rtol=1e-4)


def test_given_labels_are_shares():
    mask = np.zeros((8, 8), bool)
    mask[:4, :2] = True
    assert given(torch.ones(2, 2, 1), mask).label.tolist() == [[0.5, 0.0], [0.0, 0.0]]


def test_middle_depth_is_the_mean_in_disparity(tmp_path):
    views, _ = made_views(tmp_path, [(0, 0)])
    assert middle_depth(views) == pytest.approx(2 / (1 / 0.7 + 1 / 5))


@pytest.mark.real
@pytest.mark.parametrize("name", ["resnet50v2_imagenet_trunk", "mobilenet_v2_imagenet_features"])
def test_real_features_find_the_object_again(name, shared, tmp_path, monkeypatch):
    """One photo of spinnerf-1, labelled, and the photo moved by an eighth of its width."""
    scene, weight = shared / "data" / "spinnerf-1", WEIGHTS[name]
    photos = sorted((scene / "images").glob("20220819_104415.*"))
    if not photos or not (shared / "weights" / weight.file).is_file():
        pytest.skip(f"{shared} holds no spinnerf-1 or no {weight.file}")
    shutil.copy(shared / "weights" / weight.file, tmp_path)
    monkeypatch.setenv("NERFKIT_WEIGHTS", str(tmp_path))
    image = cv2.resize(cv2.imread(str(photos[0]))[..., ::-1], (384, 216), interpolation=cv2.INTER_AREA)
    mask = cv2.imread(str(scene / "masks" / "20220819_104415.png"), cv2.IMREAD_GRAYSCALE)
    mask = cv2.resize(mask, (384, 216), interpolation=cv2.INTER_AREA) > 127
    views = []
    for number, shown in enumerate((image[:, :336], image[:, 48:])):
        path = tmp_path / f"{number}.png"
        write_image(path, np.ascontiguousarray(shown))
        lens = analytic.LENS.resized(336, 216)
        views.append(View(f"v{number}", "train", lens, analytic.pose(0.1 * number), 0.9, 26.0, path))
    masks, _ = LabelPropagator(feature_network(name), replace(SETTINGS, short_side=208)).propagate(
        views, {"v0": mask[:, :336]}
    )
    assert iou(masks["v1"], mask[:, 48:]) > 0.9
