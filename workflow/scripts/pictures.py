"""Adapter of the stage `pictures`."""

from pathlib import Path

from nerfkit.evaluation.pictures import PicturesSettings, pictures
from nerfkit.log import stage_log

with stage_log(snakemake.log[0]):
    pictures(
        photos=Path(snakemake.input.photos).parent,
        holes=Path(snakemake.input.holes).parent,
        inpainting=Path(snakemake.input.inpainting).parent,
        renders=Path(snakemake.input.renders).parent,
        metrics=Path(snakemake.input.metrics).parent,
        curves=[Path(path) for path in snakemake.input.curves],
        clicks=next((Path(path).parent for path in snakemake.input.clicks), None),
        source_mask=next((Path(path).parent for path in snakemake.input.source_mask), None),
        refinement=next((Path(path).parent for path in snakemake.input.refinement), None),
        out=Path(snakemake.output.pictures),
        settings=PicturesSettings(**snakemake.params.settings),
    )
