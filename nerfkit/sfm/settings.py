"""Settings of the sfm stage."""

from dataclasses import dataclass


@dataclass(frozen=True)
class SfmSettings:
    """How poses and lenses are found. Counts unless a unit is named."""

    camera_model: str = "SIMPLE_RADIAL"  # or OPENCV, for wide lenses: two focal lengths, k1 k2 p1 p2
    cameras: str = "shared"  # one lens for all photos of one size; `own`: one for each photo (zoom lenses)
    features: int = 4096  # most SIFT keypoints of a photo
    exhaustive_limit: int = 60  # up to this many photos every pair is matched
    neighbours: int = (
        10  # beyond it, and for videos: each photo is matched with the next ones in capture order
    )
    lookalikes: int = 16  # and with those that look most like it
    wanted_share: float = 0.9  # of the photos; below it new keypoints are looked for
    min_registered: float = 0.5  # of the training photos; below it the stage fails
    min_points: int = 20  # a view that sees fewer gets the scene's near and far
    seed: int = 0
    lines: bool = True  # depth along straight edges that photos share, beside that of keypoints
    exposure: str = "auto"  # auto | equal | as_shot: whether photos are brought to one exposure
