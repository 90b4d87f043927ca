"""What is known, carried to the places nearest to it."""

import numpy as np
from scipy.ndimage import distance_transform_edt


def nearest(values: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Values of any shape, of the nearest place that is `known`; as they are where none is."""
    if not known.any():
        return values
    return values[tuple(distance_transform_edt(~known, return_distances=False, return_indices=True))]
