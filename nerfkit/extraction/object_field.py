"""Stage `object_field`: which share of the scene field is the object, cleaned and closed (LaTeRF)."""

import logging
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import torch

from nerfkit.extraction.completion import complete
from nerfkit.extraction.denoising import DenoisingSettings, denoise, refresh_matter
from nerfkit.extraction.labels import LabelSet, draw_labels
from nerfkit.extraction.spread import spread_labels
from nerfkit.extraction.text_term import TextLoss, weighted_prompts
from nerfkit.extraction.visibility import Photographed, object_surface
from nerfkit.fields import read_field
from nerfkit.fields.object_box import Box
from nerfkit.fields.object_field import ObjectField, write_object_field
from nerfkit.fields.settings import TrainingSettings
from nerfkit.files import read_json, read_mask, stage_folder, write_manifest
from nerfkit.objectives.extraction import Extraction, TextTerm
from nerfkit.objectives.photometric import Photometric
from nerfkit.rays import PixelBank
from nerfkit.scene import Scene, read_scene
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
    labels: int = 0  # pixel labels over all views, half of them positive; 0 for every pixel
    sampling: str = "uniform"  # of the labels: uniform | boundary
    spread: bool | str = "auto"  # whether few labels are spread over surfaces: true | false | auto
    label_weight: float = 1.0
    opacity: float = 0.1  # weight of the labelled rays' opacity
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
    holes: Path,
    clicks: Path | None,
    out: Path,
    settings: ObjectFieldSettings,
    seed: int,
) -> None:
    """Learn the object field.

    Args:
        photos, sfm, field, depth, holes: folders of those stages; the masks are those of `holes`.
        clicks: folder of that stage where there is one, for the objects' texts.
        out: this stage's folder: object_field.safetensors, object_field.csv (the curve), object_field.json.
    Raises:
        UserError: labels of one kind only, or a CLIP term without text or without weights.
    """
    scene = read_scene(sfm / "transforms.json", photos)
    photographed, given, labels = labelled(read_photographed(scene, depth, holes), settings, seed)
    surface = object_surface(photographed)
    adapts = settings.clip_weight > 0
    texts = chosen_texts(clicks, holes) if clicks else []
    objective = extraction_objective(scene, labels, texts, settings)
    torch.manual_seed(seed)
    model = ObjectField(
        read_field(field / "field.safetensors"),
        Box.around(surface.points, surface.seen_from, MARGIN),
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
        closed = (
            complete(model, photographed, surface) if settings.completion else {"voxels": 0, "share": 0.0}
        )
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
            labels=len(given),
            learnt_from=len(labels),
            adapts=adapts,
            denoising=cleaned,
            completion={"prior": "none: surface of least area and diffused colours", **closed},
            box={"low": model.box.low, "side": model.box.side},
        )


def read_photographed(scene: Scene, depth: Path, holes: Path) -> list[Photographed]:
    """The training views with the masks of `holes` and the depths of `depth`."""
    with np.load(depth / "depth.npz") as file:
        return [
            Photographed(view, read_mask(holes / "masks" / f"{view.name}.png"), file[view.name])
            for view in scene.train
        ]


def labelled(
    photographed: list[Photographed], settings: ObjectFieldSettings, seed: int
) -> tuple[list[Photographed], LabelSet, LabelSet]:
    """The views with the masks that cube and completion go by, the labels, and those that are learnt from.

    Where labels are spread these masks are made of them; else they are those that the labels are drawn from.
    """
    labels = draw_labels([each.mask for each in photographed], settings.labels, settings.sampling, seed)
    few = 0 < settings.labels < FEW * sum(each.mask.size for each in photographed)
    if settings.spread is False or (settings.spread == "auto" and not few):
        return photographed, labels, labels
    spread = spread_labels(photographed, labels)
    told = [replace(each, mask=mask) for each, mask in zip(photographed, spread.masks(), strict=True)]
    return told, labels, spread.labels(labels)


def extraction_objective(
    scene: Scene, labels: LabelSet, texts: list[str], settings: ObjectFieldSettings
) -> Extraction:
    """Everything the object field is held against."""
    pixels = PixelBank(scene.train)
    return Extraction(
        pixels,
        labels,
        settings.label_weight,
        settings.opacity,
        settings.silhouette,
        Photometric(pixels, diffuse=COLOUR_TERM) if settings.clip_weight > 0 else None,
        text_term(scene, texts, settings) if settings.clip_weight > 0 else None,
    )


def chosen_texts(clicks: Path, holes: Path) -> list[str]:
    """The texts of those objects in prompts.json whose masks `holes` took."""
    chosen = read_json(holes / "holes.json")["objects"]
    names = [chosen] if isinstance(chosen, str) else chosen
    things = read_json(clicks / "clicks.json")["objects"]
    return [
        thing["text"] for thing in things if thing["text"] and (chosen == "all" or thing["name"] in names)
    ]


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
