"""The user's clicks are checked, mapped and kept."""

import dataclasses

import numpy as np
import pytest
from clicked import clicks as clicked
from clicked import photo

from nerfkit.clicks import clicks, read_clicks, refuse_contradictions
from nerfkit.errors import UserError
from nerfkit.files import write_json
from nerfkit.photos import read_photos
from nerfkit.prompts import PromptedObject


def prompted(name, *views):
    return PromptedObject(name, None, list(views))


@pytest.fixture
def photos(tmp_path):
    (tmp_path / "photos").mkdir()
    records = [dataclasses.asdict(photo(name)) for name in "ab"]
    write_json(tmp_path / "photos" / "photos.json", {"source": "photos", "photos": records})
    return tmp_path / "photos"


def test_clicks_are_read_back_as_they_were(photos, tmp_path):
    views = [
        {"image": "a.jpg", "points": [[40, 41], [95, 60]], "labels": [1, 0], "box": [20, 21, 60, 61]},
        {"image": "b.jpg", "points": [[1, 2]], "labels": [1]},
    ]
    write_json(tmp_path / "prompts.json", {"objects": [{"name": "cup", "text": "a cup", "clicks": views}]})
    clicks(photos, tmp_path / "prompts.json", tmp_path / "clicks")
    (cup,) = read_clicks(tmp_path / "clicks", read_photos(photos))
    first, second = cup.clicks
    assert (cup.name, cup.text, first.photo.name, second.photo.name) == ("cup", "a cup", "a", "b")
    np.testing.assert_array_equal(first.points, [[40.5, 41.5], [95.5, 60.5]])
    assert first.labels.tolist() == [True, False]
    assert first.box.tolist() == [20, 21, 60, 61]
    assert second.box is None


def test_clicks_that_contradict_each_other_are_refused():
    with pytest.raises(UserError, match=r"'disc' in a.jpg contradict each other: a positive.*\(60, 45\)"):
        refuse_contradictions([prompted("disc", clicked([(60.2, 45.9)], [(60.8, 45.1)]))])


def test_two_objects_cannot_share_a_pixel():
    one, other = prompted("cup", clicked([(60.2, 45.9)])), prompted("jug", clicked([(5, 5), (60.3, 45.1)]))
    with pytest.raises(UserError, match=r"'cup' and 'jug' in a.jpg contradict each other.*\(60, 45\)"):
        refuse_contradictions([one, other])


def test_neighbouring_clicks_and_other_photos_are_no_contradiction():
    near = prompted("disc", clicked([(60.5, 45.5)], [(61.5, 45.5)]))
    elsewhere = prompted("cup", clicked([(60.5, 45.5)], name="b"))
    refuse_contradictions([near, elsewhere])
