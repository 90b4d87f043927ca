"""Rays against the pin-hole by hand, and the pixel bank against its photos."""

import dataclasses

import analytic
import numpy as np
import torch

from nerfkit.cameras import Camera
from nerfkit.rays import PixelBank, Rays, view_rays
from nerfkit.scene import View


def test_rays_meet_the_surfaces_they_were_cast_to():
    """origin + t * direction with t = z / cosine lands on the ball's sphere."""
    pose = analytic.pose(0.3)
    shot = analytic.shoot(pose)
    rays = view_rays(analytic.LENS, pose, analytic.NEAR, analytic.FAR)
    t = torch.from_numpy(shot.depth).flatten() / rays.cosines
    points = rays.origins + t[:, None] * rays.directions
    radius = points[torch.from_numpy(shot.ball).flatten()].norm(dim=1)
    torch.testing.assert_close(radius, torch.full_like(radius, analytic.BALL), atol=1e-4, rtol=0)
    torch.testing.assert_close(rays.directions.norm(dim=1), torch.ones(len(rays)))
    torch.testing.assert_close(rays.near * rays.cosines, torch.full((len(rays),), analytic.NEAR))


def test_a_bank_of_mixed_sizes_gives_each_view_its_own_rays_and_colours(tmp_path):
    rng = np.random.default_rng(0)
    upright = Camera(20, 30, 25, 25, 10, 15)
    views = [
        dataclasses.replace(view, camera=camera)
        for view, camera in zip(
            analytic.views(tmp_path, 3), [analytic.LENS, upright, analytic.LENS], strict=True
        )
    ]
    images = [rng.integers(0, 256, (v.camera.height, v.camera.width, 3), np.uint8) for v in views]
    bank = PixelBank(views, images)
    whole = bank.rays(torch.arange(len(bank)))
    each = Rays.cat([view_rays(v.camera, v.world_from_cam, v.near, v.far) for v in views])
    for name in Rays.__dataclass_fields__:
        torch.testing.assert_close(getattr(whole, name), getattr(each, name))
    colours = torch.from_numpy(np.concatenate([image.reshape(-1, 3) for image in images])) / 255
    torch.testing.assert_close(bank.colours(torch.arange(len(bank))), colours.float())
    assert bank.rgb.dtype == torch.uint8


def test_drawing_keeps_to_allowed_pixels_evenly(tmp_path):
    views: list[View] = analytic.views(tmp_path, 1)
    bank = PixelBank(views, [np.zeros((36, 48, 3), np.uint8)])
    allowed = torch.zeros(len(bank), dtype=torch.bool)
    allowed[100:110] = True
    drawn = bank.draw(2000, torch.Generator().manual_seed(0), allowed)
    counts = torch.bincount(drawn, minlength=len(bank))
    assert counts[allowed].min() > 120
    assert counts[~allowed].sum() == 0


def test_chunks_put_together_are_the_rays(tmp_path):
    rays = view_rays(analytic.LENS, analytic.pose(0.1), 1, 2)
    again = Rays.cat(list(rays.chunks(700)))
    assert torch.equal(again.directions, rays.directions)
    assert [len(chunk) for chunk in rays.chunks(1000)] == [1000, 728]
