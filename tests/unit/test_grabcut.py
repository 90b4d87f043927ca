"""The embedded click segmenter, its colour mixtures, its cut and its evidence."""

import itertools

import numpy as np
import pytest
import torch
from clicked import HEIGHT, WIDTH, clicks, disc_photo, iou
from scipy.stats import multivariate_normal

from nerfkit.segmentation import grabcut
from nerfkit.segmentation.appearance import Mixture, lab_image, looks
from nerfkit.segmentation.cut import edge_weights, smoothest_division
from nerfkit.segmentation.evidence import geodesic_distance, hull_distance, pixel_graph, place_evidence
from nerfkit.segmentation.feature_networks import described
from nerfkit.segmentation.grabcut import GrabCutSegmenter
from nerfkit.segmentation.parts import (
    clicked_parts,
    fill_small_holes,
    large_parts,
    parts_touching,
)


def segment(image, marks):
    return GrabCutSegmenter().segment(image, marks, None)


def holds(mask, points):
    return [bool(mask[int(y), int(x)]) for x, y in points]


def test_one_click_finds_the_disc():
    image, truth = disc_photo()
    assert iou(segment(image, clicks([(60, 45)])), truth) > 0.93


def test_box_alone_finds_the_disc():
    image, truth = disc_photo()
    assert iou(segment(image, clicks(box=(38, 23, 82, 67))), truth) > 0.93


def test_large_photo_is_drawn_again_at_full_resolution(monkeypatch):
    image, truth = disc_photo()
    monkeypatch.setattr(grabcut, "WORKING_PIXELS", 1500)
    coarse = segment(image, clicks([(60, 45), (50, 40)], [(20, 20), (100, 70)]))
    assert iou(coarse, truth) > 0.95


@pytest.mark.parametrize("seed", range(4))
def test_every_click_is_honoured_wherever_it_is(seed):
    """Random clicks, half of them against all evidence: on the ground, or beside the object on it."""
    rng = np.random.default_rng(seed)
    image, _ = disc_photo(seed=seed)
    points = rng.uniform([0, 0], [WIDTH, HEIGHT], (8, 2))
    box = (30, 15, 90, 75) if seed % 2 else None
    mask = segment(image, clicks(points[:4], points[4:], box))
    assert holds(mask, points[:4]) == [True] * 4
    assert holds(mask, points[4:]) == [False] * 4


def test_nothing_unclicked_beyond_the_box():
    image, _ = disc_photo()
    mask = segment(image, clicks([(60, 45)], box=(50, 20, 90, 70)))
    assert not mask[:, :50].any()
    assert mask[45, 55]


def test_twin_stays_when_nobody_clicks_it():
    image, truth = disc_photo(centre=(35, 45), twin=(90, 45))
    mask = segment(image, clicks([(35, 45), (28, 38)]))
    assert iou(mask, truth) > 0.9


def test_object_that_fills_the_frame():
    image = disc_photo(radius=200)[0]
    mask = segment(image, clicks([(60, 45), (10, 10), (110, 80), (10, 80), (110, 10)]))
    assert mask.mean() > 0.6


def test_same_input_same_mask():
    image, _ = disc_photo()
    marks = clicks([(60, 45)], [(10, 10)])
    np.testing.assert_array_equal(segment(image, marks), segment(image, marks))


def test_cut_is_the_minimum_over_all_masks():
    """On a 3 x 4 image all 4096 masks can be tried."""
    rng = np.random.default_rng(3)
    for _ in range(5):
        cost = rng.normal(0, 1.5, (3, 4)).astype(np.float32)
        right, below = rng.uniform(0.1, 1, (2, 3, 4)).astype(np.float32)
        right[:, -1], below[-1] = 0, 0

        def energy(u, cost=cost, right=right, below=below):
            across = np.abs(np.diff(u, axis=1)) * right[:, :-1]
            down = np.abs(np.diff(u, axis=0)) * below[:-1]
            return 0.8 * (across.sum() + down.sum()) + (cost * u).sum()

        best = min(energy(np.reshape(bits, (3, 4))) for bits in itertools.product([0.0, 1.0], repeat=12))
        found = smoothest_division(cost, (right, below), 0.8, rounds=3000) > 0.5
        assert energy(found.astype(float)) == pytest.approx(best, abs=1e-3)


def test_edge_weights_are_small_across_edges_only():
    lab = lab_image(np.repeat(np.where(np.arange(40) < 20, 30, 220), 3).reshape(1, 40, 3).repeat(20, 0))
    right, below = edge_weights(lab)
    assert right[10, 19] < 0.2
    assert right[10, 5] == pytest.approx(1, abs=1e-3)
    assert below[:-1].min() == pytest.approx(1, abs=1e-3)
    assert not right[:, -1].any()
    assert not below[-1].any()


def test_mixture_density_against_scipy():
    rng = np.random.default_rng(0)
    values = np.concatenate([rng.normal(0, 4, (300, 3)), rng.normal([40, 0, -30], 9, (200, 3))])
    mixture = Mixture(values, np.ones(500), 2)
    assert sorted(mixture.shares.round(1)) == pytest.approx([0.4, 0.6])
    shared = zip(mixture.shares, mixture.means, mixture.covariances, strict=True)
    dense = sum(s * multivariate_normal(m, c).pdf(values) for s, m, c in shared)
    expected = np.log(dense) + 1.5 * np.log(2 * np.pi)
    np.testing.assert_allclose(mixture.log_density(values), expected, rtol=1e-6)


def test_mixture_ignores_values_without_weight():
    values = np.concatenate([np.zeros((50, 2)), np.full((50, 2), 80.0)])
    mixture = Mixture(values, np.repeat([1.0, 0.0], 50), 3)
    assert (
        mixture.log_density(np.array([[0.0, 0.0]]))[0] > mixture.log_density(np.array([[80.0, 80.0]]))[0] + 50
    )
    np.testing.assert_allclose(mixture.means, 0, atol=1e-9)


def test_looks_of_a_flat_image():
    values = looks(lab_image(np.full((8, 9, 3), 128, np.uint8)))
    assert values.shape == (72, 6)
    np.testing.assert_allclose(values, np.broadcast_to(values[0], values.shape), atol=1e-3)
    assert values[0, 5] == pytest.approx(0, abs=1e-3)


def test_geodesic_distance_of_a_flat_image_is_the_path_length():
    graph = pixel_graph(np.zeros((20, 30, 3), np.float32))
    distance = geodesic_distance(graph, np.array([[2.5, 3.5]]), (20, 30)) * 30
    y, x = np.mgrid[:20, :30]
    dx, dy = np.abs(x - 2), np.abs(y - 3)
    np.testing.assert_allclose(distance, np.minimum(dx, dy) * 2**0.5 + np.abs(dx - dy), rtol=1e-5)


def test_edges_lengthen_the_way():
    lab = np.zeros((21, 41, 3), np.float32)
    lab[:, 20:, 0] = 100
    evidence = place_evidence(lab, np.array([[10.5, 10.5]]), np.array([[38.5, 10.5]]))
    assert evidence[10, 18] > 0 > evidence[10, 22]


def test_hull_distance():
    distance = hull_distance(np.array([[10, 10], [30, 10], [30, 30], [10, 30]]), (60, 60))
    assert distance[10:31, 10:31].max() == 0
    assert distance[20, 50] == pytest.approx(20 / 200**0.5, rel=0.02)


def test_parts():
    mask = np.zeros((10, 12), bool)
    mask[1:4, 1:4] = mask[1:4, 6:9] = mask[6:9, 1:9] = True
    mask[2, 2] = False
    only = clicked_parts(mask, np.array([[1.5, 1.5], [7.2, 7.9]]), np.array([[5.0, 7.0]]))
    assert only.sum() == 8
    assert only[1, 1]
    assert fill_small_holes(only, 0.5, np.zeros((0, 2)))[2, 2]
    assert not fill_small_holes(only, 0.5, np.array([[2.5, 2.5]]))[2, 2]
    assert not fill_small_holes(only, 0.1, np.zeros((0, 2)))[2, 2]
    assert large_parts(mask, 9).sum() == 9 + 24
    assert parts_touching(mask, np.eye(10, 12, dtype=bool)).sum() == 8 + 24


def test_surfaces_tell_what_colours_do_not():
    """A box that stands on a table of the very same cloth: only space tells where one ends."""
    rng = np.random.default_rng(0)
    image = (120 + rng.normal(0, 12, (HEIGHT, WIDTH, 3))).clip(0, 255).astype(np.uint8)
    x, y = (
        np.stack(np.meshgrid(np.arange(WIDTH), np.arange(HEIGHT))) + 0.5 - [[[WIDTH / 2]], [[HEIGHT / 2]]]
    ) / 100
    table = 0.5 / np.maximum(y + 0.55, 1e-3)  # camera half a unit above a table, looking a little down
    truth = (np.abs(x) < 0.12) & (y > -0.25) & (y < 0.05)
    depth = np.where(truth, 0.5 / 0.6, table)
    points = np.stack([x * depth, y * depth, depth], axis=2)
    marks = clicks([(60, 30), (55, 45), (65, 40)], [(20, 60), (100, 60)])
    assert iou(GrabCutSegmenter().segment(image, marks, points), truth) > 0.93
    assert iou(GrabCutSegmenter().segment(image, marks, None), truth) < 0.8


class Sides:
    """A feature network that tells the left side of a photo from the right, whatever it shows."""

    name, stride, multiple = "sides", 8, 8

    def features(self, image):
        height, width = image.shape[0] // 8, image.shape[1] // 8
        made = torch.zeros(height, width, 2)
        made[:, : width // 2, 0], made[:, width // 2 :, 1] = 1, 1
        return made


def test_a_feature_network_tells_apart_what_looks_the_same():
    noise = np.random.default_rng(0).integers(100, 140, (HEIGHT, WIDTH, 3)).astype(np.uint8)
    left = np.arange(WIDTH)[None] < WIDTH / 2
    truth = np.broadcast_to(left, (HEIGHT, WIDTH))
    marks = clicks([(30, 20), (20, 45), (40, 70)], [(100, 45)])
    knowing = GrabCutSegmenter(Sides())
    assert "sides" in knowing.name
    assert iou(knowing.segment(noise, marks, None), truth) > 0.95
    assert iou(GrabCutSegmenter().segment(noise, marks, None), truth) < 0.85


def test_described_are_the_principal_components():
    class Random:
        name, stride, multiple = "random", 8, 8

        def features(self, image):
            torch.manual_seed(0)
            wide = torch.randn(image.shape[0] // 8, image.shape[1] // 8, 6)
            return wide * torch.tensor([9.0, 7, 0.1, 0.1, 0.1, 0.1])

    found = described(np.zeros((96, 160, 3), np.uint8), Random(), 2)
    assert np.square(found).mean() == pytest.approx(1, rel=1e-4)
    flat = found.reshape(-1, 2).astype(float)
    covariance = np.cov(flat.T)
    assert abs(covariance[0, 1]) < 1e-3 * covariance[1, 1]
    assert covariance[1, 1] / covariance[0, 0] == pytest.approx(81 / 49, rel=0.15)
