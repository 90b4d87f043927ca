"""Adapter of the stage `inpainted_field`."""

from pathlib import Path

from nerfkit.fields.settings import FieldSettings
from nerfkit.inpainted_field import InpaintedFieldSettings, inpainted_field
from nerfkit.log import stage_log
from nerfkit.threads import use_threads

with stage_log(snakemake.log[0]):
    use_threads(snakemake.threads)
    inpainted_field(
        photos=Path(snakemake.input.photos).parent,
        sfm=Path(snakemake.input.sfm).parent,
        holes=Path(snakemake.input.holes).parent,
        inpainting=Path(snakemake.input.inpainting).parent,
        field_settings=FieldSettings(**snakemake.params.field_settings),
        seed=int(snakemake.wildcards.seed),
        out=Path(snakemake.output.manifest).parent,
        settings=InpaintedFieldSettings(**snakemake.params.settings),
    )
