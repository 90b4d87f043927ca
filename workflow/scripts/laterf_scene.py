"""Adapter of the rule `laterf_scene`."""

from nerfkit.log import stage_log
from nerfkit.synthetic.__main__ import main

scene = snakemake.params.scene
kind = f"--family covered --seed {scene['seed']} --subject {scene['subject']} --variant llvm_ad_rgb"
with stage_log(snakemake.log[0]):
    main(["--out", snakemake.params.folder, *kind.split()])
