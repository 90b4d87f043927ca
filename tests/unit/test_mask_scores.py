"""The two protocols of masks, on masks small enough to count."""

import numpy as np
import pytest

from nerfkit.evaluation.mask_scores import PROTOCOLS, mask_pairs, pooled, resolution, view_mean
from nerfkit.files import write_mask


def row(text: str) -> np.ndarray:
    """A mask of one row: # is the object."""
    return np.array([[letter == "#" for letter in text]])


# a: 2 of 4 right in the union, 8 of 10 in the frame; b: 1 of 1, 10 of 10.
PAIRS = {
    "a": (row("###......."), row(".###......")),
    "b": (row("#........."), row("#.........")),
}


def test_a_mean_over_views_counts_every_view_alike():
    assert view_mean(PAIRS) == pytest.approx({"iou": (2 / 4 + 1) / 2, "accuracy": (8 / 10 + 1) / 2})


def test_pooled_pixels_count_every_pixel_alike():
    assert pooled(PAIRS) == pytest.approx({"iou": 3 / 5, "accuracy": 18 / 20})


def test_pooled_takes_views_of_several_sizes():
    assert pooled({**PAIRS, "c": (row("#."), row("##"))}) == pytest.approx(
        {"iou": 4 / 7, "accuracy": 19 / 22}
    )
    assert resolution({**PAIRS, "c": (row("#."), row("##"))}) == "mixed"
    assert resolution(PAIRS) == "10x1"


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_identical_masks_score_one(protocol):
    same = {view: (truth, truth) for view, (_, truth) in PAIRS.items()}
    assert PROTOCOLS[protocol](same) == {"iou": 1.0, "accuracy": 1.0}


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_given_views_change_nothing(tmp_path, protocol):
    for name, part in (("masks", 0), ("truth", 1)):
        (tmp_path / name).mkdir()
        for view, pair in PAIRS.items():
            write_mask(tmp_path / name / f"{view}.png", pair[part])
    score = PROTOCOLS[protocol]
    before = score(mask_pairs(tmp_path / "masks", tmp_path / "truth", given=["b"]))
    assert before == pytest.approx({"iou": 1 / 2, "accuracy": 8 / 10})
    write_mask(tmp_path / "masks/b.png", ~PAIRS["b"][0])
    assert score(mask_pairs(tmp_path / "masks", tmp_path / "truth", given=["b"])) == before
    assert score(mask_pairs(tmp_path / "masks", tmp_path / "truth")) != before


def test_truth_comes_to_the_size_of_the_masks_and_views_without_either_are_left_out(tmp_path):
    for name, views in (("masks", ("a", "c")), ("truth", ("a", "b"))):
        (tmp_path / name).mkdir()
        size = 8 if name == "truth" else 4
        for view in views:
            write_mask(tmp_path / name / f"{view}.png", np.arange(size * size).reshape(size, size) < size)
    pairs = mask_pairs(tmp_path / "masks", tmp_path / "truth")
    assert list(pairs) == ["a"]
    assert [part.shape for part in pairs["a"]] == [(4, 4), (4, 4)]
    assert pairs["a"][1].mean() in (0.0, 0.25)
