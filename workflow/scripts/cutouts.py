"""Adapter of the stage `cutouts`."""

from pathlib import Path

from nerfkit.extraction.cutouts import CutoutsSettings, cutouts
from nerfkit.log import stage_log
from nerfkit.threads import use_threads

with stage_log(snakemake.log[0]):
    use_threads(snakemake.threads)
    cutouts(
        transforms=Path(snakemake.input.transforms),
        photos=Path(snakemake.input.photos).parent,
        object_field=Path(snakemake.input.object_field),
        out=Path(snakemake.output.manifest).parent,
        settings=CutoutsSettings(**snakemake.params.settings),
    )
