"""Photos that are cutouts: prepared with their opacity, and empty where they are transparent."""

import dataclasses

import analytic
import numpy as np
import pytest
import torch
from PIL import Image
from test_field import SMALL

from nerfkit.fields import make_field
from nerfkit.files import cutout, open_upright, read_image, read_opacity, write_image
from nerfkit.objectives.photometric import Photometric
from nerfkit.photos import PhotosSettings, photos, read_photos
from nerfkit.rays import PixelBank, opacity_of
from nerfkit.rendering import render_view
from nerfkit.training import train


def picture(seed: int, size=(60, 80)) -> np.ndarray:
    """RGBA of random blocks, of which the left third is clear and the middle is half so."""
    rng = np.random.default_rng(seed)
    blocks = rng.integers(0, 256, (size[0] // 10, size[1] // 10, 3), np.uint8)
    colour = blocks.repeat(10, axis=0).repeat(10, axis=1)
    opacity = np.full(size, 255, np.uint8)
    opacity[:, :40], opacity[:, :20] = 128, 0
    return np.dstack([colour, opacity])


def test_prepared_cutouts_stay_cutouts_and_sfm_sees_them_over_white(tmp_path):
    for number in range(3):
        write_image(tmp_path / f"p{number}.png", picture(number))
    photos(sorted(tmp_path.glob("*.png")), None, [], tmp_path / "out", PhotosSettings(width=40))
    for number, photo in enumerate(read_photos(tmp_path / "out").photos):
        rgba = picture(number).astype(float)
        share = rgba[..., 3:] / 255
        white = rgba[..., :3] * share + 255 * (1 - share)
        half = white.reshape(30, 2, 40, 2, 3).mean(axis=(1, 3))
        assert np.abs(read_image(tmp_path / "out" / photo.file) - half).max() <= 2
        opacity = read_opacity(tmp_path / "out" / photo.file)
        assert np.array_equal(np.unique(opacity[:, :9]), [0])
        assert np.array_equal(np.unique(opacity[:, 21:]), [255])
        assert read_opacity(tmp_path / "out" / photo.large) is None
        assert np.abs(read_image(tmp_path / "out" / photo.large) - white).mean() < 10  # JPEG


def test_a_picture_that_is_opaque_everywhere_is_no_cutout(tmp_path):
    opaque = picture(0)
    opaque[..., 3] = 255
    write_image(tmp_path / "a.png", opaque)
    assert cutout(open_upright(tmp_path / "a.png")) is None
    assert read_opacity(tmp_path / "a.png") is None


@pytest.fixture
def balls(tmp_path):
    """Views of the ball alone, cut out of the closed-form place."""
    views = analytic.views(tmp_path)
    for view in views:
        shot = analytic.shoot(view.world_from_cam)
        view.path.parent.mkdir(parents=True, exist_ok=True)
        rgba = np.dstack([shot.rgb, np.where(shot.ball, 255, 0).astype(np.uint8)])
        Image.fromarray(rgba).save(view.path)
    return views


def test_a_bank_knows_what_is_clear(balls, tmp_path):
    bank = PixelBank(balls)
    everything = torch.arange(len(bank))
    shown = np.concatenate([analytic.shoot(view.world_from_cam).ball.ravel() for view in balls])
    assert np.array_equal(bank.clear(everything).numpy(), ~shown)
    opaque = dataclasses.replace(balls[0], path=tmp_path / "opaque.png")
    write_image(opaque.path, analytic.shoot(opaque.world_from_cam).rgb)
    size = opaque.camera.width * opaque.camera.height
    assert PixelBank([opaque]).clear(torch.arange(size)) is None
    mixed = opacity_of([opaque, balls[0]])
    assert (mixed[:size] == 255).all()
    assert np.array_equal(mixed[size:].numpy() == 255, shown[:size])


def test_every_other_pixel_drawn_of_cutouts_shows_something(balls):
    bank, random = PixelBank(balls), torch.Generator().manual_seed(0)
    shown = bank.clear(torch.arange(len(bank))) < 1
    share = float(shown.float().mean())
    drawn = float(shown[bank.draw(20000, random)].float().mean())
    assert drawn == pytest.approx(0.5 + 0.5 * share, abs=0.02)
    right = torch.arange(len(bank)) % 48 >= 24
    drawn = bank.draw(20000, random, allowed=right)
    assert right[drawn].all()
    assert float(shown[drawn].float().mean()) == pytest.approx(
        0.5 + 0.5 * float(shown[right].float().mean()), abs=0.02
    )


def test_nothing_stands_where_cutouts_are_clear(balls):
    """Without the term the field explains white by white matter before the cameras."""
    pose = analytic.pose(0.2)
    ball = analytic.shoot(pose).ball
    stopped = {}
    for weight in (0.0, 0.1):
        model = make_field(SMALL, 0)
        for _ in train(model, Photometric(PixelBank(balls), transparent=weight), SMALL, 0):
            pass
        got = render_view(model.eval(), analytic.LENS, pose, analytic.NEAR, analytic.FAR)
        stopped[weight] = got.accumulation
        assert np.square(got.rgb[~ball] - 1).mean() < 0.01
    assert stopped[0.1][~ball].mean() < 0.15
    assert stopped[0.1][ball].mean() > 0.85
    assert stopped[0.0][~ball].mean() > 0.5
