# Photos and clicks in, the place without the object out; or the object without the place.
#
#     snakemake --cores all scene=bench          the scene in data/bench without what was clicked
#     snakemake --cores all object=bench         what was clicked in it, alone
#     snakemake --cores all scene=bench -R field repeat a stage and what follows from it (the scene first, then -R)
#     snakemake --cores all segmentation_table --config 'scene=[a, b]'    methods of segmentation side by side
import os

from snakemake.utils import min_version

min_version("9.19")

# Threads that wait should sleep: OpenMP reads this when a stage starts, before any of its code could say so.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")


configfile: f"{workflow.basedir}/config.yaml"


include: "workflow/rules/common.smk"
include: "workflow/rules/given.smk"
include: "workflow/rules/inpainting_cells.smk"


check_everything()
forget_marks()


wildcard_constraints:
    scene=r"[A-Za-z0-9_-]+",
    run=r"[A-Za-z0-9_-]+",
    seed=r"\d+",


include: "workflow/rules/capture.smk"
include: "workflow/rules/segmentation.smk"
include: "workflow/rules/removal.smk"
include: "workflow/rules/evaluation.smk"
include: "workflow/rules/extraction.smk"
include: "workflow/rules/tables.smk"
include: "workflow/rules/laterf_tables.smk"


rule all:
    default_target: True
    input:
        deliverables("scene"),


rule scene:
    input:
        deliverables("scene"),
    output:
        touch("scene={scene}"),
    localrule: True


rule object:
    input:
        deliverables("object"),
    output:
        touch("object={scene}"),
    localrule: True
