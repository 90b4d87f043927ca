"""Settings of a field and of the loop that trains one."""

from dataclasses import dataclass


@dataclass(frozen=True)
class TrainingSettings:
    """How long and how fast a field is trained."""

    steps: int = 9000  # optimiser steps
    rays_start: int = 512  # rays a step at the beginning: many small steps win early
    rays_end: int = 1024  # and at the end; the number grows geometrically
    table_rate: float = 0.03  # Adam's rate for the hash table
    net_rate: float = 0.01  # and for the layers behind it
    warmup: int = 50  # steps over which both rates rise from zero
    final_rate: float = 0.05  # share of the rates that is left at the last step


@dataclass(frozen=True)
class PhotometricSettings(TrainingSettings):
    """What is asked of a field outside holes: weights of the terms of `Photometric`."""

    final_rate: float = 0.15  # more than for labels: photos are not learnt to the end when the steps are done
    diffuse: float = 0.1  # of the view-independent colour's own error
    sparse_depth: float = 2.0  # of the reconstruction's points, on normalised disparity
    flatness: float = 0.4  # of what bends bare surfaces, on normalised disparity
    distortion: float = 0.01  # of how far apart the weights of a ray lie, in log distance
    transparent: float = 0.1  # of what stops a ray through a transparent pixel of a cutout


@dataclass(frozen=True)
class FieldSettings(PhotometricSettings):
    """The scene field: the photos as they are."""

    model: str = "hash"  # hash | mlp (the paper's 8 x 256 network, a slow yardstick)
    kernel: str = "auto"  # auto | numba | reference; auto takes numba on a CPU
    levels: int = 4  # levels of the hash grid
    features: int = 8  # numbers a level stores at each corner
    table_log2: int = 19  # log2 of the rows of a hashed level
    coarsest: int = 16  # resolution of the first level over the contracted unit cube
    finest: int = 1024  # and of the last
    samples: int = 32  # samples a ray in training
    render_samples: int = 48  # samples a ray in rendering
    views: int = 0  # training views that are learnt from, evenly spread over all; 0 takes all
