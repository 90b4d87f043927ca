"""Adapter of the rule `laterf_scene`."""

from pathlib import Path

from nerfkit.log import stage_log
from nerfkit.synthetic.laterf_scene import laterf_scene

with stage_log(snakemake.log[0]):
    laterf_scene(
        out=Path(snakemake.output.description).parent,
        seed=snakemake.params.scene["seed"],
        subject=snakemake.params.scene["subject"],
    )
