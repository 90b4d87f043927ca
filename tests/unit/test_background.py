"""What other photos show behind the object, on the analytic scene where it is known exactly."""

import dataclasses
from dataclasses import replace
from pathlib import Path

import analytic
import numpy as np
import pytest

from nerfkit.background import BackgroundSettings, background, hidden, look_behind, seamless
from nerfkit.files import read_image, read_json, read_mask, write_mask
from nerfkit.projection import lift
from nerfkit.visibility import Shown, before, witnesses

SETTINGS = BackgroundSettings()
LENS = analytic.LENS.resized(192, 144)


def large_views(half=0.6):
    """Ten views over an arc of twice `half`, of more pixels than those of a capture."""
    return [dataclasses.replace(view, camera=LENS) for view in analytic.views(Path(), half=half)]


def shown(views, noise=0.0):
    """What each view shows: the ball in its hole, and what is beside it at depths that are a little off."""
    rng, made = np.random.default_rng(0), []
    for view in views:
        shot = analytic.shoot(view.world_from_cam, LENS)
        depth = shot.depth * (1 + noise * rng.normal(size=shot.depth.shape)).astype(np.float32)
        made.append(Shown(view, shot.ball, shot.ball, depth, (shot.rgb / 255).astype(np.float32)))
    return made


def seen_exactly(view, others, fewest):
    """Pixels of a view's bare surface that some others show beside the ball, by asking for each whether the
    way there is blocked by the ball; (H, W)."""
    bare = analytic.shoot(view.world_from_cam, LENS, ball=False)
    points = lift(view, bare.depth)
    count = np.zeros(bare.depth.shape, int)
    for other in others:
        cam_from_world = np.linalg.inv(other.world_from_cam)
        local = points @ cam_from_world[:3, :3].T + cam_from_world[:3, 3]
        xy = other.camera.project(local.reshape(-1, 3)).reshape(*points.shape[:2], 2)
        framed = (xy >= 0).all(axis=2) & (xy < [other.camera.width, other.camera.height]).all(axis=2)
        origin = other.world_from_cam[:3, 3]
        way = points - origin
        t = np.clip(-(way @ origin) / (way**2).sum(axis=2), 0, 1)
        nearest = np.linalg.norm(origin + t[..., None] * way, axis=2)
        count += framed & (nearest > analytic.BALL)
    return count >= fewest


@pytest.mark.parametrize(("half", "share"), [(0.25, (0.3, 0.7)), (0.6, (0.99, 1))])
@pytest.mark.parametrize("noise", [0.0, 0.004])
def test_what_others_show_is_seen_and_nothing_else(half, share, noise):
    views = large_views(half)
    known = shown(views, noise)
    for k in (0, 4, 9):
        one, others = known[k], known[:k] + known[k + 1 :]
        bare = analytic.shoot(views[k].world_from_cam, LENS, ball=False)
        exact = seen_exactly(views[k], views[:k] + views[k + 1 :], 2)
        assert share[0] <= exact[one.hole].mean() <= share[1]
        behind = look_behind(one, others, SETTINGS)
        assert not behind.hole[~one.hole].any()
        np.testing.assert_array_equal(behind.rgb[~one.hole], one.rgb[~one.hole])
        assert (behind.hole == ~exact)[one.hole].mean() > 0.85
        seen = one.hole & ~behind.hole
        assert np.median(np.abs(behind.depth / bare.depth - 1)[seen]) < 0.01
        assert np.abs(behind.rgb - bare.rgb / 255)[seen].mean() < 0.05


def test_a_surface_that_only_one_other_view_shows_is_not_seen():
    known = shown(large_views())
    alone = look_behind(known[4], known[:1], SETTINGS)
    np.testing.assert_array_equal(alone.hole, known[4].hole)
    trusting = look_behind(known[4], known[:1], dataclasses.replace(SETTINGS, views=1))
    assert trusting.hole.sum() < 0.8 * known[4].hole.sum()


def board(one):
    """The view's depth if a board stood between the ball and the wall."""
    directions = lift(one.view, np.ones_like(one.depth)) - one.centre
    return (0.6 - one.centre[2]) / directions[..., 2]


def test_the_nearest_surface_counts_unless_others_look_through_it():
    known = shown(large_views())
    one, others = known[4], known[:4] + known[5:]
    lying = [dataclasses.replace(other, depth=board(other)) for other in (*others[:2], *others[-2:])]
    believed = look_behind(one, lying, SETTINGS)
    seen = one.hole & ~believed.hole
    assert seen.sum() > 0.2 * one.hole.sum()
    np.testing.assert_allclose(believed.depth[seen], board(one)[seen], rtol=0.01)
    wall, doubted = (look_behind(one, views, SETTINGS) for views in (others, [*lying, *others]))
    both = one.hole & ~wall.hole & ~doubted.hole
    assert both.sum() > 0.7 * (one.hole & ~wall.hole).sum()
    assert np.median(np.abs(doubted.depth / wall.depth - 1)[both]) < 0.01


def test_what_other_masks_lack_of_the_object_is_not_what_is_behind_it():
    known = shown(large_views())
    one = known[4]
    nothing = np.zeros_like(one.hole)
    others = known[:4] + known[5:]
    careless = [replace(other, mask=nothing, hole=nothing) for other in others[:2]]
    behind = look_behind(one, careless + others[2:], SETTINGS)
    seen = one.hole & ~behind.hole
    assert seen.any()
    assert (behind.depth[seen] > 1.02 * one.depth[seen]).all()
    none_masked = [replace(other, mask=nothing, hole=nothing) for other in others]
    assert not (one.hole & ~look_behind(one, none_masked, SETTINGS).hole).any(), "the ball bars every way"
    red = np.array([0.9, 0.1, 0.1])
    assert (
        np.abs(behind.rgb[seen] / behind.rgb[seen].max(axis=1, keepdims=True) - red / 0.9).sum(axis=1) > 0.2
    ).mean() > 0.95


def test_colours_come_from_the_most_trusted_witnesses_and_one_stray_is_outvoted():
    known = shown(large_views())
    others = [known[k] for k in (3, 5, 2, 6, 1, 7, 0)]
    bare = analytic.shoot(known[4].view.world_from_cam, LENS, ball=False)
    points, rgb = lift(known[4].view, bare.depth), bare.rgb / 255
    stray = [dataclasses.replace(others[0], rgb=1 - others[0].rgb), *others[1:]]
    for asked in (others, stray):
        found = witnesses(points, asked, 0.03)
        assert np.abs(found.rgb - rgb)[found.count >= 5].mean() < 0.05
    late = [*others[:5], *(dataclasses.replace(other, rgb=1 - other.rgb) for other in others[5:])]
    many, same = witnesses(points, others, 0.03), witnesses(points, late, 0.03)
    assert (many.count == 7).any()
    np.testing.assert_array_equal(same.rgb[many.count == 7], many.rgb[many.count == 7])
    before, lost = witnesses(0.8 * points, others, 0.03), witnesses(points + 50, others, 0.03)
    assert before.through.mean() > 5 * many.through.mean()
    assert not lost.count.any()
    assert not lost.rgb.any()


def test_what_others_see_in_another_light_is_made_to_meet_the_photo():
    one = shown(large_views())[4]
    truth = np.broadcast_to(np.linspace(0.3, 0.6, one.hole.shape[1])[:, None], (*one.hole.shape, 3))
    photo = replace(one, rgb=np.where(one.hole[..., None], 0, truth).astype(np.float32))
    darker = (0.5 * np.ptp(truth) * 0.2 + truth - 0.08).astype(np.float32)
    untold = np.full((2, *truth.shape), np.nan, np.float32)
    met = seamless(photo, darker, untold, one.doubted)
    np.testing.assert_allclose(met, truth, atol=2e-3)
    far_off = seamless(photo, np.zeros_like(darker), untold, one.doubted)
    assert far_off[one.hole].max() <= 0.15 + 1e-6


def test_no_border_shows_where_one_witness_ends_and_another_begins():
    """Of views of uneven brightness the colours jump where a hole takes one away; the steps do not."""
    known = shown(large_views())
    one, others = known[4], known[:4] + known[5:]
    uneven = [replace(other, rgb=other.rgb + np.float32(0.05 * (-1) ** k)) for k, other in enumerate(others)]
    bare = analytic.shoot(one.view.world_from_cam, LENS, ball=False).rgb / 255
    behind = look_behind(one, uneven, SETTINGS)
    seen = one.hole & ~behind.hole
    points = lift(one.view, np.where(seen, behind.depth, 0).astype(np.float32))
    alone = witnesses(points, uneven, SETTINGS.tolerance).rgb
    both = seen & before(seen, 1)
    jumps = [np.abs((rgb - bare) - before(rgb - bare, 1))[both] for rgb in (alone, behind.rgb)]
    assert (jumps[0] > 0.04).mean() > 0.01
    assert (jumps[1] > 0.04).mean() < 0.3 * (jumps[0] > 0.04).mean()


def test_what_is_seen_here_and_there_is_not_seen():
    one = shown(large_views())[4]
    rng = np.random.default_rng(0)
    assert hidden(one.hole & (rng.random(one.hole.shape) < 0.5), one)[one.hole].all()
    rows = np.arange(len(one.hole))[:, None] > np.nonzero(one.hole)[0].mean()
    half = one.hole & rows
    assert (hidden(half, one) == half)[one.hole].mean() > 0.95


@pytest.fixture(scope="module")
def capture(tmp_path_factory):
    """A capture with holes at the ball, and exact depth with it."""
    root = tmp_path_factory.mktemp("background")
    views = analytic.write_capture(root)
    for name in ("holes", "masks"):
        (root / "holes" / name).mkdir(parents=True)
    (root / "depth").mkdir()
    shots = {view.name: analytic.shoot(view.world_from_cam) for view in views}
    for name, shot in shots.items():
        for folder in ("holes", "masks"):
            write_mask(root / "holes" / folder / f"{name}.png", shot.ball & (name != "v03"))
    np.savez(root / "depth" / "depth.npz", **{name: shot.depth for name, shot in shots.items()})
    return root, views


def run(root, out, **settings):
    folders = (root / name for name in ("photos", "sfm", "holes", "depth"))
    background(*folders, out, BackgroundSettings(**settings))


def test_stage_writes_what_is_seen_and_what_is_not(capture, tmp_path):
    root, views = capture
    run(root, tmp_path / "background")
    manifest = read_json(tmp_path / "background" / "background.json")
    assert set(manifest["unseen"]) == {view.name for view in views} - {"v03"}
    with np.load(tmp_path / "background" / "depth.npz") as depths:
        for view in views:
            unseen = read_mask(tmp_path / "background" / "unseen" / f"{view.name}.png")
            hole = read_mask(root / "holes" / "holes" / f"{view.name}.png")
            image = read_image(tmp_path / "background" / "images" / f"{view.name}.png")
            assert image.dtype == np.uint8
            np.testing.assert_array_equal(image[~hole], read_image(view.path)[~hole])
            assert (depths[view.name] == 0)[hole].sum() == unseen.sum()
            if hole.any():
                share = unseen.sum() / hole.sum()
                assert manifest["unseen"][view.name] == pytest.approx(share, abs=1e-4)
    assert manifest["unseen_share"] == pytest.approx(np.mean(list(manifest["unseen"].values())))


def test_more_witnesses_leave_more_to_be_filled(capture, tmp_path):
    shares = []
    for views in (1, 5, 10):
        run(capture[0], tmp_path / str(views), views=views)
        shares.append(read_json(tmp_path / str(views) / "background.json")["unseen_share"])
    assert shares[0] < shares[1] < shares[2] == 1
