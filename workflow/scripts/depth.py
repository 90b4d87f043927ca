"""Adapter of the stage `depth`."""

from pathlib import Path

from nerfkit.depth import depth
from nerfkit.log import stage_log
from nerfkit.threads import use_threads

with stage_log(snakemake.log[0]):
    use_threads(snakemake.threads)
    depth(
        photos=Path(snakemake.input.photos).parent,
        sfm=Path(snakemake.input.sfm).parent,
        field=Path(snakemake.input.field).parent,
        out=Path(snakemake.output.manifest).parent,
    )
