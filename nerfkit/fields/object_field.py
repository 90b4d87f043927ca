"""The object field: a scene field, and which share of its density belongs to the object (LaTeRF, section 4).

Objectness is a grid of its own, trained by labels. What is known of the object's shape afterwards is kept
in voxels of the cube around it: where to look along a ray, which voxels denoising leaves, and what the
completion put where no photo looked.
"""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from nerfkit.errors import UserError
from nerfkit.fields import MODELS
from nerfkit.fields.hash_grid import HashLayout
from nerfkit.fields.object_box import Box
from nerfkit.fields.objectness_grid import ObjectnessGrid
from nerfkit.fields.settings import FieldSettings
from nerfkit.files import atomic_path
from nerfkit.object_rendering import PartRendering, mean_of, part_logit, part_weights
from nerfkit.rays import Rays
from nerfkit.rendering import Field, Rendering

LAYOUT = HashLayout(levels=6, features=2, table_log2=17, coarsest=8)  # of the objectness
VOXELS = 96  # a side of the cube
UNIFORM = 0.25  # share of a ray's samples that is spread evenly over the cube
TRAIN_SAMPLES, RENDER_SAMPLES = 32, 64
FILLED_LOGIT = 10.0  # the score of what the completion added
MATTER_MIN = 1e-2  # per scene unit; less than that of matter is not worth a look
CHUNK = 4096  # rays rendered at once


@dataclass(frozen=True)
class Samples:
    """What R rays of K samples meet in the cube, each (R, K) unless said otherwise.

    density: of the scene. share: of it that is the object. score: the objectness logit. columns: (R, K, C) of
    the scene's colour. filled: density of the completion. paint: (R, K, 3) its colour. delta: lengths.
    middle: t.
    """

    density: Tensor
    share: Tensor
    score: Tensor
    columns: Tensor
    filled: Tensor
    paint: Tensor
    delta: Tensor
    middle: Tensor


class ObjectField(nn.Module):
    """A scene field with an objectness; `trace` renders the scene, `trace_object` the object alone.

    Attributes:
        adapts: whether training changes the scene field too (LaTeRF, Equation 15) or only the objectness.
        mode: see object_rendering.part_weights.
        matter: (n, n, n) densities that decide where along a ray to look.
        kept: (n, n, n) 1 where denoising leaves the object's density.
        along_rays: whether renders are denoised along each ray, by `limit`.
        limit: density below which nothing stays of a smoothed ray.
        filled: (4, n, n, n) red, green, blue and density of what the completion added.
    """

    def __init__(self, scene_field: Field, box: Box, mode: str = "density", adapts: bool = False) -> None:
        super().__init__()
        self.objectness = ObjectnessGrid(scene_field, LAYOUT)
        self.box, self.mode, self.adapts, self.along_rays = box, mode, adapts, False
        self.scene_field.requires_grad_(adapts).train(adapts)
        self.register_buffer("matter", self.voxels(self.scene_density))
        self.register_buffer("kept", torch.ones(VOXELS, VOXELS, VOXELS))
        self.register_buffer("limit", torch.zeros(()))
        self.register_buffer("filled", torch.zeros(4, VOXELS, VOXELS, VOXELS))

    @property
    def scene_field(self) -> Field:
        """The field of the whole scene."""
        return self.objectness.scene_field

    def voxels(self, function) -> Tensor:
        """A function of points (N, 3) -> (N,) at the centres of the cube's voxels, (n, n, n)."""
        with torch.no_grad():
            parts = [function(points) for points in self.box.voxel_centres(VOXELS).split(2**17)]
        return torch.cat(parts).reshape(VOXELS, VOXELS, VOXELS)

    def scene_density(self, points: Tensor) -> Tensor:
        """Density (N,) of the scene at points (N, 3)."""
        return self.scene_field.sample(points, torch.zeros_like(points))[0]

    def object_density(self, points: Tensor) -> Tensor:
        """Density (N,) of the object at points (N, 3), before denoising and without the completion."""
        return self.scene_density(points) * torch.sigmoid(self.objectness.score(points))

    def trace(
        self, rays: Rays, generator: torch.Generator | None = None, live: Tensor | None = None
    ) -> Rendering:
        """See rendering.Field: the scene, its objectness composited with detached weights (Equation 12)."""
        with torch.set_grad_enabled(self.adapts and torch.is_grad_enabled()):
            scene = self.scene_field.trace(rays, generator, live)
        return self.objectness.labelled(scene, rays)

    def look(self, rays: Rays, edges: Tensor, everywhere: bool = True, live: bool = True) -> Samples:
        """What is asked of the field at the middles of sample edges (R, K + 1).

        Args:
            everywhere: False asks only where `matter` is, which saves nine tenths of a rendering.
            live: whether a scene field that adapts learns from the answer.
        """
        middle = 0.5 * (edges[:, 1:] + edges[:, :-1])
        points = (rays.origins[:, None] + rays.directions[:, None] * middle[..., None]).reshape(-1, 3)
        along = rays.directions[:, None].expand(*middle.shape, 3).reshape(-1, 3)
        wanted = torch.ones(len(points), dtype=torch.bool)
        if not everywhere:
            wanted = self.box.lookup(self.matter, points) > MATTER_MIN
        points, along = points[wanted], along[wanted]
        with torch.set_grad_enabled(live and self.adapts and torch.is_grad_enabled()):
            density, columns = self.scene_field.sample(points, along)
        score = self.objectness.score(points)
        share = torch.sigmoid(score) * self.box.lookup(self.kept, points)
        filled = self.fill_at(points)

        def spread(values: Tensor) -> Tensor:
            if everywhere:
                return values.reshape(*middle.shape, *values.shape[1:])
            empty = torch.zeros(middle.numel(), *values.shape[1:])
            return empty.index_put((wanted,), values).reshape(*middle.shape, *values.shape[1:])

        answers = [spread(values) for values in (density, share, score, columns, filled[3], filled[:3].T)]
        return Samples(*answers, delta=edges.diff(dim=1), middle=middle)

    def fill_at(self, points: Tensor) -> Tensor:
        """The completion at points (N, 3), interpolated: (4, N)."""
        place = (2 * self.box.unit(points) - 1).flip(-1)[None, None, None]
        return nn.functional.grid_sample(self.filled[None], place, align_corners=False)[0, :, 0, 0]

    def trace_object(
        self, rays: Rays, generator: torch.Generator | None = None, live: bool = True
    ) -> PartRendering:
        """The object alone (Equation 10), differentiable in objectness and, if `live` and it adapts, scene.

        Without a generator rays that pass by all matter are not looked along: most of a picture's.
        """
        if generator is not None:
            edges = self.box.edges(self.matter, rays, TRAIN_SAMPLES, UNIFORM, generator)
            return self.composite(self.look(rays, edges, live=live), rays)
        met = self.box.meets(self.matter > MATTER_MIN, rays)
        hit = rays[met]
        edges = self.box.edges(self.matter, hit, RENDER_SAMPLES, UNIFORM, None)
        return self.composite(self.look(hit, edges, everywhere=False, live=live), hit).among(met)

    def composite(self, seen: Samples, rays: Rays) -> PartRendering:
        """Weights, colour and depth of the object from its samples."""
        own = seen.density * seen.share
        if self.mode == "density":
            weights = part_weights(own + seen.filled, torch.ones_like(own), seen.delta)
        else:
            weights = part_weights(seen.density, seen.share, seen.delta, self.mode)
        part_filled = seen.filled / (own + seen.filled).clamp_min(1e-9)
        painted = weights * part_filled
        accumulation = weights.sum(1)
        photographed = self.scene_field.shade(mean_of(seen.columns, weights - painted), rays.directions)
        share = (painted.sum(1) / accumulation.clamp_min(1e-6))[:, None]
        return PartRendering(
            rgb=(1 - share) * photographed + share * mean_of(seen.paint, painted),
            accumulation=accumulation,
            depth=mean_of(seen.middle[..., None], weights)[:, 0] * rays.cosines,
            logit=part_logit(seen.score + part_filled * (FILLED_LOGIT - seen.score), weights),
        )

    def parameter_groups(self, settings) -> list[dict]:
        """Parameters with their learning rates, for Adam."""
        scene = self.scene_field.parameter_groups(settings) if self.adapts else []
        return [*self.objectness.parameter_groups(settings), *scene]


@torch.no_grad()
def render_part(trace, rays: Rays) -> PartRendering:
    """Any number of rays through `trace_object`, a chunk at a time."""
    parts = [trace(chunk) for chunk in rays.chunks(CHUNK)]
    names = PartRendering.__dataclass_fields__
    return PartRendering(**{name: torch.cat([getattr(part, name) for part in parts]) for name in names})


def write_object_field(path: Path, field: ObjectField) -> None:
    """Write all parameters and voxels, the scene field among them; the header holds settings and cube."""
    header = {
        "format": "nerfkit-object-field-1",
        "settings": json.dumps(asdict(field.scene_field.settings)),
        "box": json.dumps([*field.box.low, field.box.side]),
        "mode": field.mode,
        "along_rays": json.dumps(field.along_rays),
    }
    with atomic_path(path) as temporary:
        save_file({name: value.contiguous() for name, value in field.state_dict().items()}, temporary, header)


def read_object_field(path: Path) -> ObjectField:
    """Read what `write_object_field` wrote, set to evaluation."""
    if not path.is_file():
        raise UserError(f"{path} is not there; rerun the stage that trains it.")
    with safe_open(path, "pt") as file:
        header = file.metadata()
    settings = FieldSettings(**json.loads(header["settings"]))
    *low, side = json.loads(header["box"])
    field = ObjectField(MODELS[settings.model](settings), Box(tuple(low), side), header["mode"])
    field.along_rays = json.loads(header["along_rays"])
    field.load_state_dict(load_file(path))
    return field.eval()
