"""Adapter of the stage `reference_field`."""

from pathlib import Path

from nerfkit.fields.settings import FieldSettings
from nerfkit.log import stage_log
from nerfkit.reference_field import reference_field
from nerfkit.threads import use_threads

with stage_log(snakemake.log[0]):
    use_threads(snakemake.threads)
    reference_field(
        photos=Path(snakemake.input.photos).parent,
        sfm=Path(snakemake.input.sfm).parent,
        out=Path(snakemake.output.manifest).parent,
        field_settings=FieldSettings(**snakemake.params.field_settings),
        seed=int(snakemake.wildcards.seed),
    )
