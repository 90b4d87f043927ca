"""Adapter of the stage `refinement`."""

from pathlib import Path

from nerfkit.log import stage_log
from nerfkit.segmentation.refinement import RefinementSettings, refinement
from nerfkit.threads import use_threads

with stage_log(snakemake.log[0]):
    use_threads(snakemake.threads)
    refinement(
        photos=Path(snakemake.input.photos).parent,
        sfm=Path(snakemake.input.sfm).parent,
        propagation=Path(snakemake.input.propagation).parent,
        field=Path(snakemake.input.field).parent,
        seed=int(snakemake.wildcards.seed),
        out=Path(snakemake.output.manifest).parent,
        settings=RefinementSettings(**snakemake.params.settings),
    )
