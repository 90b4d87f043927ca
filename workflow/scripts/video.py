"""Adapter of the stage `video`."""

from pathlib import Path

from nerfkit.evaluation.video import VideoSettings, video
from nerfkit.log import stage_log
from nerfkit.threads import use_threads

with stage_log(snakemake.log[0]):
    use_threads(snakemake.threads)
    video(
        transforms=Path(snakemake.input.transforms),
        photos=Path(snakemake.input.photos).parent,
        field=Path(snakemake.input.field),
        inpainted_field=Path(snakemake.input.inpainted_field),
        out=Path(snakemake.output.video).parent,
        settings=VideoSettings(**snakemake.params.settings),
    )
