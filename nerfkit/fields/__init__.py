"""Radiance fields: making one from settings, and the file it is kept in."""

import json
from dataclasses import asdict
from pathlib import Path

import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor

from nerfkit.errors import UserError
from nerfkit.fields.hash_field import HashField
from nerfkit.fields.mlp_field import MlpField
from nerfkit.fields.settings import FieldSettings
from nerfkit.files import atomic_path

MODELS = {"hash": HashField, "mlp": MlpField}


def make_field(settings: FieldSettings, seed: int) -> torch.nn.Module:
    """A fresh field; the same seed gives the same initial values."""
    torch.manual_seed(seed)
    return MODELS[settings.model](settings)


def write_field(path: Path, field: torch.nn.Module) -> None:
    """Write parameters, density grid and, in the header, the settings.

    The density grid says where samples lie, no more, so it is kept in half precision: its largest value,
    exp(DENSITY_MAX), still fits.
    """
    header = {"format": "nerfkit-field-1", "settings": json.dumps(asdict(field.settings))}
    tensors = {name: in_file(name, value) for name, value in field.state_dict().items()}
    with atomic_path(path) as temporary:
        save_file(tensors, temporary, header)


def in_file(name: str, value: Tensor) -> Tensor:
    """A parameter or buffer as files keep it."""
    return value.half() if name == "density_grid" else value.contiguous()


def read_field(path: Path) -> torch.nn.Module:
    """Read what `write_field` wrote, set to evaluation."""
    if not path.is_file():
        raise UserError(f"{path} is not there; rerun the stage that trains it.")
    with safe_open(path, "pt") as file:
        settings = FieldSettings(**json.loads(file.metadata()["settings"]))
    field = make_field(settings, seed=0)
    field.load_state_dict(load_file(path))
    return field.eval()
