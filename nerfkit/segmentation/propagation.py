"""Stage `propagation`: from masks of the clicked photos to a mask of every photo."""

import dataclasses
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np

from nerfkit.errors import UserError
from nerfkit.fields import read_field
from nerfkit.files import read_arrays, stage_folder, write_manifest
from nerfkit.scene import View, read_scene
from nerfkit.segmentation.carried import Carrier
from nerfkit.segmentation.label_propagation import LabelPropagationSettings, LabelPropagator
from nerfkit.segmentation.object_masks import ObjectMasks, read_object_masks, union, write_object_masks
from nerfkit.segmentation.projected_clicks import ProjectedClicks, ProjectedClicksSettings
from nerfkit.segmentation.projected_grabcut import ProjectedGrabCut
from nerfkit.segmentation.projection_propagator import ProjectionPropagator, ProjectionSettings
from nerfkit.segmentation.source_only import SourceOnly
from nerfkit.segmentation.voxel_cut import VoxelCut, VoxelCutSettings

log = logging.getLogger("nerfkit")


@dataclass(frozen=True)
class PropagationSettings:
    """Who carries masks to the other views, and how each does it."""

    backend: str = "projection"  # see `make_propagator`
    dino_network: str = "dino_vits8"  # any feature network
    sam2_model: str = "sam2.1_hiera_large"
    projection: ProjectionSettings = dataclasses.field(default_factory=ProjectionSettings)
    dino: LabelPropagationSettings = dataclasses.field(default_factory=LabelPropagationSettings)
    projected_tolerance: float = 0.03  # of the depth, by which projected_* know a surface again
    projected_clicks: ProjectedClicksSettings = dataclasses.field(default_factory=ProjectedClicksSettings)
    voxel_cut: VoxelCutSettings = dataclasses.field(default_factory=VoxelCutSettings)

    @classmethod
    def of(cls, settings: dict) -> "PropagationSettings":
        """The settings of a config file's section."""
        parts = {
            "projection": ProjectionSettings(**settings["projection"]),
            "dino": LabelPropagationSettings(**settings["dino"]),
            "projected_clicks": ProjectedClicksSettings(**settings["projected_clicks"]),
            "voxel_cut": VoxelCutSettings(**settings["voxel_cut"]),
        }
        return cls(**{**settings, **parts})


class Propagator(Protocol):
    """Anything that carries masks from some views to all. `name` says what it is, for the manifest."""

    name: str

    def propagate(
        self, views: list[View], clicked: dict[str, np.ndarray]
    ) -> tuple[dict[str, np.ndarray], list[str]]:
        """Masks of all `views` by name, bool (H, W), and the order in which they were made.

        A view without a mask is one about which nothing is known; an empty mask says that it has no object.

        Args:
            clicked: masks (H, W) of clicked views by name, one at least not empty; they are kept as they are.
        """


def make_propagator(field: Path, depth: Path, settings: PropagationSettings) -> Propagator:
    """The propagator of the settings, loaded; `field` and `depth` are the folders of those stages.

    Raises:
        UserError: an unknown backend, or weights or a package that it needs are missing.
    """
    if settings.backend == "dino":
        from nerfkit.segmentation.feature_networks import feature_network

        return LabelPropagator(feature_network(settings.dino_network), settings.dino)
    if settings.backend == "sam2":
        from nerfkit.segmentation.sam2 import Sam2Propagator

        return Sam2Propagator(settings.sam2_model)
    if settings.backend == "none":
        return SourceOnly()
    if settings.backend not in BY_DEPTH:
        names = ", ".join(BY_DEPTH)
        raise UserError(
            f"There is no propagation backend {settings.backend!r}; choose {names}, dino, sam2 or none."
        )
    return BY_DEPTH[settings.backend](field, read_arrays(depth / "depth.npz"), settings)


def projection(field: Path, depths: dict[str, np.ndarray], settings: PropagationSettings) -> Propagator:
    """The embedded default."""
    return ProjectionPropagator(depths, settings.projection)


def projected_grabcut(
    field: Path, depths: dict[str, np.ndarray], settings: PropagationSettings
) -> Propagator:
    """SPIn-NeRF's baseline Proj. + GrabCut."""
    return ProjectedGrabCut(Carrier(depths, settings.projected_tolerance))


def projected_clicks(field: Path, depths: dict[str, np.ndarray], settings: PropagationSettings) -> Propagator:
    """SPIn-NeRF's baseline Proj. + click segmenter."""
    return ProjectedClicks(Carrier(depths, settings.projected_tolerance), settings.projected_clicks)


def voxel_cut(field: Path, depths: dict[str, np.ndarray], settings: PropagationSettings) -> Propagator:
    """A stand-in for NVOS."""
    return VoxelCut(read_field(field / "field.safetensors"), depths, settings.voxel_cut)


# The backends that know the scene field alone, by its folder and the z-depths (H, W) of all views by name:
# the default, and baselines of `segmentation_table`.
BY_DEPTH = {
    "projection": projection,
    "projected_grabcut": projected_grabcut,
    "projected_clicks": projected_clicks,
    "voxel_cut": voxel_cut,
}


def propagation(
    photos: Path,
    sfm: Path,
    source_mask: Path,
    field: Path,
    depth: Path,
    out: Path,
    settings: PropagationSettings,
) -> None:
    """Carry the source masks of every object to all training views.

    Args:
        photos, sfm, source_mask, field, depth: folders of those stages.
        out: this stage's folder: masks/<stem>.png of every training view (of the clicked ones alone with the
            backend none), objects/<name>/<stem>.png, propagation.json.
    Raises:
        UserError: no photo in which an object is clicked is among the registered views.
    """
    views = read_scene(sfm / "transforms.json", photos).train
    propagator = make_propagator(field, depth, settings)
    masks: ObjectMasks = {}
    orders = {}
    for name, source in read_object_masks(source_mask).items():
        masks[name], orders[name] = propagator.propagate(views, registered(source, views, name))
        empty = [view for view, mask in masks[name].items() if not mask.any()]
        log.info("propagation of %s: %d views, %d of them empty", name, len(views), len(empty))
    empty = sorted(view for view, mask in union(masks).items() if not mask.any())
    with stage_folder(out) as folder:
        write_object_masks(folder, masks)
        write_manifest(folder, "propagation", made_by=propagator.name, order=orders, empty=empty)


def registered(source: dict[str, np.ndarray], views: list[View], name: str) -> dict[str, np.ndarray]:
    """An object's masks in the clicked views that are registered; the others are named in the log."""
    known = {view.name for view in views}
    lost = [view for view in source if view not in known]
    if len(lost) == len(source):
        raise UserError(
            f"No photo in which {name!r} is clicked ({', '.join(lost)}) is among the {len(views)} registered "
            f"views; click it in one of those, for example {views[0].name}."
        )
    if lost:
        log.warning("clicks on %s in %s are not used: SfM did not register them", name, ", ".join(lost))
    return {view: mask for view, mask in source.items() if view in known}
