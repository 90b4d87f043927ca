"""Adapter of the stage `photos`."""

from pathlib import Path

from nerfkit.log import stage_log
from nerfkit.photos import PhotosSettings, photos

with stage_log(snakemake.log[0]):
    photos(
        images=[Path(path) for path in snakemake.input.images],
        video=next(map(Path, snakemake.input.video), None),
        test_images=[Path(path) for path in snakemake.input.test_images],
        out=Path(snakemake.output.manifest).parent,
        masks=[Path(path) for path in snakemake.input.masks],
        settings=PhotosSettings(**snakemake.params.settings),
    )
