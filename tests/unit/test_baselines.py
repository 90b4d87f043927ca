"""The baselines of segmentation_table on the exactly ray-cast ball, with its true depth and field."""

import dataclasses
from pathlib import Path

import analytic
import cv2
import numpy as np
import pytest
import torch

from nerfkit.errors import UserError
from nerfkit.files import read_json, write_image, write_json, write_mask
from nerfkit.rays import Rays, view_rays
from nerfkit.rendering import Rendering
from nerfkit.scene import View
from nerfkit.segmentation.carried import Carrier
from nerfkit.segmentation.cut import smoothest_division
from nerfkit.segmentation.object_masks import read_object_masks, write_object_masks
from nerfkit.segmentation.projected_clicks import (
    ProjectedClicks,
    ProjectedClicksSettings,
    spread_around,
    spread_inside,
)
from nerfkit.segmentation.projected_grabcut import ProjectedGrabCut, grabcut
from nerfkit.segmentation.propagation import PropagationSettings, propagation
from nerfkit.segmentation.source_mask import SourceMaskSettings, source_mask
from nerfkit.segmentation.source_only import SourceOnly
from nerfkit.segmentation.voxel_cut import VoxelCut, VoxelCutSettings, classify, scribbles
from nerfkit.segmentation.voxels import VoxelGrid, look, render_labels

LENS = analytic.LENS.resized(144, 108)
SMALL = VoxelCutSettings(resolution=40)


def iou(a: np.ndarray, b: np.ndarray) -> float:
    return (a & b).sum() / max((a | b).sum(), 1)


def true_depths(views: list[View]) -> dict[str, np.ndarray]:
    """By ray casting."""
    return {view.name: analytic.shoot(view.world_from_cam, view.camera).depth for view in views}


class BallField:
    """The analytic scene as a field of opaque surfaces: the ball, floor and wall, each of its own colour."""

    def density(self, points: torch.Tensor) -> torch.Tensor:
        solid = (points.norm(dim=-1) < analytic.BALL) | (points[..., 1] > 0.5) | (points[..., 2] > 1)
        return 400.0 * solid

    def trace(self, rays: Rays, generator=None, live=None) -> Rendering:
        steps = torch.linspace(0, 1, 129)
        edges = rays.near[:, None] + (rays.far - rays.near)[:, None] * steps
        middle = 0.5 * (edges[:, 1:] + edges[:, :-1])
        points = rays.origins[:, None] + rays.directions[:, None] * middle[..., None]
        tau = self.density(points) * edges.diff(dim=1)
        passed = torch.exp(-(tau.cumsum(1) - tau))
        weights = torch.cat([(passed * (1 - torch.exp(-tau)))[:, :-1], passed[:, -1:]], dim=1)
        red = (points.norm(dim=-1) < analytic.BALL + 0.05)[..., None] * torch.tensor([0.9, 0.1, 0.1])
        grey = (points.norm(dim=-1) >= analytic.BALL + 0.05)[..., None] * torch.tensor([0.3, 0.5, 0.5])
        colour = (weights[..., None] * (red + grey)).sum(1)
        depth = (weights * middle).sum(1) * rays.cosines
        return Rendering(colour, colour, depth, 1 - torch.exp(-tau.sum(1)), weights, edges)


@pytest.fixture(scope="module")
def ball(tmp_path_factory) -> tuple[list[View], dict[str, np.ndarray]]:
    """Views of the ball with their photos, and the true masks."""
    folder = tmp_path_factory.mktemp("ball")
    (folder / "images").mkdir()
    views, truth = [], {}
    for view in analytic.views(folder, 7, 0.7):
        own = dataclasses.replace(view, camera=LENS)
        shot = analytic.shoot(own.world_from_cam, LENS)
        write_image(own.path, shot.rgb)
        views.append(own)
        truth[own.name] = shot.ball
    return views, truth


def away(view: View, folder: Path) -> View:
    """A view that looks past the ball."""
    pose = analytic.pose(0.1)
    pose[:3, :3] = pose[:3, :3] @ cv2.Rodrigues(np.array([0.0, 0.9, 0.0]))[0]
    shot = analytic.shoot(pose, LENS)
    assert not shot.ball.any()
    write_image(folder / "away.png", shot.rgb)
    return dataclasses.replace(view, name="away", world_from_cam=pose, path=folder / "away.png")


def propagators(views: list[View]) -> dict:
    depths = true_depths(views)
    carrier = Carrier(depths, 0.03)
    return {
        "projected_grabcut": ProjectedGrabCut(carrier),
        "projected_clicks": ProjectedClicks(carrier, ProjectedClicksSettings()),
        "voxel_cut": VoxelCut(BallField(), depths, SMALL),
    }


LEAST = {"projected_grabcut": 0.6, "projected_clicks": 0.8, "voxel_cut": 0.8}


@pytest.mark.parametrize("name", LEAST)
def test_one_mask_reaches_every_view(ball, name):
    views, truth = ball
    masks, order = propagators(views)[name].propagate(views, {"v03": truth["v03"]})
    assert set(masks) == set(truth)
    assert order == sorted(set(truth) - {"v03"})
    np.testing.assert_array_equal(masks["v03"], truth["v03"])
    assert np.mean([iou(masks[view], truth[view]) for view in order]) > LEAST[name]


@pytest.mark.parametrize("name", LEAST)
def test_a_view_that_does_not_see_the_object_gets_an_empty_mask(ball, name, tmp_path):
    views, truth = ball
    both = [views[3], away(views[3], tmp_path)]
    masks, _ = propagators(both)[name].propagate(both, {"v03": truth["v03"]})
    assert not masks["away"].any()


def test_without_a_propagator_only_clicked_views_have_masks(ball):
    views, truth = ball
    masks, order = SourceOnly().propagate(views, {"v03": truth["v03"]})
    assert list(masks) == ["v03"]
    assert order == []


def test_carried_pixels_lie_on_the_object_and_hidden_ones_stay_away(ball):
    """The ball's pixels fall on the ball; of a floor point behind it, no view through the ball gets one."""
    views, truth = ball
    carrier = Carrier(true_depths(views), 0.02)
    reached = carrier.carry_mask(truth["v00"], views[0], views[2])
    assert reached.sum() > 0.5 * truth["v02"].sum()
    assert (reached & truth["v02"]).sum() / reached.sum() > 0.98
    around = carrier.carry_mask(~truth["v00"], views[0], views[6])
    assert (around & truth["v06"]).sum() / truth["v06"].sum() < 0.05
    np.testing.assert_array_equal(carrier.carry_mask(truth["v00"], views[0], views[0]), truth["v00"])


def test_grabcut_without_colours_to_learn_keeps_its_seeds():
    image = np.zeros((20, 20, 3), np.uint8)
    for seeds in (np.zeros((20, 20), bool), np.ones((20, 20), bool)):
        np.testing.assert_array_equal(grabcut(image, seeds), seeds)


def test_points_are_spread_inside_and_around():
    y, x = np.mgrid[:80, :120] + 0.5
    mask = np.hypot(x - 50, y - 40) < 20
    inside, around = spread_inside(mask, 8), spread_around(mask, 4)
    np.testing.assert_allclose(inside[0], [50, 40], atol=1)
    assert (np.hypot(*(inside - [50, 40]).T) < 13).all()
    distance = np.hypot(*(around - [50, 40]).T) - 20
    assert ((distance > 0.02 * 120) & (distance < 0.13 * 120)).all()
    for points, least in ((inside, 6), (around, 25)):
        gaps = np.linalg.norm(points[:, None] - points[None], axis=2) + 1e9 * np.eye(len(points))
        assert gaps.min() > least
    assert spread_inside(mask, 9999).shape[0] < mask.sum()
    assert len(spread_around(np.ones((9, 9), bool), 4)) == 0


def test_a_voxel_knows_its_points():
    grid = VoxelGrid.around(np.array([1.0, 2.0, 3.0]), 0.5, 4)
    np.testing.assert_array_equal(grid.index(grid.centres()), np.arange(64))
    np.testing.assert_allclose(grid.centres()[[0, 1, 4, 16, 63]][:, 0], [0.625, 0.875, 0.625, 0.625, 1.375])
    np.testing.assert_array_equal(grid.index(np.array([[1.6, 2, 3], [1, 2, 2.4]])), [-1, -1])


def test_voxels_are_as_opaque_as_the_scene_there():
    grid = VoxelGrid.around(np.zeros(3), 0.6, 24)
    opacity, colour = look(BallField(), grid)
    radius = np.linalg.norm(grid.centres(), axis=1)
    inside, air = (
        radius < analytic.BALL - 0.05,
        (radius > analytic.BALL + 0.05) & (grid.centres()[:, 1] < 0.4),
    )
    assert opacity[inside].min() > 0.99
    assert opacity[air].max() < 0.01
    np.testing.assert_allclose(colour[inside].mean(axis=0), [0.9, 0.1, 0.1], atol=0.02)


def test_rendered_labels_are_what_a_view_sees(ball):
    """With the ball's voxels labelled the share is its silhouette; with all or none it is 1 or 0 there."""
    views, truth = ball
    grid = VoxelGrid.around(np.zeros(3), 0.45, 64)
    labels = np.linalg.norm(grid.centres(), axis=1) < analytic.BALL + grid.side
    share = render_labels(BallField(), views[1], grid, labels)
    assert iou(share > 0.5, truth["v01"]) > 0.95
    assert not render_labels(BallField(), views[1], grid, np.zeros_like(labels)).any()
    everything = render_labels(BallField(), views[1], grid, np.ones_like(labels))
    assert everything[truth["v01"]].mean() > 0.97


def test_scribbles_leave_the_edge_out_and_contradict_nobody(ball):
    views, truth = ball
    cut = VoxelCut(BallField(), true_depths(views), SMALL)
    grid = VoxelGrid.around(np.zeros(3), 0.6, 40)
    thing, rest = scribbles(grid, [cut.source(view, truth[view.name]) for view in views[2:5]], 0.02)
    radius = np.linalg.norm(grid.centres(), axis=1)
    assert thing.sum() > 100
    assert rest.sum() > 100
    assert not (thing & rest).any()
    assert radius[thing].max() < analytic.BALL + 2 * grid.side
    assert radius[rest].min() > analytic.BALL - 2 * grid.side


def test_the_perceptron_tells_apart_what_it_was_taught():
    rng = np.random.default_rng(0)
    features = rng.normal(size=(400, 3))
    side = features[:, 0] > 0
    taught = np.arange(400) < 200
    logit = classify(features, side & taught, ~side & taught)
    assert ((logit > 0) == side)[200:].mean() > 0.93
    assert (classify(features, side, np.zeros(400, bool)) > 0).all()
    assert (classify(features, np.zeros(400, bool), side) < 0).all()


def test_the_division_of_voxels_is_the_cheapest():
    """Against every labelling of a 2 x 2 x 3 grid."""
    rng = np.random.default_rng(3)
    shape = (2, 2, 3)
    labellings = (np.arange(2**12)[:, None] >> np.arange(12) & 1).reshape(-1, *shape).astype(float)
    for _ in range(5):
        cost = rng.normal(size=shape)
        edges = [rng.uniform(0.1, 1, shape) for _ in range(3)]
        for edge, axis in zip(edges, (2, 1, 0), strict=True):
            np.moveaxis(edge, axis, 0)[-1] = 0
        price = (labellings * cost).sum(axis=(1, 2, 3))
        for edge, axis in zip(edges, (2, 1, 0), strict=True):
            weight = np.delete(edge, shape[axis] - 1, axis)
            price += 0.7 * (np.abs(np.diff(labellings, axis=axis + 1)) * weight).sum(axis=(1, 2, 3))
        found = smoothest_division(cost, tuple(edges), 0.7, rounds=3000) > 0.5
        np.testing.assert_array_equal(found, labellings[price.argmin()] > 0.5)


def test_the_stage_writes_masks_of_clicked_views_alone(tmp_path):
    """The backend none needs no field; what is not there is not an empty mask."""
    views = analytic.write_capture(tmp_path, 3)
    mask = analytic.shoot(views[1].world_from_cam).ball
    write_object_masks(tmp_path / "source", {"ball": {"v01": mask}})
    folders = (
        tmp_path / "photos",
        tmp_path / "sfm",
        tmp_path / "source",
        tmp_path / "field",
        tmp_path / "depth",
        tmp_path / "out",
    )
    propagation(*folders, PropagationSettings(backend="none"))
    assert list(read_object_masks(tmp_path / "out")["ball"]) == ["v01"]
    assert read_json(tmp_path / "out/propagation.json")["empty"] == []


def truth_stage(root: Path, objects: list[dict]) -> Path:
    """Run source_mask with the backend truth on a capture of three views; the mask of v01 alone is there."""
    views = analytic.write_capture(root, 3)
    size = [analytic.LENS.width, analytic.LENS.height]
    photos = [
        {
            **{"name": view.name, "split": "train", "original": f"{view.name}.jpg", "stored_size": size},
            **{"orientation": 1, "file": f"images/{view.name}.png", "size": size},
            **{"large": f"images/{view.name}.png", "large_size": size},
        }
        for view in views
    ]
    write_json(root / "photos/photos.json", {"source": "photos", "photos": photos})
    (root / "clicks").mkdir()
    write_json(root / "clicks/clicks.json", {"objects": objects})
    (root / "masks").mkdir()
    mask = analytic.shoot(views[1].world_from_cam, analytic.LENS.resized(96, 72)).ball
    write_mask(root / "masks/v01.png", mask)
    settings = SourceMaskSettings(backend="truth", geometry=False)
    folders = (root / name for name in ("photos", "clicks", "sfm", "depth", "source_mask"))
    source_mask(*folders, settings, true_masks=root / "masks")
    return root / "source_mask"


def clicked(name: str, photo: str) -> dict:
    click = {"photo": photo, "points": [[24, 18]], "labels": [1], "box": None}
    return {"name": name, "text": None, "clicks": [click]}


def test_the_true_mask_is_taken_as_it_is(tmp_path):
    out = truth_stage(tmp_path, [clicked("ball", "v01")])
    mask = read_object_masks(out)["ball"]["v01"]
    assert mask.shape == (36, 48)
    assert iou(mask, analytic.shoot(analytic.views(tmp_path, 3)[1].world_from_cam).ball) > 0.9
    assert read_json(out / "source_mask.json")["made_by"] == "the user's mask"


@pytest.mark.parametrize(
    ("objects", "sentence"),
    [
        ([clicked("ball", "v02")], r"has no mask of the clicked photo v02; add it, click a photo that .*v01"),
        (
            [clicked("ball", "v01"), clicked("cup", "v01")],
            r"truth knows one object, but 2 are clicked \(ball",
        ),
    ],
)
def test_a_true_mask_that_is_not_there(tmp_path, objects, sentence):
    with pytest.raises(UserError, match=sentence):
        truth_stage(tmp_path, objects)


def test_rays_of_the_ball_field_agree_with_the_exact_scene(ball):
    """The stand-in field is the scene: else the tests above would prove little."""
    views, _ = ball
    view = views[3]
    traced = BallField().trace(view_rays(view.camera, view.world_from_cam, view.near, view.far))
    error = np.abs(
        traced.depth.numpy().reshape(108, 144) - analytic.shoot(view.world_from_cam, view.camera).depth
    )
    assert np.median(error) < 0.03
