"""Adapter of the table `segmentation_table`."""

from pathlib import Path

from nerfkit.evaluation.segmentation_table import Row, segmentation_table
from nerfkit.log import stage_log

with stage_log(snakemake.log[0]):
    segmentation_table(
        rows=[Row(**row) for row in snakemake.params.rows],
        photos={scene: Path(folder) for scene, folder in snakemake.params.photos.items()},
        true_masks={scene: Path(folder) for scene, folder in snakemake.params.true_masks.items()},
        out=Path(snakemake.output.manifest).parent,
    )
