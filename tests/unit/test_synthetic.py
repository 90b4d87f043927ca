"""Made captures: descriptions, textures, meshes, cameras, and the geometry of what mitsuba renders."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from nerfkit.cameras import Camera
from nerfkit.errors import UserError
from nerfkit.files import read_image, read_json, read_mask
from nerfkit.synthetic.canvas import Canvas
from nerfkit.synthetic.capture import clicks, develop, look, prompts, shots, write_capture
from nerfkit.synthetic.description import (
    CameraSet,
    Film,
    Light,
    Material,
    Part,
    SceneDescription,
    Texture,
    Thing,
    from_dict,
    to_dict,
)
from nerfkit.synthetic.families import FAMILIES
from nerfkit.synthetic.shapes import make_mesh
from nerfkit.synthetic.textures import PAINTERS, paint
from nerfkit.synthetic.viewpoints import look_at, poses

OPENCV_FROM_OPENGL = np.diag([1.0, -1.0, -1.0, 1.0])
BALL = {"profile": [[0.1 * np.cos(a), 0.1 * np.sin(a)] for a in np.linspace(-np.pi / 2, np.pi / 2, 25)]}


def small_place() -> SceneDescription:
    """A ball of radius 0.1 at (0.05, 0, 0.3) above a floor, one box beside it."""
    grey = Material(Texture("plaster", [1.0, 1.0], 40.0))
    things = [
        Thing("floor", [Part("sheet", grey, {"size": [4.0, 4.0], "steps": 2})]),
        Thing(
            "ball",
            [Part("lathe", Material(Texture("glaze", [0.6, 0.3], 100.0), 0.3), BALL)],
            [0.05, 0.0, 0.3],
        ),
        Thing("box", [Part("box", grey, {"size": [0.1, 0.1, 0.1]})], [-0.3, 0.0, 0.0]),
    ]
    zone = {
        "target": [0.0, 0.0, 0.2],
        "radius": [1.0, 1.2],
        "azimuth": [-60.0, 60.0],
        "elevations": [20.0, 45.0],
    }
    sets = [
        CameraSet("view", "train", 4, **zone),
        CameraSet("test", "test", 2, arrangement="scatter", without=["ball"], **zone),
    ]
    lights = [Light([8.0, 8.0, 8.0], [1.0, -1.0, 2.0], [0.0, 0.0, 0.0], [1.0, 1.0]), Light([0.5, 0.5, 0.5])]
    return SceneDescription("small", 3, "ball", "a ball", things, lights, sets, Film(32, 24, 2))


@pytest.fixture
def studio():
    """The class that photographs, or a skip where mitsuba is missing."""
    pytest.importorskip("mitsuba", reason="mitsuba, a development dependency, is not installed")
    from nerfkit.synthetic.rendering import Studio

    return Studio


@pytest.mark.parametrize("family", sorted(FAMILIES))
def test_description_survives_json(family):
    description = FAMILIES[family](5)
    assert from_dict(json.loads(json.dumps(to_dict(description)))) == description


@pytest.mark.parametrize("family", sorted(FAMILIES))
def test_a_seed_decides_about_a_place(family):
    assert FAMILIES[family](5) == FAMILIES[family](5)
    assert FAMILIES[family](5).things != FAMILIES[family](6).things


@pytest.mark.parametrize("family", sorted(FAMILIES))
def test_an_unknown_subject_is_named(family):
    with pytest.raises(UserError, match="no subject cat; there are jug, teapot, blocks"):
        FAMILIES[family](1, "cat")


def test_description_names_what_is_wrong_with_it():
    values = to_dict(small_place())
    with pytest.raises(UserError, match=r"no thing named cat; there are floor, ball, box"):
        from_dict({**values, "subject": "cat"})
    with pytest.raises(UserError, match="colour is not a field of SceneDescription"):
        from_dict({**values, "colour": "red"})
    del values["things"][1]["parts"][0]["material"]
    with pytest.raises(UserError, match=r"things\[1\].parts\[0\]: Part needs a material"):
        from_dict(values)


def test_two_things_cannot_share_a_name():
    place = small_place()
    with pytest.raises(UserError, match="share a name"):
        replace(place, things=[*place.things, place.things[0]])


@pytest.mark.parametrize("kind", sorted(PAINTERS))
def test_textures_are_deterministic_and_vary_with_the_seed(kind):
    texture = Texture(kind, [0.2, 0.15], 400.0, seed=7)
    first, again, other = paint(texture), paint(texture), paint(replace(texture, seed=8))
    assert first.colour.shape == (60, 80, 3)
    assert first.colour.min() >= 0
    assert first.colour.max() <= 1
    np.testing.assert_array_equal(first.colour, again.colour)
    assert np.abs(first.colour - other.colour).mean() > 0.01
    if first.relief is not None:
        assert np.abs(first.relief).max() < 0.02


def test_unknown_texture_and_shape_are_named():
    with pytest.raises(UserError, match="no texture marble; there are brick, cloth"):
        paint(Texture("marble", [1.0, 1.0]))
    with pytest.raises(UserError, match="no shape cone; there are blade, box"):
        make_mesh("cone", {})


def test_noise_keeps_its_size_in_metres():
    """Noise with twice the cell falls to half its correlation over about twice the distance."""
    lengths = []
    for cell in (0.05, 0.1):
        values = Canvas((2.0, 2.0), 200.0, seed=1).noise(cell, octaves=1)
        correlation = [np.mean(values[:, :-s] * values[:, s:]) for s in range(1, 60)]
        lengths.append(next(s for s, c in enumerate(correlation, 1) if c < 0.5))
    assert lengths[1] / lengths[0] == pytest.approx(2, rel=0.2)


@pytest.mark.parametrize(
    ("shape", "parameters"),
    [
        ("box", {"size": [0.4, 0.2, 0.1], "bevel": 0.01}),
        ("lathe", BALL),
        ("tube", {"path": [[0, 0, 0], [0.1, 0, 0.1], [0.1, 0, 0.3]], "radius": [0.02, 0.01]}),
        ("sheet", {"size": [0.3, 0.2], "wave": 0.01}),
        ("blade", {"length": 0.2, "width": 0.04}),
    ],
)
def test_meshes_are_oriented_like_their_normals(shape, parameters):
    mesh = make_mesh(shape, parameters)
    corners = mesh.vertices[mesh.triangles]
    face = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    large = np.linalg.norm(face, axis=1) > 1e-9
    agreement = np.sum(face * mesh.normals[mesh.triangles].mean(1), axis=1)[large]
    assert np.isfinite(mesh.normals).all()
    assert (agreement > 0).all()


@pytest.mark.parametrize(
    ("shape", "parameters"), [("box", {"size": [0.4, 0.2, 0.1], "bevel": 1e-4}), ("lathe", BALL)]
)
def test_closed_meshes_have_the_volume_of_their_solid(shape, parameters):
    """Divergence theorem: signed volumes of triangles sum to the solid's, positive if outside is out."""
    corners = make_mesh(shape, parameters).vertices
    triangles = make_mesh(shape, parameters).triangles
    a, b, c = (corners[triangles[:, k]] for k in range(3))
    volume = np.sum(a * np.cross(b, c)) / 6
    assert volume == pytest.approx({"box": 0.008, "lathe": 4 / 3 * np.pi * 0.1**3}[shape], rel=0.02)


@pytest.mark.parametrize("arrangement", ["rows", "scatter"])
def test_cameras_look_at_their_target_from_where_the_set_says(arrangement):
    target = np.array([0.3, -0.2, 0.4])
    cameras = CameraSet(
        "set",
        "train",
        12,
        target.tolist(),
        [1.0, 1.5],
        [-50.0, 50.0],
        [10.0, 40.0],
        arrangement,
        aim_jitter=0.0,
        jitter=0.0,
    )
    for pose in poses(cameras, seed=2):
        offset = pose[:3, 3] - target
        distance = np.linalg.norm(offset)
        assert 1.0 <= distance <= 1.5
        np.testing.assert_allclose(pose[:3, 2], offset / distance, atol=1e-12)
        np.testing.assert_allclose(pose[:3, :3] @ pose[:3, :3].T, np.eye(3), atol=1e-12)
        assert np.linalg.det(pose[:3, :3]) == pytest.approx(1)
        assert abs(np.degrees(np.arctan2(offset[0], -offset[1]))) <= 50
        assert 10 - 1e-6 <= np.degrees(np.arcsin(offset[2] / distance)) <= 40 + 1e-6


def test_an_unrolled_camera_is_upright():
    pose = look_at(np.array([1.0, -2.0, 1.5]), np.zeros(3))
    assert pose[2, 0] == pytest.approx(0)
    assert pose[2, 1] > 0


def test_develop_is_srgb_below_the_shoulder_and_never_clips_a_gradient():
    grey = np.full((1, 1, 3), 0.214041)
    assert abs(int(develop(grey, 1.0)[0, 0, 0]) - 128) <= 1
    steps = develop(np.linspace(0, 1.2, 20)[None, :, None].repeat(3, 2), 1.0)[0, :, 0].astype(int)
    assert (np.diff(steps) > 0).all()


def test_clicks_lie_inside_and_outside_with_a_margin():
    v, u = np.mgrid[:120, :160]
    mask = (u - 80) ** 2 + (v - 60) ** 2 < 25**2
    positive, negative = clicks(mask, seed=1)
    assert len({tuple(p) for p in positive}) == len({tuple(p) for p in negative}) == 5
    assert all(np.hypot(x - 80, y - 60) < 24 for x, y in positive)
    assert all(np.hypot(x - 80, y - 60) > 28 for x, y in negative)
    click = prompts(small_place(), "a.jpg", mask)["objects"][0]["clicks"][0]
    assert click["labels"] == [1] * 5 + [0] * 5
    assert click["box"] == [56, 36, 105, 85]


def project(camera: Camera, pose: np.ndarray, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Pixels (N, 2) and z-depths (N,) of world points (N, 3)."""
    cam_from_world = np.linalg.inv(pose @ OPENCV_FROM_OPENGL)
    seen = points @ cam_from_world[:3, :3].T + cam_from_world[:3, 3]
    return camera.project(seen), seen[:, 2]


def test_depth_is_along_the_optical_axis_at_pixel_centres(studio):
    """Every pixel of the floor, unprojected with its z-depth and pose, lies on the plane z = 0."""
    whole = studio(small_place())
    for shot in list(shots(small_place()))[:2]:
        depth, things = whole.truth(shot.camera, shot.pose)
        on_floor = (things == 1).ravel()
        rays = np.column_stack([shot.camera.unproject(shot.camera.pixel_centres()), np.ones(depth.size)])
        points = (rays * depth.ravel()[:, None]) @ (shot.pose @ OPENCV_FROM_OPENGL)[:3, :3].T + shot.pose[
            :3, 3
        ]
        assert on_floor.sum() > 200
        assert np.abs(points[on_floor, 2]).max() < 1e-4


def test_masks_and_poses_agree(studio):
    """The ball's mask is the outline of the sphere at its known place, seen through the file's pose."""
    whole, alone = studio(small_place()), studio(small_place(), only=["ball"])
    for shot in shots(small_place()):
        sight = look(whole, alone, shot)
        rays = np.column_stack([shot.camera.unproject(shot.camera.pixel_centres()), np.ones(sight.mask.size)])
        rays = rays @ (shot.pose @ OPENCV_FROM_OPENGL)[:3, :3].T
        rays /= np.linalg.norm(rays, axis=1, keepdims=True)
        to_centre = np.array([0.05, 0.0, 0.3]) - shot.pose[:3, 3]
        miss = np.linalg.norm(to_centre - rays * (rays @ to_centre)[:, None], axis=1).reshape(
            sight.mask.shape
        )
        assert sight.mask[miss < 0.097].all()
        assert not sight.mask[miss > 0.1].any()
        assert sight.visible == pytest.approx(1)
        (pixel,), (z,) = project(shot.camera, shot.pose, np.array([[0.05, 0.0, 0.3]]))
        column, row = np.floor(pixel).astype(int)
        assert z - 0.1 < sight.depth[row, column] < z - 0.085


def test_capture_has_the_layout_of_a_scene_folder(studio, tmp_path):
    place = small_place()
    write_capture(place, tmp_path / "scene", "scalar_rgb", "about", with_truth=True)
    folder = tmp_path / "scene"
    assert sorted(p.name for p in (folder / "images").iterdir()) == [f"view_00{i}.jpg" for i in range(4)]
    assert sorted(p.name for p in (folder / "test/masks").iterdir()) == ["test_000.png", "test_001.png"]
    frames = read_json(folder / "transforms.json")["frames"]
    assert [frame["split"] for frame in frames] == ["train"] * 4 + ["test"] * 2
    assert all((folder / frame["file_path"]).exists() for frame in frames)
    assert from_dict(read_json(folder / "description.json")) == place
    mask, photo = read_mask(folder / "masks/view_002.png"), read_image(folder / "images/view_002.jpg")
    click = read_json(folder / "prompts.json")["objects"][0]["clicks"][0]
    assert click["image"] == "view_002.jpg"
    assert [bool(mask[y, x]) for x, y in click["points"]] == [bool(label) for label in click["labels"]]
    # the ball is blue and the rest is grey, so the picture itself shows where the mask belongs
    blue = photo[..., 2].astype(int) - photo[..., 0]
    assert blue[mask].mean() > 20 + blue[~mask].mean()
    behind = np.load(folder / "test/depth/test_001.npz")["z_depth"]
    there = read_mask(folder / "test/masks/test_001.png")
    assert behind.dtype == np.float32
    assert (behind[there] > 0).all()
    assert (
        np.median(behind[there]) > np.median(np.load(folder / "truth/test_001.npz")["z_depth"][there]) + 0.05
    )
    truth = np.load(folder / "truth/view_002.npz")
    assert (truth["names"][truth["thing"]] == "ball").tolist() == mask.tolist()


def test_the_subject_is_gone_from_the_test_photos(studio, tmp_path):
    write_capture(small_place(), tmp_path / "scene", "scalar_rgb", "about")
    mask = read_mask(tmp_path / "scene/test/masks/test_000.png")
    photo = read_image(tmp_path / "scene/test/images/test_000.jpg").astype(int)
    assert mask.sum() > 5
    assert (photo[..., 2] - photo[..., 0])[mask].mean() < 10


def test_the_same_seed_gives_the_same_photo(studio):
    shot = next(shots(small_place()))
    first, again = (studio(small_place()).photo(shot.camera, shot.pose, 2, shot.seed) for _ in range(2))
    np.testing.assert_array_equal(first, again)
    assert np.isfinite(first).all()


def uncovered_ball(place: SceneDescription, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The ball alone (H, W, 4), where it would be seen, and where it is seen (H, W)."""
    from nerfkit.synthetic.rendering import Studio

    shot = next(shots(place))
    whole, alone = (Studio(place, only=only, variant="llvm_ad_rgb") for only in (None, ["ball"]))
    ball = alone.truth(shot.camera, shot.pose)[1] > 0
    found = whole.uncovered(alone, ball, shot.camera, shot.pose, 251, seed)
    return found, ball, whole.truth(shot.camera, shot.pose)[1] == 2


def test_a_screen_before_the_subject_is_passed_by(studio, monkeypatch):
    """The ball behind a grey board, as the board were not there, by rays that begin right before the ball."""
    place = small_place()
    shot = next(shots(place))
    middle = 0.6 * shot.pose[:3, 3] + 0.4 * np.array([0.05, 0.0, 0.3])
    grey = place.things[2].parts[0].material
    board = Thing("board", [Part("box", grey, {"size": [0.3, 0.3, 0.3]})], (middle - [0, 0, 0.15]).tolist())
    place = replace(place, things=[*place.things, board])
    with pytest.raises(UserError, match="needs a vectorised mitsuba variant"):
        anywhere = np.ones((shot.camera.height, shot.camera.width), bool)
        studio(place).uncovered(studio(place, only=["ball"]), anywhere, shot.camera, shot.pose, 1, 0)
    try:
        found, ball, seen = uncovered_ball(place)
    except UserError as error:
        pytest.skip(f"mitsuba's vectorised variant does not run here: {error}")
    assert not seen.any()  # the board hides all of it
    assert ball.sum() > 5
    np.testing.assert_allclose((found[..., 3] > 0.5).sum(), ball.sum(), rtol=0.25)
    assert (found[..., 2] > found[..., 0])[
        ball & (found[..., 3] == 1)
    ].mean() > 0.75  # its glaze is blue; the board is grey
    assert (found[found[..., 3] == 0][:, :3] == 0).all()
    monkeypatch.setattr("nerfkit.synthetic.rendering.PATHS_AT_ONCE", 2000)
    in_parts, *_ = uncovered_ball(place, seed=1)
    np.testing.assert_allclose(in_parts[ball].mean(axis=0), found[ball].mean(axis=0), rtol=0.05)
    outline = (found[..., 3] > 0) & (found[..., 3] < 1)
    assert outline.sum() > 5  # paths at random would differ there by 0.036
    assert np.std((in_parts - found)[outline, 3]) < 0.02


@pytest.mark.parametrize(("version", "told"), [((15, 0, 6), "found 15.0.6"), (None, "found none")])
def test_an_llvm_that_would_end_the_interpreter_is_refused(studio, monkeypatch, version, told):
    import drjit

    from nerfkit.synthetic.rendering import load_mitsuba

    def llvm_version():
        if version is None:
            raise ImportError("the LLVM backend is inactive")
        return version

    monkeypatch.setattr(drjit.detail, "llvm_version", llvm_version)
    with pytest.raises(UserError, match=rf"needs LLVM 17 or newer and {told}; install .*DRJIT_LIBLLVM_PATH"):
        load_mitsuba("llvm_ad_rgb")


def test_a_subject_out_of_sight_is_reported(studio):
    place = small_place()
    away = replace(place.camera_sets[0], target=[30.0, 0.0, 0.2])
    shot = next(shots(replace(place, camera_sets=[away])))
    with pytest.raises(UserError, match="Photo view_000 does not see the subject"):
        look(studio(place), studio(place, only=["ball"]), shot)


def test_the_bundled_capture_is_what_its_seed_describes():
    """data/demo can be made again: today's `corner` still describes that place, its cameras and its poses."""
    folder = Path(__file__).parents[2] / "data/demo"
    described, bundled = FAMILIES["corner"](1, "jug"), from_dict(read_json(folder / "description.json"))
    assert bundled == replace(described, film=bundled.film)
    written = [frame["transform_matrix"] for frame in read_json(folder / "transforms.json")["frames"]]
    np.testing.assert_allclose(written, [shot.pose for shot in shots(bundled)], atol=1e-9)
    for path in (folder / "test/masks").iterdir():
        assert (np.load(folder / f"test/depth/{path.stem}.npz")["z_depth"][read_mask(path)] > 0.1).all()
    assert sum(path.stat().st_size for path in folder.rglob("*") if path.is_file()) < 5_000_000
