"""Adapter of the stage `metrics`."""

from pathlib import Path

from nerfkit.evaluation.metrics import MetricsSettings, Sources, metrics
from nerfkit.log import stage_log
from nerfkit.threads import use_threads

given = snakemake.input
with stage_log(snakemake.log[0]):
    use_threads(snakemake.threads)
    metrics(
        sources=Sources(
            **{name: Path(given[name]).parent for name in ("renders", "holes")},
            reference=next((Path(path).parent for path in given.reference), None),
            true_masks=next((Path(path).parent for path in given.true_masks), None),
            test_masks=next((Path(path).parent for path in given.test_masks), None),
            true_depth=next((Path(path).parent for path in given.true_depth), None),
            exact=next((Path(path) for path in given.exact), None),
            transforms=Path(given.transforms),
        ),
        out=Path(snakemake.output.manifest).parent,
        settings=MetricsSettings(**snakemake.params.settings),
        scene=snakemake.wildcards.scene,
        run=snakemake.wildcards.run,
        seed=int(snakemake.wildcards.seed),
        masks={Path(path).parent.name: Path(path).parent / "masks" for path in given.masks},
        benchmarks={Path(path).stem: Path(path) for path in given.benchmarks},
    )
