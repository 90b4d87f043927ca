"""Adapter of the stage `renders`."""

from pathlib import Path

from nerfkit.evaluation.paint2d import Painter
from nerfkit.evaluation.renders import RendersSettings, renders
from nerfkit.holes import HolesSettings
from nerfkit.inpainting.settings import InpaintingSettings
from nerfkit.log import stage_log
from nerfkit.threads import use_threads

with stage_log(snakemake.log[0]):
    use_threads(snakemake.threads)
    renders(
        transforms=Path(snakemake.input.transforms),
        photos=Path(snakemake.input.photos).parent,
        field=Path(snakemake.input.field),
        out=Path(snakemake.output.manifest).parent,
        inpainted_field=next(map(Path, snakemake.input.inpainted_field), None),
        object_field=next(map(Path, snakemake.input.object_field), None),
        reference=next((Path(path).parent for path in snakemake.input.reference_field), None),
        settings=RendersSettings(**snakemake.params.settings),
        painter=Painter(
            holes=Path(snakemake.input.holes).parent,
            test_masks=next((Path(path).parent for path in snakemake.input.test_masks), None),
            widening=HolesSettings(**snakemake.params.holes),
            inpainting=InpaintingSettings(**snakemake.params.inpainting),
            seed=int(snakemake.wildcards.seed),
        ),
    )
