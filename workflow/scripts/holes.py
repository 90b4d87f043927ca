"""Adapter of the stage `holes`."""

from pathlib import Path

from nerfkit.holes import HolesSettings, holes
from nerfkit.log import stage_log

with stage_log(snakemake.log[0]):
    holes(
        photos=Path(snakemake.input.photos).parent,
        sfm=Path(snakemake.input.sfm).parent,
        masks=Path(snakemake.params.masks),
        provided=snakemake.params.provided,
        objects=snakemake.params.objects,
        out=Path(snakemake.output.manifest).parent,
        settings=HolesSettings(**snakemake.params.settings),
    )
