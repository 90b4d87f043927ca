"""Adapter of the stage `assets`."""

from pathlib import Path

from nerfkit.extraction.assets import AssetsSettings, assets
from nerfkit.log import stage_log
from nerfkit.threads import use_threads

with stage_log(snakemake.log[0]):
    use_threads(snakemake.threads)
    assets(
        transforms=Path(snakemake.input.transforms),
        photos=Path(snakemake.input.photos).parent,
        object_field=Path(snakemake.input.object_field),
        seed=int(snakemake.wildcards.seed),
        out=Path(snakemake.output.manifest).parent,
        settings=AssetsSettings(**snakemake.params.settings),
    )
