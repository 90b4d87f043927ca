"""The stage on the analytic scene: a floor and a wall, with a ball to be removed, exact depth."""

from itertools import pairwise

import analytic
import cv2
import numpy as np
import pytest
from PIL import Image

from nerfkit.errors import UserError
from nerfkit.evaluation.scores import gradient_energy
from nerfkit.files import read_image, read_json, write_image, write_json, write_mask
from nerfkit.inpainting import InpaintingSettings, inpainting, stage
from nerfkit.inpainting.carry import FilledView, carry_surfaces, look_up, same_side, sample, sharpened
from nerfkit.inpainting.exemplar import ExemplarInpainter
from nerfkit.inpainting.provided import fit_affine
from nerfkit.inpainting.regions import grown
from nerfkit.inpainting.stage import fill_view, normalised_pixels
from nerfkit.scene import View

STAGES = ("photos", "sfm", "holes", "depth")


@pytest.fixture
def capture(tmp_path):
    """What the stages before have written; v03 has no hole."""
    views = analytic.write_capture(tmp_path, count=6)
    depths = {}
    (tmp_path / "holes" / "holes").mkdir(parents=True)
    (tmp_path / "depth").mkdir()
    for view in views:
        shot = analytic.shoot(view.world_from_cam)
        depths[view.name] = shot.depth
        hole = grown(shot.ball, 1) & (view.name != "v03")
        write_mask(tmp_path / "holes" / "holes" / f"{view.name}.png", hole)
    np.savez(tmp_path / "depth" / "depth.npz", **depths)
    return tmp_path, views


def run(root, out="inpainting", provided=None, seed=0, **settings):
    inpainting(
        *(root / name for name in STAGES), None, provided, root / out, InpaintingSettings(**settings), seed
    )
    return root / out


def hole_of(root, view):
    return read_image(root / "holes" / "holes" / f"{view.name}.png")[..., 0] > 0


def true_disparity(view):
    return analytic.NEAR / analytic.shoot(view.world_from_cam, ball=False).depth


def test_fills_stay_in_the_holes_and_depth_goes_on(capture):
    root, views = capture
    out = run(root)
    errors = []
    with np.load(out / "disparity.npz") as disparity:
        assert set(disparity) == {view.name for view in views}
        for view in views:
            hole, photo = hole_of(root, view), read_image(view.path)
            image = read_image(out / "images" / f"{view.name}.png")
            assert np.array_equal(image[~hole], photo[~hole])
            assert disparity[view.name].dtype == np.float32
            assert disparity[view.name].shape == hole.shape
            if hole.any():
                assert not np.array_equal(image[hole], photo[hole])
                errors.append(np.median(np.abs(disparity[view.name] / true_disparity(view) - 1)[hole]))
            else:
                assert np.array_equal(image, photo)
    assert len(errors) == 5
    assert np.median(errors) < 0.03
    manifest = read_json(out / "inpainting.json")
    assert manifest["backend"] == "exemplar"
    assert manifest["reference"] in {view.name for view in views}
    assert "images/v00.png" in manifest["files"]


def disagreement(root, out, views):
    """Mean colour difference of the same surface point in the fills of neighbouring views, [0, 1]."""
    lens, differences = normalised_pixels(analytic.LENS), []
    filled = [
        FilledView(
            view,
            lens,
            hole_of(root, view),
            read_image(out / "images" / f"{view.name}.png"),
            true_disparity(view).astype(np.float32),
        )
        for view in views
    ]
    for one, other in pairwise(filled):
        positions, _, found = look_up(one, other, one.hole, analytic.NEAR)
        cells = np.rint(positions[found]).astype(int)
        within = other.hole[cells[:, 1], cells[:, 0]]
        theirs = other.image[cells[within, 1], cells[within, 0]]
        differences.append(np.abs(one.image[one.hole][found][within] / 255 - theirs / 255).ravel())
    return float(np.concatenate(differences).mean())


def test_carried_fills_agree_across_views(capture):
    root, views = capture
    alone = disagreement(root, run(root, "alone", carry=False), views)
    carried = disagreement(root, run(root, "carried"), views)
    assert carried < 0.5 * alone
    shares = read_json(root / "carried" / "inpainting.json")["carried"]
    assert sorted(shares.values())[0] == 0  # the reference
    assert np.median(list(shares.values())) > 0.5


def test_what_other_fills_settle_too_little_of_is_filled_for_itself(capture, monkeypatch):
    root, views = capture
    kept = stage.carry
    monkeypatch.setattr(stage, "carry", lambda target, source, left, near: left)
    alone = run(root, "alone")

    def scraps(target, source, left, near):
        kept(target, source, left, near)
        return left & (np.cumsum(left).reshape(left.shape) > 0.05 * left.sum())

    monkeypatch.setattr(stage, "carry", scraps)
    torn = run(root, "torn")
    for view in views:
        first, second = (read_image(out / "images" / f"{view.name}.png") for out in (alone, torn))
        same = (first == second).mean()
        assert same > 0.99
    assert set(read_json(torn / "inpainting.json")["carried"].values()) == {0}


def test_look_up_finds_the_same_surface_point(capture):
    root, views = capture
    one, other = (
        FilledView(
            view,
            normalised_pixels(analytic.LENS),
            hole_of(root, view),
            analytic.shoot(view.world_from_cam, ball=False).rgb,
            true_disparity(view).astype(np.float32),
        )
        for view in views[1:3]
    )
    where = np.ones_like(one.hole)
    exact = one.disparity.copy()
    one.disparity = exact * np.float32(1.04)  # a completion that is 4 % off is corrected along the ray
    positions, disparity, found = look_up(one, other, where, analytic.NEAR)
    assert found.mean() > 0.5
    good = np.abs(disparity / exact.ravel() - 1)[found]
    assert np.median(good) < 0.008
    points = np.c_[one.xy.reshape(-1, 2), np.ones(found.size)] * (analytic.NEAR / exact.reshape(-1, 1))
    moved = np.linalg.inv(other.view.world_from_cam) @ one.view.world_from_cam
    expected = analytic.LENS.project(points @ moved[:3, :3].T + moved[:3, 3]) - 0.5
    assert np.median(np.linalg.norm(positions - expected, axis=1)[found]) < 0.3


def filled_view(root, world_from_cam, name="v00"):
    shot = analytic.shoot(world_from_cam)
    bare = analytic.NEAR / analytic.shoot(world_from_cam, ball=False).depth.astype(np.float32)
    view = View(name, "train", analytic.LENS, world_from_cam, analytic.NEAR, analytic.FAR, root)
    return FilledView(view, normalised_pixels(analytic.LENS), grown(shot.ball, 1), shot.rgb, bare)


def test_filled_surfaces_arrive_where_another_view_sees_them(tmp_path):
    source, target = (filled_view(tmp_path, analytic.pose(angle)) for angle in (0.0, 0.15))
    told = carry_surfaces(target, [source], analytic.NEAR)
    shared = told > 0
    assert not shared[~target.hole].any()
    assert shared[target.hole].mean() > 0.6  # the rest is what the ball hides in the target alone
    error = np.abs(told / target.disparity - 1)[shared]
    assert np.median(error) < 0.01
    assert np.quantile(error, 0.9) < 0.03  # a pixel of the floor is as deep as the one beside it


class Misled(ExemplarInpainter):
    """Guesses surfaces farther off than they are."""

    def fill_disparity(self, guide, hole):
        return np.where(hole, 0.8 * super().fill_disparity(guide, hole), guide.disparity)


@pytest.mark.parametrize("carried", [True, False])
def test_what_is_hidden_is_guessed_once(tmp_path, carried):
    source, target = (filled_view(tmp_path, analytic.pose(angle)) for angle in (0.0, 0.05))
    truth = target.disparity.copy()
    target.disparity = np.where(target.hole, 0, truth)
    fill_view(target, Misled(), [source] if carried else [], analytic.NEAR)
    assert (np.median(np.abs(target.disparity / truth - 1)[target.hole]) < 0.01) == carried


def test_filled_surfaces_of_the_first_source_count(tmp_path):
    near, far, target = (filled_view(tmp_path, analytic.pose(angle)) for angle in (0.0, 0.05, 0.07))
    far.disparity = far.disparity * np.float32(0.99)
    first, alone = (carry_surfaces(target, sources, analytic.NEAR) for sources in ([near, far], [near]))
    assert np.array_equal(first[alone > 0], alone[alone > 0])
    assert (first > 0).sum() > (alone > 0).sum()


def test_surfaces_that_do_not_meet_the_photo_are_not_carried(tmp_path):
    source, target = (filled_view(tmp_path, analytic.pose(angle)) for angle in (0.0, 0.05))
    assert (carry_surfaces(target, [source], analytic.NEAR) > 0)[target.hole].mean() > 0.7
    source.disparity = np.where(source.hole, 0.9 * source.disparity, source.disparity).astype(np.float32)
    assert not carry_surfaces(target, [source], analytic.NEAR).any()


def test_surfaces_that_leave_most_of_a_hole_are_not_carried(tmp_path):
    source, target = (filled_view(tmp_path, analytic.pose(angle)) for angle in (0.0, 0.05))
    columns = np.flatnonzero(source.hole.any(axis=0))
    source.hole[:, : round(columns.mean())] = False
    assert not carry_surfaces(target, [source], analytic.NEAR).any()


@pytest.mark.parametrize(("degrees", "same"), [(55, True), (65, False)])
def test_a_surface_may_show_its_back_from_sixty_degrees_on(tmp_path, degrees, same):
    half = np.radians(degrees / 2)
    one, other = (filled_view(tmp_path, analytic.pose(angle, 0.0)).view for angle in (-half, half))
    assert same_side(np.zeros((1, 3)), one, other) == [same]
    assert same_side(np.array([[0.0, 0, 9]]), one, other).all()


def test_runs_are_repeatable(capture):
    root, _ = capture
    first, second = run(root, "first", seed=4), run(root, "second", seed=4)
    assert read_json(first / "inpainting.json") == read_json(second / "inpainting.json")


def test_reference_may_be_named_and_must_exist(capture):
    root, _ = capture
    assert read_json(run(root, reference="v05") / "inpainting.json")["reference"] == "v05"
    with pytest.raises(UserError, match="'v03' is no registered photo with a hole"):
        run(root, reference="v03")
    assert read_json(root / "inpainting" / "inpainting.json")["reference"] == "v05"  # nothing lost


def test_auto_reference_has_its_hole_in_frame(capture):
    root, views = capture
    for view in views[1:]:
        hole = hole_of(root, view)
        hole[:, 0] |= hole.any()
        write_mask(root / "holes" / "holes" / f"{view.name}.png", hole)
    assert read_json(run(root) / "inpainting.json")["reference"] == "v00"


def test_hole_of_another_size_is_refused(capture):
    root, _ = capture
    write_mask(root / "holes" / "holes" / "v00.png", np.ones((5, 5), bool))
    with pytest.raises(UserError, match=r"v00\.png is not of the size of its photo"):
        run(root)


@pytest.fixture
def fills(capture):
    """The user's own fills: the true pictures at twice the size, disparity in another unit, 8 bit."""
    root, views = capture
    folder = root / "mine"
    for kind in ("images", "disparity"):
        (folder / kind).mkdir(parents=True)
    for view in views:
        shot = analytic.shoot(view.world_from_cam, ball=False)
        twice = (2 * analytic.LENS.width, 2 * analytic.LENS.height)
        write_image(folder / "images" / f"{view.name}.png", cv2.resize(shot.rgb, twice))
        write_image(folder / "disparity" / f"{view.name}.png", 0.9 * true_disparity(view) + 0.05)
    return root, views, folder


def test_provided_fills_are_aligned_resized_and_pasted(fills, caplog):
    root, views, folder = fills
    caplog.set_level("INFO", "nerfkit")
    out = run(root, provided=folder)
    assert "resized from 96x72 to 48x36" in caplog.text
    with np.load(out / "disparity.npz") as disparity:
        for view in views:
            hole, photo = hole_of(root, view), read_image(view.path)
            image = read_image(out / "images" / f"{view.name}.png")
            truth = analytic.shoot(view.world_from_cam, ball=False).rgb
            assert np.array_equal(image[~hole], photo[~hole])
            assert np.abs(image[hole].astype(int) - truth[hole]).mean() < 8 if hole.any() else True
            error = np.abs(disparity[view.name] / true_disparity(view) - 1)[hole]
            assert error.size == 0 or error.max() < 0.03
    manifest = read_json(out / "inpainting.json")
    assert manifest["backend"] == "provided"
    assert max(manifest["residual"].values()) < 0.01


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (lambda f: (f / "images" / "v01.png").unlink(), "images fills 4 of the 5 photos.*missing: v01"),
        (lambda f: (f / "disparity" / "v02.png").unlink(), "disparity fills 4 of the 5 photos"),
        (lambda f: write_image(f / "images" / "odd.png", np.zeros((36, 48, 3), np.uint8)), "no photo: odd"),
        (lambda f: (f / "images" / "v00.png").write_text("no"), "v00.png cannot be read as an image"),
        (lambda f: (f / "disparity" / "v00.png").write_text("no"), "v00.png cannot be read as an image"),
        (lambda f: write_image(f / "images" / "v00.png", np.zeros((48, 36, 3), np.uint8)), "measures 36x48"),
        (lambda f: write_image(f / "disparity" / "v00.png", np.full((36, 48), 7, np.uint8)), "all alike"),
        (lambda f: _invert(f / "disparity" / "v00.png"), "does not fit the depth of the scene"),
    ],
)
def test_provided_fills_that_do_not_fit_are_refused(fills, spoil, sentence):
    root, _, folder = fills
    spoil(folder)
    with pytest.raises(UserError, match=sentence):
        run(root, provided=folder)
    assert not (root / "inpainting").exists()


def _invert(path):
    write_image(path, 255 - read_image(path)[..., 0])


def test_fills_of_unregistered_photos_are_no_error(fills):
    root, _, folder = fills
    data = read_json(root / "sfm" / "transforms.json")
    write_json(root / "sfm" / "transforms.json", {**data, "unregistered": ["lost"]})
    write_image(folder / "images" / "lost.png", np.zeros((36, 48, 3), np.uint8))
    run(root, provided=folder)


def test_sixteen_bit_disparity_keeps_its_steps(fills):
    root, views, folder = fills
    for view in views:
        values = (40000 * true_disparity(view) + 900).astype(np.uint16)
        Image.fromarray(values).save(folder / "disparity" / f"{view.name}.png")
    residual = read_json(run(root, provided=folder) / "inpainting.json")["residual"]
    assert max(residual.values()) < 1e-4


def test_affine_fit_ignores_a_third_of_outliers():
    rng = np.random.default_rng(0)
    theirs = rng.uniform(0, 255, 600)
    ours = 0.003 * theirs + 0.1
    ours[:200] += rng.uniform(0.2, 0.5, 200)
    scale, offset = fit_affine(theirs, ours)
    assert scale == pytest.approx(0.003, rel=0.02)
    assert offset == pytest.approx(0.1, abs=0.005)


def test_nothing_to_fill_copies_every_photo(capture):
    root, views = capture
    for view in views:
        write_mask(root / "holes" / "holes" / f"{view.name}.png", np.zeros((36, 48), bool))
    out = run(root)
    for view in views:
        assert np.array_equal(read_image(out / "images" / f"{view.name}.png"), read_image(view.path))


@pytest.mark.real
def test_spinnerf_fills_are_provided_and_close_to_its_own_depth(shared):
    """The provided disparities of spinnerf-1, in 8 bit, fit themselves in other units within a step."""
    path = shared / "data" / "spinnerf-1" / "inpainted" / "disparity"
    values = read_image(sorted(path.iterdir())[0])[..., 0].astype(float)
    scale, offset = fit_affine(values.ravel()[::50], (0.004 * values + 0.02).ravel()[::50])
    assert scale == pytest.approx(0.004, rel=1e-6)
    assert offset == pytest.approx(0.02, abs=1e-6)


def test_texture_carried_between_pixels_is_as_sharp_as_a_photo_from_there():
    """Noise whose amplitude falls with frequency, like leaves', photographed at every eighth of a pixel."""
    size, fine = 48, 8
    rng = np.random.default_rng(0)
    frequency = np.hypot(*np.meshgrid(*2 * [np.fft.fftfreq(size * fine)]))
    spectrum = np.fft.fft2(rng.standard_normal((size * fine,) * 2)) / np.maximum(frequency, 1e-3)
    scene = np.fft.ifft2(spectrum).real
    scene = 128 + 40 * scene / scene.std()
    photo = lambda dx, dy: np.roll(scene, (-dy, -dx), (0, 1)).reshape(size, fine, size, fine).mean((1, 3))  # noqa: E731
    plain = np.clip(photo(0, 0), 0, 255).astype(np.uint8)[..., None].repeat(3, axis=2)
    y, x = np.mgrid[6 : size - 6, 6 : size - 6].astype(np.float32)
    shares = {"plain": [], "sharpened": []}
    for dx, dy in np.ndindex(fine, fine):
        places = np.stack([x + dx / fine, y + dy / fine], axis=-1).reshape(-1, 2)
        wanted = gradient_energy(photo(dx, dy)[6:-6, 6:-6, None].repeat(3, axis=2) / 255)
        for name, image in {"plain": plain, "sharpened": sharpened(plain)}.items():
            carried = sample(image, places).reshape(*x.shape, 3)
            shares[name].append(gradient_energy(carried) / wanted)
    assert np.mean(shares["plain"]) < 0.93
    assert 0.95 < 0.92 * np.mean(shares["sharpened"]) < 1.05  # a field keeps that much of its fills'


@pytest.mark.parametrize("count", [1, 1024, 40_000])
def test_any_number_of_positions_is_sampled(count):
    ramp = np.repeat(np.arange(256, dtype=np.uint8)[None, :, None], 3, axis=2).repeat(4, axis=0)
    x = np.random.default_rng(count).uniform(8, 240, count).astype(np.float32)
    colours = sample(ramp, np.stack([x, np.full_like(x, 2)], axis=1))
    assert colours.shape == (count, 3)
    assert np.allclose(colours * 255, x[:, None], atol=1)
