"""Which folders are scenes, and what is said about those that are none."""

import pytest
from snakemake.exceptions import WorkflowError

from workflow.scenes import files, images, required, scene_folder, scene_names


@pytest.fixture
def data(tmp_path):
    """Two data folders: `room` is in both, `hall` is a video, `notes` is no scene."""
    for folder in ("a/room/images", "b/room/images", "a/notes", "b/hall"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "b/hall/video.mp4").touch()
    return [str(tmp_path / "a"), str(tmp_path / "b"), str(tmp_path / "nowhere")]


def test_a_scene_has_images_or_a_video_and_the_first_folder_wins(data, tmp_path):
    assert scene_names(data) == ["hall", "room"]
    assert scene_folder("room", data) == tmp_path / "a/room"
    assert scene_folder("hall", data) == tmp_path / "b/hall"


@pytest.mark.parametrize("name", ["../room", "a/room", "", ".", "..", "room ", "roo\nm", "räum"])
def test_a_name_that_is_no_plain_name_is_refused(data, name):
    with pytest.raises(WorkflowError, match="cannot be a scene: a scene has the name of its folder"):
        scene_folder(name, data)


def test_an_unknown_name_is_answered_with_those_there_are(data):
    with pytest.raises(WorkflowError, match=r"Unknown scene 'roam'; .* holds: hall, room\."):
        scene_folder("roam", data)
    with pytest.raises(WorkflowError, match=r"Unknown scene 'roam'; .*nowhere/ holds: no scene yet\."):
        scene_folder("roam", data[2])


def test_a_folder_without_photos_says_where_they_go(data):
    with pytest.raises(WorkflowError, match=r"'notes' has no photos: .*notes holds neither images/ nor"):
        scene_folder("notes", data)


def test_files_are_sorted_and_neither_hidden_nor_folders(tmp_path):
    for name in ("b.png", "a.png", ".hidden.png", "notes.txt"):
        (tmp_path / name).touch()
    (tmp_path / "folder.png").mkdir()
    assert files(tmp_path, "*.png") == [str(tmp_path / "a.png"), str(tmp_path / "b.png")]
    assert images(tmp_path / "nowhere") == []


def test_a_missing_file_is_named_with_what_to_do_instead(tmp_path):
    with pytest.raises(WorkflowError, match=r"has no .*prompts\.json; add it, or set masks: provided\."):
        required(tmp_path, "prompts.json", "set masks: provided")
