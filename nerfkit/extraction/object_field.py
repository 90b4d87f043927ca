"""Stage `object_field`: which share of the scene field is the object, cleaned and closed (LaTeRF)."""

import logging
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import torch

from nerfkit.clicks import read_clicks
from nerfkit.errors import UserError
from nerfkit.extraction.clicked_labels import labelled_by_clicks
from nerfkit.extraction.completion import complete
from nerfkit.extraction.denoising import DenoisingSettings, denoise, refresh_matter
from nerfkit.extraction.label_cubes import cube_around
from nerfkit.extraction.labels import LabelSet, along_edges, draw_labels
from nerfkit.extraction.spread import by_view, spread_labels
from nerfkit.extraction.text_term import TextLoss, weighted_prompts
from nerfkit.extraction.visibility import Photographed, Surface, object_surface
from nerfkit.fields import read_field
from nerfkit.fields.object_box import Box
from nerfkit.fields.object_field import ObjectField, write_object_field
from nerfkit.fields.settings import TrainingSettings
from nerfkit.files import read_arrays, read_json, read_mask, stage_folder, write_manifest
from nerfkit.objectives.extraction import Extraction, TextTerm
from nerfkit.objectives.photometric import Photometric
from nerfkit.photos import read_photos
from nerfkit.rays import PixelBank
from nerfkit.scene import Scene, read_scene
from nerfkit.segmentation.object_masks import chosen_names
from nerfkit.training import fit, train

log = logging.getLogger("nerfkit")

MARGIN = 0.12  # of the cube's side, on each side of what the photos show of the object
COLOUR_TERM = 0.1  # weight of the view-independent colour in a field that adapts
FEW = 1e-3  # labels a pixel, below which `auto` spreads them


@dataclass(frozen=True)
class ObjectFieldSettings(TrainingSettings, DenoisingSettings):
    """The extraction. With clip_weight 0 the scene field stays as it is and only the objectness is learnt."""

    steps: int = 400
    rays_start: int = 1024
    rays_end: int = 1024
    compositing: str = "density"  # density: Equation 10 | alpha_times_p: the released code's
    labels_from: str = "masks"  # masks: pixels drawn from those of `holes` | prompts: the clicks themselves
    labels: int = 0  # of the masks: pixel labels over all views, half of them positive; 0 for every pixel
    sampling: str = "uniform"  # of the labels: uniform | boundary
    draw: int = 0  # of the labels: how often they are drawn anew
    spread: bool | str = "auto"  # over surfaces: true | false | auto: clicks, and few labels of masks
    edges: bool = True  # whether half of what is learnt from lies along the edges of known masks
    label_weight: float = 1.0
    opacity: float = 10.0  # weight of the labelled rays' opacity
    silhouette: float = 0.1  # weight of opacity where the scene is empty
    completion: bool = True  # whether the hidden surface is closed by shape alone
    clip_weight: float = 0.0  # of 1 - similarity; the scene field then changes too
    clip_network: str = "clip_vit_b_32"
    clip_every: int = 8  # one render in so many steps
    clip_start: float = 0.25  # share of the training before the first
    clip_size: int = 112  # pixels a side of a render
    prompts: list[dict] = field(
        default_factory=list
    )  # text and weight of each; none: the texts of prompts.json


def object_field(
    photos: Path,
    sfm: Path,
    field: Path,
    depth: Path,
    holes: Path | None,
    clicks: Path | None,
    out: Path,
    settings: ObjectFieldSettings,
    seed: int,
    objects: str | list[str] = "all",
) -> None:
    """Learn the object field.

    Args:
        photos, sfm, field, depth: folders of those stages.
        holes: folder of that stage, whose masks are learnt from; None where the labels are clicks.
        clicks: folder of that stage where there is one, for the objects' texts and for clicks as labels.
        out: this stage's folder: object_field.safetensors, object_field.csv (the curve), object_field.json.
        objects: which of the clicked objects, by name, or `all`.
    Raises:
        UserError: labels of one kind only, clicks in no registered view, or a CLIP term without text or
            without weights.
    """
    scene = read_scene(sfm / "transforms.json", photos)
    photographed = read_photographed(scene, depth, holes)
    if settings.labels_from == "prompts":
        photographed, given, labels = clicked(photographed, photos, clicks, objects, settings)
    else:
        photographed, given, labels = labelled(photographed, settings, seed)
    surface = object_surface(photographed) if masks_are_known(settings) else None
    adapts = settings.clip_weight > 0
    texts = chosen_texts(clicks, objects) if clicks else []
    objective = extraction_objective(scene, photographed, labels, texts, settings)
    torch.manual_seed(seed)
    model = ObjectField(
        read_field(field / "field.safetensors"),
        object_box(photographed, given, surface),
        settings.compositing,
        adapts,
    )
    with stage_folder(out) as folder:
        fit(
            train(model, objective, settings, seed),
            settings.steps,
            folder / "object_field.csv",
            "object field",
        )
        model.eval()
        cleaned = denoise(model, settings)
        closed = complete(model, photographed) if settings.completion else {"voxels": 0, "share": 0.0}
        refresh_matter(model)
        write_object_field(folder / "object_field.safetensors", model)
        log.info(
            "object field: %d labels, %.1f %% of the density below the threshold, completion (by shape "
            "alone, no language prior) %.1f %% of its voxels, the unseen inside among them",
            len(given),
            100 * cleaned["below_threshold"],
            100 * closed["share"],
        )
        write_manifest(
            folder,
            "object_field",
            labels_from=settings.labels_from,
            labels=len(given),
            learnt_from=len(labels),
            adapts=adapts,
            denoising=cleaned,
            completion={"prior": "none: surface of least area and diffused colours", **closed},
            box={"low": model.box.low, "side": model.box.side},
        )


def read_photographed(scene: Scene, depth: Path, holes: Path | None) -> list[Photographed]:
    """The training views with the depths of `depth` and the masks of `holes`, empty ones where it is None."""
    depths = read_arrays(depth / "depth.npz")

    def mask(name: str) -> np.ndarray:
        return read_mask(holes / "masks" / f"{name}.png") if holes else np.zeros(depths[name].shape, bool)

    return [Photographed(view, mask(view.name), depths[view.name]) for view in scene.train]


def clicked(
    photographed: list[Photographed],
    photos: Path,
    clicks: Path,
    objects: str | list[str],
    settings: ObjectFieldSettings,
) -> tuple[list[Photographed], LabelSet, LabelSet]:
    """The same as `labelled` with the clicks on the chosen objects as labels.

    Raises:
        UserError: the object's surface is to be closed, but nothing tells it.
    """
    if settings.completion and not masks_are_known(settings):
        raise UserError(
            "object_field.completion closes the object's surface, which clicks that are not spread do not "
            "tell: set object_field.completion: false, or object_field.spread: auto."
        )
    things = read_clicks(clicks, read_photos(photos))
    return labelled_by_clicks(photographed, things, objects, masks_are_known(settings))


def masks_are_known(settings: ObjectFieldSettings) -> bool:
    """Whether masks tell the object's surface: there are none where clicks are not spread."""
    return settings.labels_from == "masks" or settings.spread is not False


def object_box(photographed: list[Photographed], given: LabelSet, surface: Surface | None) -> Box:
    """The cube around the object's surface or, where none is known, around the labels of the object."""
    if surface is None:
        return cube_around(photographed, by_view(given.positive.numpy(), photographed), drawn=False)
    return Box.around(surface.points, surface.seen_from, MARGIN)


def labelled(
    photographed: list[Photographed], settings: ObjectFieldSettings, seed: int
) -> tuple[list[Photographed], LabelSet, LabelSet]:
    """The views with the masks that cube and completion go by, the labels, and those that are learnt from.

    Where labels are spread these masks are made of them; else they are those that the labels are drawn from.
    """
    masks = [each.mask for each in photographed]
    labels = draw_labels(masks, settings.labels, settings.sampling, seed, settings.draw)
    few = 0 < settings.labels < FEW * sum(each.mask.size for each in photographed)
    if settings.spread is False or (settings.spread == "auto" and not few):
        return photographed, labels, labels
    spread = spread_labels(photographed, labels, at_outlines=settings.sampling == "boundary")
    told = [replace(each, mask=mask) for each, mask in zip(photographed, spread.masks, strict=True)]
    return told, labels, spread.labels(labels)


def extraction_objective(
    scene: Scene,
    photographed: list[Photographed],
    labels: LabelSet,
    texts: list[str],
    settings: ObjectFieldSettings,
) -> Extraction:
    """Everything the object field is held against."""
    pixels = PixelBank(scene.train)
    masks = [each.mask for each in photographed]
    edges = along_edges(labels, masks) if settings.edges and masks_are_known(settings) else None
    return Extraction(
        pixels,
        labels,
        edges,
        settings.label_weight,
        settings.opacity,
        settings.silhouette,
        Photometric(pixels, diffuse=COLOUR_TERM) if settings.clip_weight > 0 else None,
        text_term(scene, texts, settings) if settings.clip_weight > 0 else None,
    )


def chosen_texts(clicks: Path, chosen: str | list[str]) -> list[str]:
    """The texts of the chosen objects in prompts.json: `all`, a name or names."""
    things = read_json(clicks / "clicks.json")["objects"]
    names = chosen_names(chosen, [thing["name"] for thing in things])
    return [thing["text"] for thing in things if thing["text"] and thing["name"] in names]


def text_term(scene: Scene, texts: list[str], settings: ObjectFieldSettings) -> TextTerm:
    """The CLIP term; its weights are asked for before anything is trained."""
    from nerfkit.extraction.clip import ClipLoss, clip_network

    prompts = weighted_prompts(settings.prompts, texts)
    loss = TextLoss(
        ClipLoss(clip_network(settings.clip_network), prompts),
        np.stack([view.world_from_cam for view in scene.train]),
        min(view.near for view in scene.train),
        max(view.far for view in scene.train),
        settings.clip_size,
    )
    return TextTerm(loss, settings.clip_weight, settings.clip_every, settings.clip_start)
