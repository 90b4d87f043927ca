"""Adapter of the stage `propagation`."""

from pathlib import Path

from nerfkit.log import stage_log
from nerfkit.segmentation.propagation import PropagationSettings, propagation
from nerfkit.threads import use_threads

with stage_log(snakemake.log[0]):
    use_threads(snakemake.threads)
    propagation(
        photos=Path(snakemake.input.photos).parent,
        sfm=Path(snakemake.input.sfm).parent,
        source_mask=Path(snakemake.input.source_mask).parent,
        field=Path(snakemake.input.field).parent,
        depth=Path(snakemake.input.depth).parent,
        out=Path(snakemake.output.manifest).parent,
        settings=PropagationSettings.of(snakemake.params.settings),
    )
