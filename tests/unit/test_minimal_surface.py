import numpy as np
import pytest

from nerfkit.extraction.minimal_surface import doubled, halved, least_area


def slab(size=40):
    """Two plates of a slab, known but for a disc in the middle; solid beneath, empty above."""
    place = np.indices((size, size, size), float)
    height = place[0] - size // 2
    hidden = np.hypot(place[1] - size / 2, place[2] - size / 2) < size / 4
    return (height < 0) & ~hidden, (height >= 0) & ~hidden, height


def test_a_hole_in_a_plane_is_closed_flat():
    inside, outside, height = slab()
    found = least_area(inside, outside) > 0.5
    assert found[height < -1].all()
    assert not found[height > 0].any()


def test_what_is_known_stays_and_inside_wins():
    rng = np.random.default_rng(0)
    inside, outside = rng.random((2, 30, 26, 21)) < 0.1
    u = least_area(inside, outside)
    assert (u[inside] == 1).all()
    assert (u[outside & ~inside] == 0).all()
    assert u.min() >= 0
    assert u.max() <= 1


@pytest.mark.parametrize("length", [12, 30])
def test_a_film_between_two_rings_snaps_when_they_are_too_far_apart(length):
    """Near rings are joined by a neck; far ones by a disc each, for a neck would have more area."""
    place = np.indices((60, 40, 40), float)
    radius = np.hypot(place[1] - 20, place[2] - 20)
    between = np.abs(place[0] - 30) < length / 2
    inside = ~between & (radius < 12)
    outside = (~between & (radius >= 12)) | (radius > 18)
    joined = least_area(inside, outside)[30, 20, 20] > 0.5
    assert joined == (length == 12)


def test_voxels_are_halved_and_doubled():
    voxels = np.zeros((5, 4, 4), bool)
    voxels[4, 0, 3] = True
    coarse = halved(voxels)
    assert np.argwhere(coarse).tolist() == [[2, 0, 1]]
    fine = doubled(coarse.astype(np.float32), voxels.shape)
    assert fine.shape == voxels.shape
    assert fine[4, :2, 2:].all()
    assert fine.sum() == 4
