"""Adapter of the stage `background`."""

from pathlib import Path

from nerfkit.background import BackgroundSettings, background
from nerfkit.log import stage_log
from nerfkit.threads import use_threads

with stage_log(snakemake.log[0]):
    use_threads(snakemake.threads)
    background(
        photos=Path(snakemake.input.photos).parent,
        sfm=Path(snakemake.input.sfm).parent,
        holes=Path(snakemake.input.holes).parent,
        depth=Path(snakemake.input.depth).parent,
        out=Path(snakemake.output.manifest).parent,
        settings=BackgroundSettings(**snakemake.params.settings),
    )
