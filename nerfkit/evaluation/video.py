"""The video of a run: the place as it was, the place without the object, and its depth, side by side."""

import logging
from dataclasses import dataclass, replace
from pathlib import Path

import av
import numpy as np
from tqdm import tqdm

from nerfkit.cameras import Camera
from nerfkit.evaluation import canvas
from nerfkit.evaluation.camera_path import camera_path
from nerfkit.fields import read_field
from nerfkit.files import stage_folder, write_manifest
from nerfkit.rendering import Field, render_view
from nerfkit.scene import Scene, read_scene

log = logging.getLogger("nerfkit")

BT709 = 1  # the number of BT.709 in H.264 for matrix, primaries and transfer alike
PANEL_TITLES = ("scene", "object removed", "depth")
HEADER = 28  # height of the strip of titles, px
GAP = 4  # between the panels, px


@dataclass(frozen=True)
class VideoSettings:
    """Settings of the video stage. Rendering time grows with seconds x fps x width^2."""

    seconds: float = 6.0  # length of the video
    fps: int = 15  # frames per second
    width: int = 384  # longer side of each of the three panels, so the width of a landscape one, pixels
    path: str = "auto"  # sweep (to and fro), orbit (once around) or auto
    crf: int = 20  # constant rate factor of x264: 18 is hardly visible loss, 28 is small


def video(
    transforms: Path, photos: Path, field: Path, inpainted_field: Path, out: Path, settings: VideoSettings
) -> None:
    """Write video.mp4 into `out`: H.264, yuv420p, index first, so that a browser plays it while it loads.

    Args:
        transforms: `transforms.json` of the sfm stage.
        photos: folder of the photos stage.
        field, inpainted_field: .safetensors files of both fields.
    """
    scene = read_scene(transforms, photos)
    poses = np.stack([view.world_from_cam for view in scene.train])
    path = camera_path(poses, max(round(settings.seconds * settings.fps), 1), settings.path)
    frames = render_frames(scene, path.poses, read_field(field), read_field(inpainted_field), settings.width)
    with stage_folder(out) as folder:
        encode_mp4(folder / "video.mp4", [frames[k] for k in path.order], settings.fps, settings.crf)
        write_manifest(folder, "video", frames=len(path.order), rendered=len(frames))
    log.info("video.mp4: %d frames, %d of them rendered", len(path.order), len(frames))


def video_camera(scene: Scene, width: int) -> Camera:
    """The first training view's lens, centred, without distortion; even sides, the longer one `width`."""
    lens = scene.train[0].camera
    scale = width / max(lens.width, lens.height)
    small = lens.resized(2 * round(lens.width * scale / 2), 2 * round(lens.height * scale / 2))
    return replace(small, cx=small.width / 2, cy=small.height / 2, k1=0.0, k2=0.0, p1=0.0, p2=0.0)


def render_frames(
    scene: Scene, poses: np.ndarray, field: Field, inpainted_field: Field, width: int
) -> list[np.ndarray]:
    """Render both fields at every pose (N, 4, 4) and lay out the frames, uint8 RGB."""
    camera = video_camera(scene, width)
    near, far = min(view.near for view in scene.train), max(view.far for view in scene.train)
    pairs = [
        (render_view(field, camera, pose, near, far), render_view(inpainted_field, camera, pose, near, far))
        for pose in tqdm(poses, desc="video", unit="view", disable=None)
    ]
    bounds = canvas.depth_range([after.depth for _, after in pairs])
    return [
        layout([before.rgb, after.rgb, canvas.depth_colours(after.depth, *bounds)], PANEL_TITLES)
        for before, after in pairs
    ]


def layout(panels: list[np.ndarray], titles: tuple[str, ...]) -> np.ndarray:
    """Panels of one size side by side under a strip with their titles."""
    height, width = panels[0].shape[:2]
    frame = np.full((height + HEADER, len(panels) * (width + GAP) - GAP, 3), canvas.PAPER, np.uint8)
    for k, (panel, title) in enumerate(zip(panels, titles, strict=True)):
        left = k * (width + GAP)
        frame[HEADER:, left : left + width] = canvas.as_bytes(panel)
        frame = canvas.write_text(frame, title, left + width / 2, HEADER / 2, 15, anchor="mm").copy()
    return frame


def encode_mp4(path: Path, frames: list[np.ndarray], fps: int, crf: int) -> None:
    """Encode uint8 RGB frames of one size; a last odd row or column is repeated to make the size even."""
    height, width = frames[0].shape[:2]
    odd = ((0, height % 2), (0, width % 2), (0, 0))
    with av.open(path, "w", options={"movflags": "+faststart"}) as container:
        stream = container.add_stream("libx264", rate=fps, options={"crf": str(crf)})
        stream.width, stream.height, stream.pix_fmt = width + width % 2, height + height % 2, "yuv420p"
        context = stream.codec_context
        context.colorspace = context.color_primaries = context.color_trc = BT709
        for frame in frames:
            picture = av.VideoFrame.from_ndarray(np.pad(frame, odd, mode="edge"), format="rgb24")
            container.mux(stream.encode(picture.reformat(format="yuv420p", dst_colorspace="ITU709")))
        container.mux(stream.encode())
