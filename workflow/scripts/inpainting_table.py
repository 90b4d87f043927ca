"""Adapter of the target `inpainting_table`."""

from pathlib import Path

from nerfkit.evaluation.inpainting_table import InpaintingTableSettings, inpainting_table
from nerfkit.log import stage_log

with stage_log(snakemake.log[0]):
    inpainting_table(
        methods=snakemake.params.methods,
        cells=snakemake.params.cells,
        out=Path(snakemake.output.manifest).parent,
        settings=InpaintingTableSettings(**snakemake.params.settings),
    )
