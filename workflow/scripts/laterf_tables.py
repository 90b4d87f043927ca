"""Adapter of the target `laterf_tables`."""

from pathlib import Path

from nerfkit.evaluation.laterf_tables import laterf_tables
from nerfkit.log import stage_log

with stage_log(snakemake.log[0]):
    laterf_tables(
        tables=snakemake.params.tables,
        cells=snakemake.params.cells,
        source=snakemake.params.source,
        out=Path(snakemake.output.manifest).parent,
    )
