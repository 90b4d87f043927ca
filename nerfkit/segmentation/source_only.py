"""No propagation: the clicked views keep their masks, the others get none.

What learns from it is Semantic NeRF with the source mask alone (SPIn-NeRF, section 4.1), the baseline that
shows what a video model adds.
"""

import numpy as np

from nerfkit.scene import View


class SourceOnly:
    """The `Propagator` of the backend `none`."""

    name = "none (masks of the clicked views alone)"

    def propagate(
        self, views: list[View], clicked: dict[str, np.ndarray]
    ) -> tuple[dict[str, np.ndarray], list[str]]:
        """See `Propagator`; views that are not clicked have no mask, which is not an empty one."""
        return dict(clicked), []
