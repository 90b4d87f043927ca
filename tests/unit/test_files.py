"""Formats, and all-or-nothing writing."""

import numpy as np
import pytest
from PIL import Image

from nerfkit.errors import UserError
from nerfkit.files import (
    atomic_path,
    list_images,
    read_image,
    read_json,
    read_mask,
    stage_folder,
    write_image,
    write_json,
    write_manifest,
    write_mask,
)


def test_a_stage_that_fails_leaves_what_was_there(tmp_path):
    out = tmp_path / "stage"
    with stage_folder(out) as folder:
        (folder / "a.txt").write_text("first")
    with pytest.raises(ValueError, match="half way"), stage_folder(out) as folder:
        (folder / "a.txt").write_text("second")
        raise ValueError("half way")
    assert (out / "a.txt").read_text() == "first"


def test_a_stage_that_ends_replaces_the_whole_folder(tmp_path):
    out = tmp_path / "stage"
    for name in ("old.txt", "new.txt"):
        with stage_folder(out) as folder:
            (folder / name).write_text(name)
    assert [path.name for path in out.iterdir()] == ["new.txt"]
    assert [path.name for path in tmp_path.iterdir()] == ["stage"]


def test_leftovers_of_a_kill_are_cleared(tmp_path):
    (tmp_path / "stage.partial").mkdir()
    (tmp_path / "stage.partial" / "half.png").write_text("x")
    with stage_folder(tmp_path / "stage") as folder:
        assert not list(folder.iterdir())


def test_an_atomic_write_that_fails_leaves_no_trace(tmp_path):
    path = tmp_path / "a.json"
    write_json(path, {"a": 1})
    with pytest.raises(OSError, match="disk"), atomic_path(path) as temporary:
        temporary.write_text("{")
        raise OSError("disk full")
    assert read_json(path) == {"a": 1}
    assert [p.name for p in tmp_path.iterdir()] == ["a.json"]


def test_a_manifest_changes_exactly_when_a_file_does(tmp_path):
    (tmp_path / "a.bin").write_bytes(b"1")
    manifests = []
    for content in (b"1", b"1", b"2"):
        (tmp_path / "a.bin").write_bytes(content)
        (tmp_path / "m.json").unlink(missing_ok=True)
        write_manifest(tmp_path, "m", views=3)
        manifests.append((tmp_path / "m.json").read_text())
    assert manifests[0] == manifests[1] != manifests[2]
    assert read_json(tmp_path / "m.json")["views"] == 3


def test_images_and_masks_read_back(tmp_path):
    rng = np.random.default_rng(0)
    image, mask = rng.integers(0, 256, (5, 7, 3), np.uint8), rng.random((5, 7)) > 0.5
    write_image(tmp_path / "a.png", image)
    write_mask(tmp_path / "m.png", mask)
    assert (read_image(tmp_path / "a.png") == image).all()
    assert (read_mask(tmp_path / "m.png") == mask).all()
    Image.fromarray(mask.astype(np.uint8)).save(tmp_path / "ones.png")
    assert (read_mask(tmp_path / "ones.png") == mask).all()


def test_what_is_transparent_lies_over_white_and_a_cutout_is_a_mask_by_its_opacity(tmp_path):
    cutout = np.zeros((2, 3, 4), np.uint8)
    cutout[0] = [[10, 20, 30, 255], [200, 100, 0, 51], [90, 90, 90, 0]]
    Image.fromarray(cutout).save(tmp_path / "a.png")
    expected = [[10, 20, 30], [244, 224, 204], [255, 255, 255]]
    np.testing.assert_allclose(read_image(tmp_path / "a.png")[0], expected, atol=1)
    assert read_mask(tmp_path / "a.png").tolist() == [[True, False, False], [False] * 3]
    cutout[..., 3] = 255
    Image.fromarray(cutout).save(tmp_path / "opaque.png")
    assert read_mask(tmp_path / "opaque.png").tolist() == [[False, True, False], [False] * 3]


def test_exif_rotation_is_applied(tmp_path):
    image = Image.fromarray(np.zeros((4, 6, 3), np.uint8))
    exif = image.getexif()
    exif[0x0112] = 6
    image.save(tmp_path / "a.jpg", exif=exif)
    assert read_image(tmp_path / "a.jpg").shape == (6, 4, 3)


@pytest.mark.parametrize("content", [b"not an image", b"\xff\xd8\xff\xe0 cut"])
def test_what_is_no_image_is_named(tmp_path, content):
    (tmp_path / "a.jpg").write_bytes(content)
    with pytest.raises(UserError, match=r"a\.jpg cannot be read as an image"):
        read_image(tmp_path / "a.jpg")


def test_a_json_error_names_file_and_line(tmp_path):
    (tmp_path / "p.json").write_text('{\n "a": }')
    with pytest.raises(UserError, match=r"p\.json, line 2"):
        read_json(tmp_path / "p.json")
    with pytest.raises(UserError, match="not there"):
        read_json(tmp_path / "q.json")


def test_listing_takes_images_only_in_order(tmp_path):
    for name in ("b.JPG", "a.png", "notes.txt"):
        (tmp_path / name).touch()
    assert [p.name for p in list_images(tmp_path)] == ["a.png", "b.JPG"]
    assert list_images(tmp_path / "none") == []
