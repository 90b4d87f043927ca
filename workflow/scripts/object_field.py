"""Adapter of the stage `object_field`."""

from pathlib import Path

from nerfkit.extraction.object_field import ObjectFieldSettings, object_field
from nerfkit.log import stage_log
from nerfkit.threads import use_threads

with stage_log(snakemake.log[0]):
    use_threads(snakemake.threads)
    object_field(
        photos=Path(snakemake.input.photos).parent,
        sfm=Path(snakemake.input.sfm).parent,
        field=Path(snakemake.input.field).parent,
        depth=Path(snakemake.input.depth).parent,
        holes=next((Path(path).parent for path in snakemake.input.holes), None),
        clicks=next((Path(path).parent for path in snakemake.input.clicks), None),
        objects=snakemake.params.objects,
        seed=int(snakemake.wildcards.seed),
        out=Path(snakemake.output.manifest).parent,
        settings=ObjectFieldSettings(**snakemake.params.settings),
    )
