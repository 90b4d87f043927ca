"""Adapter of the stage `clicks`."""

from pathlib import Path

from nerfkit.clicks import clicks
from nerfkit.log import stage_log

with stage_log(snakemake.log[0]):
    clicks(
        photos=Path(snakemake.input.photos).parent,
        prompts=Path(snakemake.input.prompts[0]),
        out=Path(snakemake.output.manifest).parent,
    )
