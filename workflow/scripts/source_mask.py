"""Adapter of the stage `source_mask`."""

from pathlib import Path

from nerfkit.log import stage_log
from nerfkit.segmentation.source_mask import SourceMaskSettings, source_mask
from nerfkit.threads import use_threads

with stage_log(snakemake.log[0]):
    use_threads(snakemake.threads)
    source_mask(
        photos=Path(snakemake.input.photos).parent,
        clicks=Path(snakemake.input.clicks).parent,
        sfm=Path(snakemake.input.sfm).parent,
        depth=Path(snakemake.input.depth).parent,
        out=Path(snakemake.output.manifest).parent,
        settings=SourceMaskSettings(**snakemake.params.settings),
        true_masks=next((Path(path).parent for path in snakemake.input.true_masks), None),
    )
