"""Adapter of the stage `metrics`."""

from pathlib import Path

from nerfkit.evaluation.metrics import MetricsSettings, metrics
from nerfkit.log import stage_log

with stage_log(snakemake.log[0]):
    metrics(
        renders=Path(snakemake.input.renders).parent,
        photos=Path(snakemake.input.photos).parent,
        holes=Path(snakemake.input.holes).parent,
        out=Path(snakemake.output.manifest).parent,
        settings=MetricsSettings(**snakemake.params.settings),
        scene=snakemake.wildcards.scene,
        run=snakemake.wildcards.run,
        seed=int(snakemake.wildcards.seed),
        masks={Path(path).parent.name: Path(path).parent / "masks" for path in snakemake.input.masks},
        true_masks=next((Path(path).parent for path in snakemake.input.true_masks), None),
        test_masks=next((Path(path).parent for path in snakemake.input.test_masks), None),
        benchmarks={Path(path).stem: Path(path) for path in snakemake.input.benchmarks},
    )
