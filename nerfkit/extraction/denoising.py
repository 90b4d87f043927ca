"""Denoising of the object (LaTeRF, section 5.1), in the paper's order: smooth, threshold, mask.

Small particles that hide in front of a background show when the object stands alone. Averaging a density with
its neighbours spreads such peaks thin, and a threshold then takes them away. The paper averages along each
ray; on voxels it is done once, for all views alike.
"""

from dataclasses import dataclass

import numpy as np
import torch
from scipy import ndimage
from torch import Tensor

from nerfkit.fields.object_field import VOXELS, ObjectField, Samples
from nerfkit.object_rendering import PartRendering
from nerfkit.rays import Rays

PASSES = 5  # the paper's five steps
RAY_SAMPLES = 192  # of a ray through the cube, evenly spaced
OPAQUE = 5.0  # optical depth of a step above which denser is not more: a sample cannot outvote all others


@dataclass(frozen=True)
class DenoisingSettings:
    """How particles are told from the object."""

    smoothing: str = "box"  # box: 3x3x3 means of voxels | ray: means along each ray (the paper) | none
    threshold: float = 0.15  # share of the object's median smoothed density below which nothing stays
    crumbs: float = 0.01  # share of the largest connected part; smaller ones are taken away


def smoothed_along_rays(density: Tensor, passes: int = PASSES) -> Tensor:
    """Densities (R, K), each replaced by the mean of itself and its direct neighbours, `passes` times."""
    for _ in range(passes):
        padded = torch.nn.functional.pad(density[:, None], (1, 1), mode="replicate")
        density = torch.nn.functional.avg_pool1d(padded, 3, stride=1)[:, 0]
    return density


def smoothed_in_space(density: Tensor, passes: int = PASSES) -> Tensor:
    """The same for voxels (n, n, n) and the 26 around each."""
    values = density.numpy()
    for _ in range(passes):
        values = ndimage.uniform_filter(values, 3, mode="nearest")
    return torch.from_numpy(values)


def without_crumbs(solid: np.ndarray, share: float) -> np.ndarray:
    """The parts (n, n, n) of solid voxels that have at least `share` of the largest; corners connect."""
    parts, count = ndimage.label(solid, np.ones((3, 3, 3)))
    if count == 0:
        return solid
    sizes = np.bincount(parts.ravel())
    sizes[0] = 0
    return (sizes >= share * sizes.max())[parts] & solid


def denoise(field: ObjectField, settings: DenoisingSettings) -> dict[str, float]:
    """Set `kept` and `matter` of a field; returns the threshold, and the shares of the matter that went.

    With another `smoothing` than `box` every voxel stays, and the limit is for `denoised_along_rays`.
    """
    step = field.box.side / VOXELS
    density = field.voxels(field.object_density).clamp_max(OPAQUE / step)
    smooth = smoothed_in_space(density)
    solid = smooth > 0.02 * OPAQUE / step
    typical = float(smooth[solid].median()) if solid.any() else 0.0
    limit = settings.threshold * typical
    above = (smooth >= limit).numpy() & (smooth > 0).numpy()
    large = without_crumbs(above, settings.crumbs)
    kept = ndimage.binary_dilation(large)  # voxels are coarse: the surface's own edge stays
    if settings.smoothing != "box":
        kept = np.ones_like(kept)
    field.kept.copy_(torch.from_numpy(kept.astype(np.float32)))
    field.limit.fill_(limit)
    field.along_rays = settings.smoothing == "ray"
    refresh_matter(field)
    total = float(density.sum()) or 1.0
    return {
        "threshold": limit,
        "below_threshold": float(density[torch.from_numpy(~above)].sum()) / total,
        "crumbs": float(density[torch.from_numpy(above & ~large)].sum()) / total,
    }


def refresh_matter(field: ObjectField) -> None:
    """Look where the object is now: its kept density and the completion, a voxel's neighbours included."""
    own = field.voxels(field.object_density) * field.kept + field.filled[3]
    field.matter.copy_(torch.nn.functional.max_pool3d(own[None, None], 3, stride=1, padding=1)[0, 0])


def masked(rendering: PartRendering) -> PartRendering:
    """A rendering cut by the object mask: sigmoid of the score with the far particle above 0.5."""
    shown = (rendering.logit > 0).float()
    return PartRendering(**{**vars(rendering), "accumulation": rendering.accumulation * shown})


@torch.no_grad()
def denoised_along_rays(field: ObjectField, rays: Rays) -> dict[str, PartRendering]:
    """The paper's own pipeline of Figure 4 on evenly spaced samples of each ray.

    Returns:
        `noisy` as trained, `smoothed`, `thresholded`, and `masked`, in this order.
    """
    everywhere = torch.zeros_like(field.matter)
    seen = field.look(rays, field.box.edges(everywhere, rays, RAY_SAMPLES, 1.0, None))
    own = (seen.density * torch.sigmoid(seen.score)).clamp_max(OPAQUE / seen.delta.clamp_min(1e-6))
    smooth = smoothed_along_rays(own)
    steps = {"noisy": own, "smoothed": smooth, "thresholded": smooth * (smooth >= field.limit)}
    ones = torch.ones_like(own)
    made = {
        name: field.composite(Samples(**{**vars(seen), "density": density, "share": ones}), rays)
        for name, density in steps.items()
    }
    return {**made, "masked": masked(made["thresholded"])}
