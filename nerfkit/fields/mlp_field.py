"""The papers' own backbone, the yardstick: NeRF's 8 x 256 networks, 64 coarse and 64 + 64 fine samples."""

import torch
from torch import Tensor, nn
from torch.nn.functional import pad, relu

from nerfkit.fields.settings import FieldSettings
from nerfkit.rays import Rays
from nerfkit.rendering import Rendering, composite, expected_depth

DEPTH, WIDTH, SKIP = 8, 256, 4
POSITION_BANDS, DIRECTION_BANDS = 10, 4
COARSE, FINE = 64, 64


def frequencies(values: Tensor, bands: int) -> Tensor:
    """Positional encoding (..., D) -> (..., D + 2 * D * bands) (NeRF, Equation 4)."""
    angles = values[..., None] * 2.0 ** torch.arange(bands)
    return torch.cat([values, angles.sin().flatten(-2), angles.cos().flatten(-2)], dim=-1)


class Network(nn.Module):
    """Position and direction to density and colour, and an objectness logit from the trunk."""

    def __init__(self) -> None:
        super().__init__()
        position, direction = 3 * (1 + 2 * POSITION_BANDS), 3 * (1 + 2 * DIRECTION_BANDS)
        inputs = [position] + [WIDTH + position * (layer == SKIP) for layer in range(1, DEPTH)]
        self.trunk = nn.ModuleList(nn.Linear(size, WIDTH) for size in inputs)
        self.density = nn.Linear(WIDTH, 1)
        self.objectness = nn.Linear(WIDTH, 1)
        self.bottleneck = nn.Linear(WIDTH, WIDTH)
        self.colour = nn.Sequential(
            nn.Linear(WIDTH + direction, WIDTH // 2), nn.ReLU(), nn.Linear(WIDTH // 2, 3), nn.Sigmoid()
        )

    def forward(self, points: Tensor, directions: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """points, directions (R, K, 3): density (R, K), colour (R, K, 3), objectness logit (R, K)."""
        position = frequencies(points, POSITION_BANDS)
        hidden = position
        for layer, linear in enumerate(self.trunk):
            hidden = relu(linear(torch.cat([hidden, position], -1) if layer == SKIP else hidden))
        view = frequencies(directions, DIRECTION_BANDS)
        colour = self.colour(torch.cat([self.bottleneck(hidden), view], dim=-1))
        return relu(self.density(hidden))[..., 0], colour, self.objectness(hidden)[..., 0]


def resample(edges: Tensor, weights: Tensor, count: int, generator: torch.Generator | None) -> Tensor:
    """`count` positions (R, count) drawn by inverse CDF from piecewise constant weights."""
    cdf = pad((weights + 1e-5).cumsum(1), (1, 0))
    cdf = cdf / cdf[:, -1:]
    if generator is None:
        u = ((torch.arange(count) + 0.5) / count).expand(len(edges), -1).contiguous()
    else:
        u = torch.rand(len(edges), count, generator=generator)
    index = (torch.searchsorted(cdf, u, right=True) - 1).clamp(0, weights.shape[1] - 1)
    low, high = cdf.gather(1, index), cdf.gather(1, index + 1)
    left, right = edges.gather(1, index), edges.gather(1, index + 1)
    return left + (right - left) * (u - low) / (high - low)


def even_in_disparity(rays: Rays, steps: Tensor) -> Tensor:
    """Where rays are cut at the shares `steps`, (K,) or (R, K), of the way to far in disparity, (R, K)."""
    near, far = rays.near[:, None], rays.far[:, None]
    return 1 / (1 / near * (1 - steps) + 1 / far * steps)


class MlpField(nn.Module):
    """A coarse and a fine network; samples are spread evenly in disparity."""

    def __init__(self, settings: FieldSettings) -> None:
        super().__init__()
        self.settings = settings
        self.coarse, self.fine = Network(), Network()

    def through(self, network: Network, rays: Rays, edges: Tensor, live: Tensor | None) -> Rendering:
        """Composite one network along rays; the last sample absorbs what is left."""
        middle = 0.5 * (edges[:, 1:] + edges[:, :-1])
        points = rays.origins[:, None] + rays.directions[:, None] * middle[..., None]
        density, colour, logit = network(points, rays.directions[:, None].expand_as(points))
        tau = density * edges.diff(dim=1)
        passed = torch.exp(-(tau.cumsum(1) - tau))
        weights = torch.cat([(passed * (1 - torch.exp(-tau)))[:, :-1], passed[:, -1:]], dim=1)
        mixed = weights if live is None else torch.where(live[:, None] > 0, weights, weights.detach())
        rgb = (mixed[..., None] * colour).sum(1)
        depth = expected_depth(weights, edges, rays.cosines)
        accumulation = 1 - torch.exp(-tau.sum(1))
        objectness = composite(logit, weights.detach())
        return Rendering(rgb, rgb, depth, accumulation, weights, edges, objectness)

    def trace(
        self, rays: Rays, generator: torch.Generator | None = None, live: Tensor | None = None
    ) -> Rendering:
        """See rendering.Field. `diffuse` is the coarse network's colour, so that it is trained too."""
        steps = torch.linspace(0, 1, COARSE + 1).expand(len(rays), -1)
        if generator is not None:
            shift = (torch.rand(len(rays), COARSE + 1, generator=generator) - 0.5) / COARSE
            steps = (steps + shift).clamp(0, 1)
        edges = even_in_disparity(rays, steps)
        coarse = self.through(self.coarse, rays, edges, live)
        drawn = resample(edges, coarse.weights.detach(), FINE, generator)
        fine = self.through(self.fine, rays, torch.cat([edges, drawn], dim=1).sort(dim=1).values, live)
        return Rendering(**{**vars(fine), "diffuse": coarse.rgb})

    def sample(self, points: Tensor, directions: Tensor) -> tuple[Tensor, Tensor]:
        """See rendering.Field. The columns are the fine network's colour."""
        density, colour, _ = self.fine(points[:, None], directions[:, None])
        return density[:, 0], colour[:, 0]

    def shade(self, columns: Tensor, directions: Tensor) -> Tensor:
        """See rendering.Field."""
        return columns

    def parameter_groups(self, settings) -> list[dict]:
        """Parameters with their learning rates, for Adam."""
        return [{"params": list(self.parameters()), "rate": settings.net_rate}]
