"""A video to sharp frames, evenly spread over its time, one frame in memory at a time."""

import logging
from collections.abc import Iterator
from pathlib import Path

import av
import cv2
import numpy as np
from tqdm import tqdm

from nerfkit.errors import UserError

log = logging.getLogger("nerfkit")

SHARPNESS_WIDTH = 320  # pixels; at full size noise would count as sharpness


def sharp_frames(video: Path, count: int) -> Iterator[tuple[int, np.ndarray]]:
    """Yield the sharpest frame of each of `count` equal spans of time.

    A video of fewer frames than `count` gives all of its frames.

    Args:
        video: any file that FFmpeg reads; its rotation metadata is honoured.
        count: how many frames are wanted.

    Yields:
        (number, image): the frame's place in the video from 0, and its upright RGB uint8 (H, W, 3).

    Raises:
        UserError: the file is no video, or breaks off before its first frame.
    """
    times = frame_times(video)
    start, step = times[0], (times[-1] - times[0]) / max(1, len(times) - 1)
    span = (times[-1] - start + step) / count
    best: tuple[float, int, av.VideoFrame] | None = None
    window = 0
    for number, frame in enumerate(tqdm(decoded(video), total=len(times), desc="video")):
        moment = start if frame.time is None else frame.time
        here = int((moment - start) / span) if span > 0 else 0
        if best and here > window:
            yield best[1], upright_frame(best[2])
            best = None
        window = max(window, here)
        sharp = sharpness(frame)
        if best is None or sharp > best[0]:
            best = (sharp, number, frame)
    if best is None:
        raise UserError(f"{video} holds no frame that can be decoded; export it again, as H.264 mp4.")
    yield best[1], upright_frame(best[2])


def frame_times(video: Path) -> np.ndarray:
    """Times of all frames in seconds, ascending, from the packets alone: nothing is decoded."""
    with opened(video) as container:
        stream = container.streams.video[0]
        times = [p.pts * stream.time_base for p in container.demux(stream) if p.pts is not None]
    if not times:
        raise UserError(f"{video} holds no frames; export it again, as H.264 mp4.")
    return np.sort(np.array(times, np.float64))


def decoded(video: Path) -> Iterator[av.VideoFrame]:
    """The frames of a video in order of time; a file that breaks off ends at its last whole frame."""
    with opened(video) as container:
        stream = container.streams.video[0]
        stream.thread_type = "AUTO"
        try:
            yield from container.decode(stream)
        except av.error.FFmpegError as error:
            log.warning("%s breaks off (%s); the frames before that are used", video, error)


def opened(video: Path) -> av.container.InputContainer:
    """Open a video file that has a picture."""
    try:
        container = av.open(str(video))
    except (av.error.FFmpegError, OSError) as error:
        raise UserError(
            f"{video} cannot be read as a video ({error}); replace it or take it out of the folder."
        ) from error
    if not container.streams.video:
        container.close()
        raise UserError(f"{video} has no picture; replace it or take it out of the folder.")
    return container


def sharpness(frame: av.VideoFrame) -> float:
    """Variance of the Laplacian of the brightness at 320 pixels of width (Pech-Pacheco et al. 2000)."""
    width = min(SHARPNESS_WIDTH, frame.width)
    height = max(1, round(frame.height * width / frame.width))
    grey = frame.to_ndarray(format="gray", width=width, height=height, interpolation="AREA")
    return float(cv2.Laplacian(grey, cv2.CV_32F).var())


def upright_frame(frame: av.VideoFrame) -> np.ndarray:
    """The frame as RGB uint8 (H, W, 3), turned by its display matrix."""
    return np.ascontiguousarray(np.rot90(frame.to_ndarray(format="rgb24"), round(frame.rotation / 90)))
