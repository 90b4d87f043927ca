"""What a pixel looks like, and how likely a look is under a mixture of Gaussians.

A look is six numbers in CIELAB units (lightness 0 to 100): L, a, b of the pixel, a and b of its
surroundings, and the contrast of its texture. GrabCut (Rother et al. 2004) uses the pixel's colour alone; the
surroundings tell gravel from cardboard of the same brown.
"""

import cv2
import numpy as np

SURROUNDINGS = 2.0  # Gaussian width in pixels
TEXTURE_FINE, TEXTURE_COARSE = 3.0, 4.0  # texture is what the first blur removes, averaged over the second
TEXTURE_GAIN = 2.0  # its standard deviation is a small number beside colour differences
SMALLEST_VARIANCE = 9.0  # of a component: colours 3 units apart never count as different


def lab_image(image: np.ndarray) -> np.ndarray:
    """uint8 RGB (H, W, 3) to CIELAB float32 (H, W, 3)."""
    return cv2.cvtColor(image.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)


def looks(lab: np.ndarray) -> np.ndarray:
    """The look of every pixel of a CIELAB image (H, W, 3): float32 (H * W, 6), row-major."""
    surroundings = cv2.GaussianBlur(lab, (0, 0), SURROUNDINGS)[..., 1:]
    lightness = lab[..., 0]
    detail = lightness - cv2.GaussianBlur(lightness, (0, 0), TEXTURE_FINE)
    texture = np.sqrt(cv2.GaussianBlur(detail**2, (0, 0), TEXTURE_COARSE))
    return np.dstack([lab, surroundings, TEXTURE_GAIN * texture]).reshape(-1, 6)


class Mixture:
    """A Gaussian mixture fitted to weighted samples by expectation maximisation.

    Deterministic for a seed. `samples` bounds what is looked at: more changes nothing but the time.
    """

    def __init__(
        self,
        values: np.ndarray,
        weights: np.ndarray,
        components: int,
        smallest_variance: float = SMALLEST_VARIANCE,
        seed: int = 0,
        samples: int = 4000,
        rounds: int = 8,
    ) -> None:
        """Fit to `values` (N, D) with non-negative `weights` (N,), not all of them zero."""
        rng = np.random.default_rng(seed)
        chosen = rng.choice(len(values), min(samples, len(values)), p=weights / weights.sum())
        values = values[chosen].astype(np.float64)
        self.components = min(components, max(1, len(values) // 20))
        self.smallest = smallest_variance * np.eye(values.shape[1])
        self.means = self._spread_means(values, rng)
        spread = np.cov(values.T) / self.components + self.smallest
        self.covariances = np.repeat(spread[None], self.components, axis=0)
        self.shares = np.full(self.components, 1 / self.components)
        for _ in range(rounds):
            self._maximise(values, self._responsibilities(values))

    def _spread_means(self, values: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """First means, far from each other (k-means++, Arthur and Vassilvitskii 2007)."""
        means = [values[rng.integers(len(values))]]
        while len(means) < self.components:
            distance = np.min([((values - mean) ** 2).sum(axis=1) for mean in means], axis=0) + 1e-9
            means.append(values[rng.choice(len(values), p=distance / distance.sum())])
        return np.array(means)

    def _responsibilities(self, values: np.ndarray) -> np.ndarray:
        """The share (N, K) of each component in each sample."""
        logs = self._joint(values)
        shares = np.exp(logs - logs.max(axis=1, keepdims=True))
        return shares / shares.sum(axis=1, keepdims=True)

    def _maximise(self, values: np.ndarray, shares: np.ndarray) -> None:
        """Move each component to the samples that are its own."""
        totals = shares.sum(axis=0) + 1e-6
        self.shares = totals / totals.sum()
        self.means = shares.T @ values / totals[:, None]
        for k in range(self.components):
            offset = values - self.means[k]
            self.covariances[k] = (shares[:, k, None] * offset).T @ offset / totals[k] + self.smallest

    def _joint(self, values: np.ndarray) -> np.ndarray:
        """Log of share times density, (N, K), up to a constant that is the same for every mixture."""
        result = np.empty((len(values), self.components), values.dtype)
        for k in range(self.components):
            root = np.linalg.cholesky(np.linalg.inv(self.covariances[k]))
            scaled = values @ root.astype(values.dtype) - (self.means[k] @ root).astype(values.dtype)
            constant = np.log(self.shares[k] + 1e-9) + np.log(np.diag(root)).sum()
            result[:, k] = constant - 0.5 * np.einsum("ij,ij->i", scaled, scaled)
        return result

    def log_density(self, values: np.ndarray) -> np.ndarray:
        """Log density (N,) of `values` (N, D), up to a constant that is the same for every mixture."""
        logs = self._joint(values)
        largest = logs.max(axis=1)
        return largest + np.log(np.exp(logs - largest[:, None]).sum(axis=1))
