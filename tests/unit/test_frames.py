"""Sharp, evenly spread, upright frames of a video."""

import av
import cv2
import numpy as np
import pytest
from PIL import Image

from nerfkit import frames
from nerfkit.errors import UserError
from nerfkit.frames import sharp_frames
from nerfkit.photos import PhotosSettings, photos, read_photos

SIZE = 96, 64
# tkhd matrices of ISO 14496-12, 16.16 and 2.30 fixed point, as cameras write them; turns are clockwise.
TURNED = {
    90: (0, 1, 0, -1, 0, 0, SIZE[1], 0, 1),
    180: (-1, 0, 0, 0, -1, 0, SIZE[0], SIZE[1], 1),
    270: (0, -1, 0, 1, 0, 0, 0, SIZE[0], 1),
}


def scene(number: int, blurred: bool) -> np.ndarray:
    """A checkered frame whose brightest corner block tells its number (0 to 15) in four bits."""
    v, u = np.mgrid[: SIZE[1], : SIZE[0]]
    image = np.repeat(((u // 4 + v // 4) % 2 * 60 + 60)[..., None], 3, axis=2).astype(np.uint8)
    if blurred:
        image = cv2.GaussianBlur(image, (0, 0), 3)
    for bit in range(6):
        image[:16, bit * 16 : bit * 16 + 16] = 250 if number >> bit & 1 else 5
    return image


def number_of(image: np.ndarray) -> int:
    return sum(int(image[4:12, bit * 16 + 4 : bit * 16 + 12].mean() > 128) << bit for bit in range(6))


def write_video(path, images, rate: int = 10):
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=rate, options={"crf": "8"})
        stream.width, stream.height, stream.pix_fmt = *SIZE, "yuv420p"
        for image in images:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        container.mux(stream.encode())
    return path


def turn(path, degrees: int) -> None:
    """Write a display matrix into the track header of an mp4 file (in version 0, 44 bytes from its type)."""
    data = bytearray(path.read_bytes())
    start = data.index(b"tkhd") + 44
    for i, value in enumerate(TURNED[degrees]):
        fixed = value << (30 if i % 3 == 2 else 16)
        data[start + 4 * i : start + 4 * i + 4] = (fixed & 0xFFFFFFFF).to_bytes(4, "big")
    path.write_bytes(data)


@pytest.fixture
def video(tmp_path):
    """40 frames in 4 seconds; in each span of ten only the seventh is sharp."""
    return write_video(tmp_path / "video.mp4", [scene(i, i % 10 != 7) for i in range(40)])


def test_the_sharpest_frame_of_each_span(video):
    found = list(sharp_frames(video, 4))
    assert [number for number, _ in found] == [7, 17, 27, 37]
    assert [number_of(image) for _, image in found] == [7, 17, 27, 37]


def test_spans_are_equal_in_time_whatever_the_sharpness(video):
    numbers = [number for number, _ in sharp_frames(video, 8)]
    assert [number // 5 for number in numbers] == list(range(8))


def test_a_short_video_gives_all_its_frames(video):
    assert [number for number, _ in sharp_frames(video, 100)] == list(range(40))


def test_frames_come_while_the_video_is_still_read(video, monkeypatch):
    seen = []
    decoded = frames.decoded
    monkeypatch.setattr(frames, "decoded", lambda path: (seen.append(0) or f for f in decoded(path)))
    next(sharp_frames(video, 4))
    assert len(seen) == 11


@pytest.mark.parametrize("degrees", TURNED)
def test_rotation_metadata_is_honoured(video, degrees):
    flat = dict(sharp_frames(video, 4))
    turn(video, degrees)
    for number, image in sharp_frames(video, 4):
        expected = np.rot90(flat[number], -degrees // 90)  # rot90 turns counterclockwise
        assert image.shape == expected.shape
        assert np.abs(image.astype(int) - expected).max() <= 2


def test_a_video_becomes_photos(video, tmp_path):
    photos([], video, [], tmp_path / "out", PhotosSettings(width=48, frames=4))
    photo_set = read_photos(tmp_path / "out")
    assert photo_set.source == "video"
    assert [photo.name for photo in photo_set.photos] == [f"frame_{n:06d}" for n in (7, 17, 27, 37)]
    assert Image.open(tmp_path / "out" / photo_set.photos[0].file).size == (48, 32)
    assert photo_set.photos[0].stored_size == SIZE


def test_too_few_frames(video, tmp_path):
    with pytest.raises(UserError, match=r"video.mp4 gave 2 frames; at least 3"):
        photos([], video, [], tmp_path / "out", PhotosSettings(frames=2))
    assert not (tmp_path / "out").exists()


def test_not_a_video(tmp_path):
    path = tmp_path / "video.mp4"
    path.write_text("no video")
    with pytest.raises(UserError, match=r"video.mp4 cannot be read as a video"):
        list(sharp_frames(path, 4))


def test_a_video_that_breaks_off_gives_what_it_has(tmp_path):
    video = write_video(tmp_path / "video.ts", [scene(i, False) for i in range(40)])
    data = video.read_bytes()
    video.write_bytes(data[: len(data) // 2])
    numbers = [number_of(image) for _, image in sharp_frames(video, 40)]
    assert numbers[:10] == list(range(10))
    assert len(numbers) < 40


def test_an_mp4_without_its_index_is_refused(video):
    data = video.read_bytes()
    video.write_bytes(data[: data.index(b"moov")])
    with pytest.raises(UserError, match=r"cannot be read as a video"):
        list(sharp_frames(video, 4))


def test_sound_alone_is_no_video(tmp_path):
    path = tmp_path / "video.mka"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("pcm_s16le", rate=8000)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1600), np.int16), format="s16", layout="mono")
        frame.sample_rate = 8000
        container.mux(stream.encode(frame))
        container.mux(stream.encode())
    with pytest.raises(UserError, match=r"has no picture"):
        list(sharp_frames(path, 4))
