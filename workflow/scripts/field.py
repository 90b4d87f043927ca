"""Adapter of the stage `field`."""

from pathlib import Path

from nerfkit.field import field
from nerfkit.fields.settings import FieldSettings
from nerfkit.log import stage_log
from nerfkit.threads import use_threads

with stage_log(snakemake.log[0]):
    use_threads(snakemake.threads)
    field(
        photos=Path(snakemake.input.photos).parent,
        sfm=Path(snakemake.input.sfm).parent,
        seed=int(snakemake.wildcards.seed),
        out=Path(snakemake.output.manifest).parent,
        settings=FieldSettings(**snakemake.params.settings),
    )
