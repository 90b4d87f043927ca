"""The video stage: what is encoded is what a player gets back."""

import av
import numpy as np
import pytest
from fake_capture import StripedWall, write_capture

from nerfkit.evaluation import video as module
from nerfkit.evaluation.video import GAP, HEADER, VideoSettings, encode_mp4, video, video_camera
from nerfkit.scene import read_scene

FIELDS = {"field": StripedWall((0.9, 0.2, 0.1), 2.0), "inpainted": StripedWall((0.1, 0.6, 0.8), 3.0)}


def decoded(path):
    with av.open(path) as container:
        stream = container.streams.video[0]
        return stream, [frame.to_ndarray(format="rgb24") for frame in container.decode(stream)]


def test_frames_come_back_in_their_order_colours_and_size(tmp_path):
    colours = [(200, 40, 40), (40, 200, 40), (40, 40, 200), (128, 128, 128)]
    frames = [np.full((33, 51, 3), colour, np.uint8) for colour in colours]
    encode_mp4(tmp_path / "v.mp4", frames, fps=10, crf=10)
    stream, back = decoded(tmp_path / "v.mp4")
    assert stream.codec_context.name == "h264"
    assert stream.codec_context.pix_fmt == "yuv420p"
    assert stream.average_rate == 10
    assert len(back) == 4
    for frame, colour in zip(back, colours, strict=True):
        assert frame.shape == (34, 52, 3)
        assert np.abs(frame.reshape(-1, 3).mean(0) - colour).max() < 6


def test_the_index_comes_first_so_that_a_browser_can_start(tmp_path):
    encode_mp4(tmp_path / "v.mp4", [np.zeros((32, 32, 3), np.uint8)] * 5, fps=10, crf=20)
    data = (tmp_path / "v.mp4").read_bytes()
    assert data[4:8] == b"ftyp"
    assert 0 < data.index(b"moov") < data.index(b"mdat")


def test_the_stage_films_both_fields_and_depth_side_by_side(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "read_field", FIELDS.__getitem__)
    capture = write_capture(tmp_path)
    settings = VideoSettings(seconds=1, fps=6, width=64)
    video(capture.transforms, capture.photos, "field", "inpainted", tmp_path / "video", settings)
    stream, back = decoded(tmp_path / "video" / "video.mp4")
    assert len(back) == 6
    assert (stream.width, stream.height) == (3 * 64 + 2 * GAP, 48 + HEADER)
    before, after = back[0][HEADER:, :64], back[0][HEADER:, 64 + GAP : 128 + GAP]
    assert before[..., 0].mean() > 3 * before[..., 2].mean()  # the red field, then the blue one
    assert after[..., 2].mean() > 3 * after[..., 0].mean()
    assert np.abs(back[1].astype(int) - back[5]).mean() < 3  # to and fro: second and last frame show one pose


def test_the_videos_lens_is_centred_even_and_without_distortion(tmp_path):
    capture = write_capture(tmp_path, width=51, height=37)
    camera = video_camera(read_scene(capture.transforms, capture.photos), 41)
    assert (camera.width % 2, camera.height % 2) == (0, 0)
    assert camera.width == 40
    assert (camera.cx, camera.cy) == (camera.width / 2, camera.height / 2)
    assert not camera.distortion.any()
    assert camera.fx == pytest.approx(50 * 40 / 51)


def test_a_portrait_is_limited_by_its_height(tmp_path):
    capture = write_capture(tmp_path, width=36, height=64)
    camera = video_camera(read_scene(capture.transforms, capture.photos), 32)
    assert (camera.width, camera.height) == (18, 32)
