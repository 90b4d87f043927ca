"""Benches that end under a box, ray-cast, where the truth is known."""

from dataclasses import replace

import numpy as np
import pytest

from nerfkit.cameras import Camera
from nerfkit.inpainting import disparity
from nerfkit.inpainting.borders import continue_labels
from nerfkit.inpainting.charts import strip_parts
from nerfkit.inpainting.disparity import CONTEXT, complete_disparity
from nerfkit.inpainting.exemplar import ExemplarInpainter
from nerfkit.inpainting.guide import Guide
from nerfkit.inpainting.planes import design
from nerfkit.inpainting.regions import grown
from nerfkit.inpainting.strips import beside, find_strips
from nerfkit.masks import surroundings

LENS = Camera(252, 142, 192.0, 192.0, 126.0, 71.0, k1=0.03)
XY = LENS.unproject(LENS.pixel_centres()).reshape(142, 252, 2)
EYE = np.array([-0.2, -1.3, 0.0])  # y points down, the bench's top is y = 0
PITCH, YAW = 0.5, 0.5
ASKEW = 0.5
EDGE, THICK = -0.25, 0.1  # where across the bench its side is, and how high
LOW, HIGH = np.array([-0.15, -0.6, 2.3]), np.array([1.0, 0.0, 3.0])  # of the box
FLOOR = 0.5
LAST_SEEN = 2.37  # along the bench, where the box begins to hide the farther of its edges
COLOURS = {"floor": (0.3, 0.5, 0.2), "bench": (0.6, 0.7, 0.9), "box": (0.8, 0.5, 0.2)}


def rays():
    c, s = np.cos(PITCH), np.sin(PITCH)
    return design(XY) @ np.array([[1, 0, 0], [0, c, s], [0, -s, c]]).T


def on_level(height):
    """z-depth of a level, and where it is met: across and along the bench, which goes off to the right."""
    z = (height - EYE[1]) / np.maximum(rays()[..., 1], 1e-6)
    ground = EYE + rays() * z[..., None]
    c, s = np.cos(YAW), np.sin(YAW)
    return z, ground[..., 0] * c - ground[..., 2] * s, ground[..., 0] * s + ground[..., 2] * c


def bench(kind, end):
    """z-depth of a bench over a floor, and whether the bench is seen."""
    floor, top = on_level(FLOOR)[0], on_level(0.0)
    z, across, along = top
    half = 0.35 + {"wedge": 0.3, "straight": 0}.get(kind, 0) * (along - 1.5)
    if kind == "ragged":
        half = half + 0.12 * np.sin(9 * along) * np.sin(23 * along)
    shown = (abs(across + 0.6) < half) & (along < (9 if kind == "long" else end))
    return np.where(shown, z, floor), shown


def front(end):
    """z-depth of a bench's side that faces a viewer at its right, infinite beside it."""
    c, s = np.cos(YAW), np.sin(YAW)
    normal = np.array([c, 0, -s])
    z = (EDGE - EYE @ normal) / (rays() @ normal)
    place = EYE + rays() * z[..., None]
    shown = (z > 0) & (place[..., 1] > 0) & (place[..., 1] < THICK) & (place @ [s, 0, c] < end)
    return np.where(shown, z, np.inf)


def turned(vectors, angle):
    """Vectors (..., 3) about the upright."""
    c, s = np.cos(angle), np.sin(angle)
    x, y, z = vectors[..., 0], vectors[..., 1], vectors[..., 2]
    return np.stack([x * c - z * s, y, x * s + z * c], -1)


def box_hides():
    """z-depth of a box that stands askew over the bench's end and overhangs it, infinite beside it."""
    eye, sights = turned(EYE, YAW - ASKEW), turned(rays(), YAW - ASKEW)
    first, second = ((edge - eye) / sights for edge in (LOW, HIGH))
    near, far = np.minimum(first, second).max(axis=-1), np.maximum(first, second).min(axis=-1)
    return np.where((near < far) & (near > 0), near, np.inf)


def photograph(kind, end=2.6):
    """What is known of the picture, the disparity without the box, whether the bench is seen there, and the
    hole."""
    behind, shown = bench("straight" if kind == "thick" else kind, end)
    if kind == "thick":
        behind, shown = np.minimum(behind, front(end)), shown | (front(end) < behind)
    hole = grown(box_hides() < behind, 3)
    noise = 1 + 0.003 * np.random.default_rng(0).normal(size=behind.shape)
    truth = behind.min() / behind
    standing = np.where(box_hides() < behind, behind.min() / box_hides(), 0).astype(np.float32)
    disparity = np.where(hole, 0, truth * noise).astype(np.float32)
    return Guide(disparity, LENS, XY, standing), truth, shown, hole


def carried():
    """How far along the bench the box stands on it."""
    x, z = np.meshgrid(np.linspace(LOW[0], HIGH[0], 200), np.linspace(LOW[2], HIGH[2], 200))
    across, _, along = np.moveaxis(turned(np.stack([x, 0 * x, z], -1), ASKEW), -1, 0)
    return along[abs(across + 0.6) < 0.35].max()


def overlap(one, other):
    return (one & other).sum() / (one | other).sum()


def test_a_bench_ends_at_a_right_angle_where_that_ends_which_it_carried():
    guide, truth, shown, hole = photograph("straight", end=carried())
    (strip,) = find_strips(guide, hole, 0)
    assert overlap(strip.inside, shown & hole) > 0.65  # the outline and FEET cut the corner off
    assert not (strip.inside & ~hole).any()
    assert not (strip.known & ~shown).any()
    off = abs(complete_disparity(guide.disparity, hole, XY, [strip]) / truth - 1)
    assert np.median(off[strip.inside]) < 0.01
    assert (off[hole & ~grown(strip.inside | shown, 3)] < 0.03).mean() > 0.95


def test_the_sides_of_a_strip_lie_beyond_its_edges():
    guide, _, _, hole = photograph("straight", end=carried())
    (strip,) = find_strips(guide, hole, 0)
    near = grown(hole, 20)  # far off, the rays of a part of the picture pass by the plane
    across = on_level(0.0)[1] + 0.6
    found = [
        [overlap(side & near, beyond & near) for beyond in (across < -0.35, across > 0.35)]
        for side in strip.sides
    ]
    assert max(np.trace(found), np.trace(found[::-1])) > 1.9


def test_surfaces_beside_a_bench_are_continued_with_its_sides(monkeypatch):
    guide, _, _, hole = photograph("straight", end=carried())
    (strip,) = find_strips(guide, hole, 0)
    given = []

    def spy(labels, rim, known, hole, sides):
        given.extend(sides)
        return continue_labels(labels, rim, known, hole, sides)

    monkeypatch.setattr(disparity, "continue_labels", spy)
    complete_disparity(guide.disparity, hole, XY, [strip])
    part = surroundings(hole & ~strip.inside, round(CONTEXT * hole.shape[1]))
    for mine, beyond in zip(given, strip.sides, strict=True):
        np.testing.assert_array_equal(mine, beyond[part])


def test_a_front_below_its_edge_goes_on_and_does_not_tilt_the_top(monkeypatch):
    lens = Camera(1008, 568, 768.0, 768.0, 504.0, 284.0, k1=0.03)
    xy = lens.unproject(lens.pixel_centres()).reshape(568, 1008, 2)
    for name, value in (("EYE", EYE + np.array([0.3, 0, 0])), ("LENS", lens), ("XY", xy)):
        monkeypatch.setitem(globals(), name, value)
    end = carried() - 0.1
    guide, truth, shown, hole = photograph("thick", end)
    (strip,) = find_strips(guide, hole, 0)
    assert len(strip.planes) == 2
    up = strip.planes[0] / np.linalg.norm(strip.planes[0])
    assert np.degrees(np.arccos(up @ [0, np.cos(PITCH), np.sin(PITCH)])) < 1
    side = front(end) < bench("straight", end)[0]
    assert (strip.inside & side).sum() > 0.5 * (hole & side).sum() > 20
    disparity = complete_disparity(guide.disparity, hole, XY, [strip])
    assert np.percentile(abs(disparity / truth - 1)[strip.inside & shown], 90) < 0.01
    grey = np.where(side, 0.2, np.where(shown, 0.8, 0.5)).astype(np.float32)
    (part,) = strip_parts(np.dstack([grey] * 3), hole, replace(guide, disparity=disparity), [strip], 0.25)
    assert (part.colours[part.known & part.front] < 0.5).mean() > 0.8
    assert (part.colours[part.known & ~part.front] > 0.7).mean() > 0.99
    assert (part.wanted & part.front).any()


def test_where_nothing_is_known_of_what_it_carried_it_ends_where_it_is_last_seen():
    guide, _, shown, hole = photograph("straight", end=LAST_SEEN)
    (strip,) = find_strips(replace(guide, standing=None), hole, 0)
    assert overlap(strip.inside, shown & hole) > 0.8


@pytest.mark.parametrize("kind", ["long", "wedge", "ragged"])
def test_what_is_no_strip_or_goes_on_is_none(kind):
    guide, _, _, hole = photograph(kind)
    assert find_strips(guide, hole, 0) == []


def test_what_stands_in_front_of_the_surface_is_no_edge_of_it():
    """Boxes along both sides of a table hide it, and do not end it."""
    table, across, _ = on_level(0.0)
    seen = np.where(abs(across + 0.6) < 0.35, table, 0.8 * table)
    hole = grown(box_hides() < table, 3)
    disparity = np.where(hole, 0, seen.min() / seen).astype(np.float32)
    assert find_strips(Guide(disparity, LENS, XY), hole, 0) == []


def test_colours_end_where_the_bench_does():
    guide, _, shown, hole = photograph("straight")
    noise = np.random.default_rng(1).normal(size=(*hole.shape, 1)) * 0.02
    place = np.where(shown[..., None], COLOURS["bench"], COLOURS["floor"]) + noise
    image = (np.where(hole[..., None], COLOURS["box"], place).clip(0, 1) * 255).astype(np.uint8)
    inpainter = ExemplarInpainter()
    (strip,) = find_strips(guide, hole, inpainter.seed)
    full = replace(guide, disparity=inpainter.fill_disparity(guide, hole))
    filled = inpainter.fill(image, hole, full)
    assert ((filled[..., 2] > 140) == strip.inside)[hole].mean() > 0.97
    assert np.array_equal(filled[~hole], image[~hole])


def test_without_depth_or_hole_there_are_no_strips():
    guide, _, _, hole = photograph("straight")
    assert find_strips(guide, np.zeros_like(hole), 0) == []
    assert find_strips(replace(guide, disparity=np.zeros_like(guide.disparity)), hole, 0) == []


def test_the_rest_of_a_hole_is_not_continued_from_a_strip_unless_that_shuts_it_in():
    guide, _, _, hole = photograph("straight")
    strips = find_strips(guide, hole, 0)
    (strip,) = strips
    usable = beside(strips, hole & ~strip.inside)
    assert not (usable & strip.known).any()
    assert usable[hole & ~strip.inside].all()
    remnant = np.zeros_like(hole)
    remnant[tuple(np.argwhere(strip.known & ~grown(~strip.known, 3))[0])] = True
    assert (beside(strips, remnant) & grown(remnant, 1) & ~remnant).any()
