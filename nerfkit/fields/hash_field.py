"""The radiance field: hash grid, one linear layer per sample, one small colour network per ray."""

import torch
from torch import Tensor, nn

from nerfkit.errors import UserError
from nerfkit.fields import accelerated, reference
from nerfkit.fields.hash_grid import HashLayout
from nerfkit.fields.reference import DENSITY_BIAS, DENSITY_MAX, contract
from nerfkit.fields.settings import FieldSettings
from nerfkit.rays import Rays
from nerfkit.rendering import Rendering, expected_depth

GRID_SHARE = 4  # cells of the finest level along a cell of the density grid, which proposes the samples
GRID_SMALLEST, GRID_LARGEST = 128, 256  # cells a side of contracted space; a grid of 256 takes 64 MB
GRID_DECAY = 0.9  # what a visited cell keeps of its density where it is found emptier
GRID_CELLS_A_BIN = 2  # the bins along a ray are as fine as the grid: 64 for 128 cells a side
UNIFORM = 0.3  # share of samples spread evenly; with few of them, what the density grid missed stays missed
FEATURES, HIDDEN = 11, 64
TABLE_INIT = 1e-2
KERNELS = {"numba": accelerated, "reference": reference}


def choose_kernel(name: str, device: str = "cpu"):
    """The module that computes: `auto` is numba on a CPU and the reference elsewhere."""
    if name == "numba" and device != "cpu":
        raise UserError(f"field.kernel: numba runs on the CPU only, not on {device}; set it to auto.")
    return KERNELS[("numba" if device == "cpu" else "reference") if name == "auto" else name]


def spherical_harmonics(directions: Tensor) -> Tensor:
    """Real spherical harmonics of degree 0 to 2 of unit directions (R, 3): (R, 9)."""
    x, y, z = directions.unbind(1)
    columns = [
        torch.full_like(x, 0.28209479),
        -0.48860251 * y, 0.48860251 * z, -0.48860251 * x,
        1.09254843 * x * y, -1.09254843 * y * z, 0.31539157 * (3 * z * z - 1),
        -1.09254843 * x * z, 0.54627422 * (x * x - y * y),
    ]  # fmt: skip
    return torch.stack(columns, dim=1)


class HashField(nn.Module):
    """See reference.py for how a ray is composited.

    `column_weight` holds the columns that are formed per sample (density, diffuse r, g, b), `features` the
    ones applied after compositing: FEATURES numbers for the colour network, and the objectness logit.
    """

    def __init__(self, settings: FieldSettings) -> None:
        super().__init__()
        self.settings = settings
        self.kernel = choose_kernel(settings.kernel)
        self.layout = HashLayout(
            settings.levels, settings.features, settings.table_log2, settings.coarsest, settings.finest
        )
        self.table = nn.Parameter(
            torch.empty(self.layout.rows, settings.features).uniform_(-TABLE_INIT, TABLE_INIT)
        )
        bound = self.layout.width**-0.5
        self.column_weight = nn.Parameter(torch.empty(4, self.layout.width).uniform_(-bound, bound))
        self.column_bias = nn.Parameter(torch.zeros(4))
        self.features = nn.Linear(self.layout.width, FEATURES + 1)
        self.colour = nn.Sequential(
            nn.Linear(FEATURES + 3 + 9, HIDDEN), nn.ReLU(inplace=True),
            nn.Linear(HIDDEN, HIDDEN), nn.ReLU(inplace=True), nn.Linear(HIDDEN, 3),
        )  # fmt: skip
        self.grid_resolution = min(max(settings.finest // GRID_SHARE, GRID_SMALLEST), GRID_LARGEST)
        self.register_buffer("density_grid", torch.ones(self.grid_resolution**3))

    def sample_edges(self, rays: Rays, generator: torch.Generator | None) -> Tensor:
        """Where to look along rays: (R, K + 1)."""
        training = generator is not None
        samples = self.settings.samples if training else self.settings.render_samples
        jitter = torch.rand(len(rays), samples + 1, generator=generator) if training else None
        resolution, bins = self.grid_resolution, self.grid_resolution // GRID_CELLS_A_BIN
        return self.kernel.propose(self.density_grid, rays, resolution, samples, bins, UNIFORM, jitter)

    def trace(
        self, rays: Rays, generator: torch.Generator | None = None, live: Tensor | None = None
    ) -> Rendering:
        """See rendering.Field. In training mode the density grid learns from the samples too."""
        edges = self.sample_edges(rays, generator)
        live = torch.ones(len(rays)) if live is None else live
        composed, diffuse, frozen, weights, transmittance, density = self.kernel.march(
            self.table, self.column_weight, self.column_bias, rays, edges, live, self.layout
        )
        if self.training and generator is not None:
            self.kernel.update_grid(self.density_grid, rays, edges, density, self.grid_resolution, GRID_DECAY)
        objectness = nn.functional.linear(frozen, self.features.weight[-1:], self.features.bias[-1:])
        return Rendering(
            rgb=self.shade(torch.cat([composed, diffuse], dim=1), rays.directions),
            diffuse=diffuse,
            depth=expected_depth(weights, edges, rays.cosines),
            accumulation=1 - transmittance,
            weights=weights,
            edges=edges,
            objectness=objectness[:, 0],
        )

    def sample(self, points: Tensor, directions: Tensor) -> tuple[Tensor, Tensor]:
        """See rendering.Field. The columns are the encoding and the diffuse colour."""
        encoding = self.kernel.encode(self.table, contract(points), self.layout)
        columns = encoding @ self.column_weight.T + self.column_bias
        density = torch.exp((columns[:, 0] + DENSITY_BIAS).clamp_max(DENSITY_MAX))
        return density, torch.cat([encoding, columns[:, 1:].sigmoid()], dim=1)

    def shade(self, columns: Tensor, directions: Tensor) -> Tensor:
        """See rendering.Field."""
        diffuse = columns[:, -3:]
        features = self.features(columns[:, :-3])[:, :FEATURES]
        residual = self.colour(torch.cat([features, diffuse, spherical_harmonics(directions)], dim=1))
        return torch.sigmoid(residual + torch.logit(diffuse, eps=1e-3))

    def parameter_groups(self, settings) -> list[dict]:
        """Parameters with their learning rates, for Adam."""
        nets = [self.column_weight, self.column_bias, *self.features.parameters(), *self.colour.parameters()]
        return [
            {"params": [self.table], "rate": settings.table_rate},
            {"params": nets, "rate": settings.net_rate},
        ]
