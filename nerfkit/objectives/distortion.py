"""Matter is where surfaces are: a ray's weights gather in few places instead of spreading as fog.

Fog explains a bare wall as well as a surface does, and every view finds its mean at another depth. The
distortion loss of mip-NeRF 360 (Barron et al., CVPR 2022, Equation 15), with distances along a ray on a
logarithmic scale, in which fog of the same relative depth costs the same near and far.
"""

from torch import Tensor

from nerfkit.rendering import Rendering


def distortion(rendering: Rendering) -> Tensor:
    """How far apart the weights of rays lie, (R,): for two random draws from a ray's samples the expected
    difference of log t, draws from one sample being a third of its length apart."""
    edges, weights = rendering.edges.clamp_min(1e-6).log(), rendering.weights
    middle, length = 0.5 * (edges[:, 1:] + edges[:, :-1]), edges[:, 1:] - edges[:, :-1]
    # Samples are in order, so that each needs only the sums over those before it.
    before = weights.cumsum(dim=1) - weights
    moment = (weights * middle).cumsum(dim=1) - weights * middle
    apart = 2 * weights * (middle * before - moment)
    return (apart + weights.square() * length / 3).sum(dim=1)


def distortion_term(rendering: Rendering, weight: float, name: str = "distortion") -> dict[str, Tensor]:
    """The mean over rays as a term of that name, none where it weighs nothing."""
    return {name: weight * distortion(rendering).mean()} if weight > 0 else {}
