"""Adapter of the stage `inpainting`."""

from pathlib import Path

from nerfkit.inpainting import InpaintingSettings, inpainting
from nerfkit.log import stage_log
from nerfkit.threads import use_threads

with stage_log(snakemake.log[0]):
    use_threads(snakemake.threads)
    inpainting(
        photos=Path(snakemake.input.photos).parent,
        sfm=Path(snakemake.input.sfm).parent,
        holes=Path(snakemake.input.holes).parent,
        depth=Path(snakemake.input.depth).parent,
        background=next((Path(path).parent for path in snakemake.input.background), None),
        provided=next((Path(path).parents[1] for path in snakemake.input.fills), None),
        seed=int(snakemake.wildcards.seed),
        out=Path(snakemake.output.manifest).parent,
        settings=InpaintingSettings(**snakemake.params.settings),
    )
