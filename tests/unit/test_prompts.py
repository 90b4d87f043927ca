"""Clicks: mapped to the prepared photo, or refused in one sentence."""

import json
from pathlib import Path

import numpy as np
import pytest

from nerfkit.errors import UserError
from nerfkit.photos import Photo, PhotoSet
from nerfkit.prompts import read_prompts


def photo(name: str, split: str = "train", orientation: int = 1) -> Photo:
    size = (40, 30) if orientation < 5 else (30, 40)
    return Photo(
        name,
        split,
        f"{name}.JPG",
        (400, 300),
        orientation,
        file=f"{name}.png",
        size=size,
        large="",
        large_size=size,
    )


PHOTOS = PhotoSet(
    Path(), "photos", [photo("a"), photo("b"), photo("turned", orientation=6), photo("t", "test")]
)


def entry(image: str = "a.JPG", points=((100, 50), (399, 299)), labels=(1, 0), **more) -> dict:
    return {"image": image, "points": [list(p) for p in points], "labels": list(labels), **more}


def objects(*clicks: dict, **more) -> dict:
    return {"objects": [{"name": "box", "clicks": list(clicks), **more}]}


def read(tmp_path, data, photos=PHOTOS):
    path = tmp_path / "prompts.json"
    path.write_text(json.dumps(data))
    return read_prompts(path, photos)


def test_clicks_are_pixel_centres_of_the_prepared_photo(tmp_path):
    (box,) = read(tmp_path, objects(entry(), entry("b", box=[10, 20, 400, 300]), text="a box"))
    assert (box.name, box.text) == ("box", "a box")
    assert [c.photo.name for c in box.clicks] == ["a", "b"]
    np.testing.assert_allclose(box.clicks[0].points, [[10.05, 5.05], [39.95, 29.95]])
    assert box.clicks[0].labels.tolist() == [True, False]
    assert box.clicks[0].box is None
    np.testing.assert_allclose(box.clicks[1].box, [1, 2, 40, 30])


def test_clicks_and_boxes_follow_the_exif_rotation(tmp_path):
    """Orientation 6: the stored left edge is shown at the top, the stored bottom at the left."""
    (box,) = read(tmp_path, objects(entry("turned.JPG", [(0, 299)], [1], box=[100, 50, 200, 60])))
    np.testing.assert_allclose(box.clicks[0].points, [[0.05, 0.05]])
    np.testing.assert_allclose(box.clicks[0].box, [24, 10, 25, 20])


def test_several_objects(tmp_path):
    data = {"objects": [{"name": n, "clicks": [entry()]} for n in ("one", "two")]}
    assert [o.name for o in read(tmp_path, data)] == ["one", "two"]
    data["objects"][1]["name"] = "one"
    with pytest.raises(UserError, match="several objects of one name"):
        read(tmp_path, data)


def test_frames_of_a_video_are_named_by_their_stem(tmp_path):
    frames = PhotoSet(Path(), "video", [photo("frame_000001"), photo("frame_000009")])
    (box,) = read(tmp_path, objects(entry("frame_000009.png")), frames)
    assert box.clicks[0].photo.name == "frame_000009"
    with pytest.raises(UserError, match=r"clicks for 'frame_3', .* there are frame_000001, frame_000009"):
        read(tmp_path, objects(entry("frame_3")), frames)


def test_a_box_alone_says_where_the_object_is(tmp_path):
    (box,) = read(tmp_path, objects(entry(points=[], labels=[], box=[0, 0, 9, 9])))
    assert box.clicks[0].points.shape == (0, 2)


def without(key: str) -> dict:
    data = entry()
    del data[key]
    return objects(data)


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        ({}, "the file lacks 'objects'"),
        ([], r"the file is \[\]; it must be an object"),
        ({"objects": []}, "lists no objects"),
        ({"objects": {}}, "'objects' of the file is {}; it must be a list"),
        ({"objects": [{"clicks": []}]}, "object 1 lacks 'name'"),
        ({"objects": [{"name": "", "clicks": []}]}, "it must be a string that is not empty"),
        (objects(), "object 'box' has no clicks"),
        (objects(entry(), text=3), "text of object 'box' is 3"),
        (without("image"), "a click entry of object 'box' lacks 'image'"),
        (without("points"), "object 'box' in a.JPG lacks 'points'"),
        (without("labels"), "object 'box' in a.JPG lacks 'labels'"),
        (objects("a.JPG"), "must be an object with 'image'"),
        (
            objects(entry("gone.jpg")),
            r"clicks for 'gone.jpg', which is not in images/; there are a.JPG, b.JPG",
        ),
        (objects(entry("t.JPG")), "clicks for 't.JPG', which is not in images/"),
        (objects(entry(), entry()), r"lists an image twice \(a, a\)"),
        (
            objects(entry(points=[(400, 10)], labels=[1])),
            r"has \[400, 10\], outside the image, which is 400x300",
        ),
        (objects(entry(points=[(5, -1)], labels=[1])), "outside the image"),
        (objects(entry(labels=[0, 0])), "only clicks beside the object"),
        (objects(entry(points=[], labels=[])), "only clicks beside the object"),
        (objects(entry(labels=[1])), "has 2 points but 1 labels"),
        (objects(entry(labels=[1, 2])), r"has labels \[1, 2\]; 1 is on the object"),
        (objects(entry(labels=[True, 0])), r"has labels \[True, 0\]"),
        (objects(entry(points=[(1, 2, 3), (1, 2)])), r"has \[1, 2, 3\] where 2 numbers"),
        (objects(entry(points=[("1", 2), (1, 2)])), r"has \['1', 2\] where 2 numbers"),
        (objects(entry(box=[1, 2, 3])), r"the box of object 'box' in a.JPG has \[1, 2, 3\] where 4 numbers"),
        (objects(entry(box=[30, 2, 3, 9])), r"must be \[left, top, right, bottom\]"),
        (objects(entry(box=[0, 0, 401, 9])), "outside the image"),
    ],
)
def test_refused(tmp_path, data, sentence):
    with pytest.raises(UserError, match=sentence):
        read(tmp_path, data)


def test_not_json(tmp_path):
    (tmp_path / "prompts.json").write_text('{"objects": [\n}')
    with pytest.raises(UserError, match=r"prompts.json, line 2: not valid JSON"):
        read_prompts(tmp_path / "prompts.json", PHOTOS)
