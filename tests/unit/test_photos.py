"""The photos stage: upright, downscaled, named, and every bad input in one sentence."""

import json

import numpy as np
import pytest
from PIL import Image

from nerfkit.errors import UserError
from nerfkit.files import read_image
from nerfkit.photos import (
    Origin,
    PhotosSettings,
    fitted_size,
    photos,
    read_photos,
    square_pixel_size,
    upright,
)

ORIENTATION = 0x0112


def picture(width: int, height: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 255, (height, width, 3), np.uint8)


def save(path, image: np.ndarray, orientation: int | None = None):
    exif = Image.Exif()
    if orientation is not None:
        exif[ORIENTATION] = orientation
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(image).save(path, exif=exif)
    return path


@pytest.fixture
def three(tmp_path):
    return [save(tmp_path / "images" / f"{n}.png", picture(40, 30, i)) for i, n in enumerate(("a", "b", "c"))]


def prepare(paths, out, tests=(), **settings):
    photos(list(paths), None, list(tests), out, PhotosSettings(**settings))
    return read_photos(out)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_click_lands_on_its_pixel_after_every_exif_rotation(tmp_path, three, orientation):
    stored = np.zeros((30, 40, 3), np.uint8)
    stored[7, 25] = 255, 0, 0
    path = save(tmp_path / "images" / "turned.png", stored, orientation)
    photo = next(p for p in prepare([*three, path], tmp_path / "out").photos if p.name == "turned")
    prepared = np.asarray(Image.open(tmp_path / "out" / photo.file))
    assert photo.stored_size == (40, 30)
    assert (
        photo.size
        == photo.upright_size
        == prepared.shape[1::-1]
        == ((40, 30) if orientation < 5 else (30, 40))
    )
    x, y = photo.from_stored(np.array([[25.5, 7.5]]))[0]
    assert prepared[int(y), int(x)].tolist() == [255, 0, 0]
    assert (x % 1, y % 1) == (0.5, 0.5)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_from_stored_scales_with_the_prepared_photo(tmp_path, three, orientation):
    stored = np.zeros((300, 400, 3), np.uint8)
    stored[60:80, 240:260] = 255
    path = save(tmp_path / "images" / "turned.png", stored, orientation)
    photo = next(p for p in prepare([*three, path], tmp_path / "out", width=40).photos if p.name == "turned")
    prepared = np.asarray(Image.open(tmp_path / "out" / photo.file))[..., 0].astype(float)
    v, u = np.mgrid[: prepared.shape[0], : prepared.shape[1]] + 0.5
    centroid = [(u * prepared).sum() / prepared.sum(), (v * prepared).sum() / prepared.sum()]
    np.testing.assert_allclose(photo.from_stored(np.array([[250.0, 70.0]]))[0], centroid, atol=1e-6)


def test_upright_without_points():
    assert upright(np.zeros((0, 2)), (4, 3), 6).shape == (0, 2)


def test_downscaling_averages_areas_and_keeps_the_rest(tmp_path):
    images = [picture(80, 60, i) for i in range(3)]
    paths = [save(tmp_path / "images" / f"{i}.png", image) for i, image in enumerate(images)]
    photo_set = prepare(paths, tmp_path / "out", width=40)
    for photo, image in zip(photo_set.photos, images, strict=True):
        prepared = np.asarray(Image.open(tmp_path / "out" / photo.file)).astype(float)
        means = image.reshape(30, 2, 40, 2, 3).mean(axis=(1, 3))
        assert np.abs(prepared - means).max() <= 1
        assert Image.open(tmp_path / "out" / photo.large).size == (80, 60)


def test_sizes():
    wide, tall = np.zeros((600, 1000, 3)), np.zeros((1000, 600, 3))
    assert fitted_size(wide.shape, 500) == (500, 300)
    assert fitted_size(tall.shape, 500) == (300, 500)
    assert fitted_size(wide.shape, 4000) == (1000, 600)
    assert square_pixel_size(np.zeros((567, 1008, 3)), 1000) == (992, 558)
    assert square_pixel_size(np.zeros((3000, 4000, 3)), 1000) == (1000, 750)
    assert square_pixel_size(wide, 1000) == (1000, 600)


def test_manifest_keeps_capture_order_and_every_fact(tmp_path):
    paths = [save(tmp_path / "images" / f"img{i}.png", picture(40, 30, i)) for i in (10, 9, 1)]
    test = save(tmp_path / "test" / "images" / "img1.png", picture(20, 10, 5), 6)
    photo_set = prepare(paths, tmp_path / "out", [test])
    assert [(p.name, p.split) for p in photo_set.photos] == [
        ("img1", "train"),
        ("img9", "train"),
        ("img10", "train"),
        ("img1", "test"),
    ]
    assert photo_set.source == "photos"
    assert (tmp_path / "out/images/img1.png").is_file()
    assert Image.open(tmp_path / "out/test/img1.png").size == (10, 20)
    assert photo_set.split("test")[0].orientation == 6
    listed = json.loads((tmp_path / "out/photos.json").read_text())["files"]
    assert len(listed) == 8


def test_unknown_orientation_means_upright(tmp_path, three):
    path = save(tmp_path / "images" / "odd.png", picture(40, 30), 9)
    photo_set = prepare([*three, path], tmp_path / "out")
    assert next(p for p in photo_set.photos if p.name == "odd").orientation == 1


def test_upright_size_swaps_with_a_quarter_turn():
    assert Origin("a", "train", "a.jpg", (40, 30), 5).upright_size == (30, 40)
    assert Origin("a", "train", "a.jpg", (40, 30), 4).upright_size == (40, 30)


def test_no_photos(tmp_path):
    with pytest.raises(UserError, match=r"no photos: put them into its images/ folder"):
        prepare([], tmp_path / "out")


def test_fewer_than_three_views(tmp_path, three):
    with pytest.raises(UserError, match=r"only 2 photos; a place needs at least 3"):
        prepare(three[:2], tmp_path / "out")


def test_unreadable_files_are_all_named_and_nothing_is_lost(tmp_path, three):
    prepare(three, tmp_path / "out")
    text = tmp_path / "images" / "notes.jpg"
    text.write_text("these are no pixels")
    cut = tmp_path / "images" / "cut.jpg"
    Image.fromarray(picture(200, 200)).save(cut)
    cut.write_bytes(cut.read_bytes()[:-3000])
    with pytest.raises(UserError, match=r"2 files of .*images cannot be read as images: cut.jpg, notes.jpg;"):
        prepare([*three, text, cut], tmp_path / "out")
    assert len(read_photos(tmp_path / "out").photos) == 3
    with pytest.raises(UserError, match=r"notes.jpg cannot be read as an image"):
        prepare([*three, text], tmp_path / "out")


def test_two_files_of_one_stem(tmp_path, three):
    twin = save(tmp_path / "images" / "b.jpg", picture(40, 30))
    with pytest.raises(UserError, match=r"several files of one name up to the suffix: b.jpg, b.png"):
        prepare([*three, twin], tmp_path / "out")


def test_photos_and_a_video(tmp_path, three):
    with pytest.raises(UserError, match=r"both a video \(video.mp4\) and photos"):
        photos(three, tmp_path / "video.mp4", [], tmp_path / "out", PhotosSettings())


def test_outside_of_the_masks_is_black_but_not_for_sfm(tmp_path, three):
    masks = []
    for path in three:
        with Image.open(path) as image:
            mask = np.zeros((image.height, image.width), np.uint8)
        mask[: len(mask) // 2] = 255
        masks.append(tmp_path / "masks" / f"{path.stem}.png")
        masks[-1].parent.mkdir(exist_ok=True)
        Image.fromarray(mask).save(masks[-1])
    photos(three, None, [], tmp_path / "keep", PhotosSettings())
    photos(three, None, [], tmp_path / "black", PhotosSettings(outside="black"), masks)
    for photo in read_photos(tmp_path / "black").photos:
        kept, black = (read_image(tmp_path / name / photo.file) for name in ("keep", "black"))
        half = len(kept) // 2
        np.testing.assert_array_equal(black[:half], kept[:half])
        assert black[half + 1 :].max() == 0 < kept[half + 1 :].max()
        np.testing.assert_array_equal(
            *(read_image(tmp_path / name / photo.large) for name in ("keep", "black"))
        )
    with pytest.raises(UserError, match=r"photos\.outside is black, but masks/ has no mask of"):
        photos(three, None, [], tmp_path / "none", PhotosSettings(outside="black"), masks[1:])
