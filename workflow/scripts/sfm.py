"""Adapter of the stage `sfm`."""

from pathlib import Path

from nerfkit.log import stage_log
from nerfkit.sfm import SfmSettings, sfm

with stage_log(snakemake.log[0]):
    sfm(
        photos=Path(snakemake.input.photos).parent,
        provided=next(map(Path, snakemake.input.poses), None),
        out=Path(snakemake.output.manifest).parent,
        settings=SfmSettings(**snakemake.params.settings),
    )
