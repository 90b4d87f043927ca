# From clicks in a few photos to an object mask in every photo, and the hole that it leaves.
# In:  photos, sfm, field (the scene as it is); {data}/{scene}/prompts.json, or with `masks: provided` masks/*
# Out: results/{scene}/{run}/source_mask/source_mask.json, masks/*.png (clicked photos only)
#      .../seed{seed}/propagation/propagation.json, masks/*.png
#      .../seed{seed}/refinement/refinement.json, objectness.safetensors, refinement_1.csv, masks/*.png, confidence/*.png
#      .../seed{seed}/holes/holes.json, masks/*.png (at photo size), holes/*.png (dilated)


rule source_mask:
    input:
        photos=artefact("photos", "photos.json"),
        prompts=prompts,
    output:
        manifest="results/{scene}/{run}/source_mask/source_mask.json",
    log:
        "logs/{scene}/{run}/source_mask.log",
    benchmark:
        "benchmarks/{scene}/{run}/source_mask.tsv"
    conda:
        "../../envs/segmentation.yaml"
    threads: 4
    resources:
        mem_mb=4000,
        runtime=60,
    params:
        settings=run_settings("source_mask"),
        code=code_digest("source_mask"),
    message:
        "{wildcards.scene}: object mask of the clicked photos"
    script:
        "../scripts/source_mask.py"


rule propagation:
    input:
        photos=artefact("photos", "photos.json"),
        sfm=artefact("sfm", "sfm.json"),
        source_mask=artefact("source_mask", "source_mask.json"),
        field=artefact("field", "field.json"),
    output:
        manifest="results/{scene}/{run}/seed{seed}/propagation/propagation.json",
    log:
        "logs/{scene}/{run}/seed{seed}/propagation.log",
    benchmark:
        "benchmarks/{scene}/{run}/seed{seed}/propagation.tsv"
    conda:
        "../../envs/segmentation.yaml"
    threads: 16
    resources:
        mem_mb=4000,
        runtime=60,
    params:
        settings=run_settings("propagation"),
        code=code_digest("propagation"),
    message:
        "{wildcards.scene}: object masks of all photos"
    script:
        "../scripts/propagation.py"


rule refinement:
    input:
        photos=artefact("photos", "photos.json"),
        sfm=artefact("sfm", "sfm.json"),
        propagation=artefact("propagation", "propagation.json"),
        field=artefact("field", "field.json"),
    output:
        manifest="results/{scene}/{run}/seed{seed}/refinement/refinement.json",
        objectness="results/{scene}/{run}/seed{seed}/refinement/objectness.safetensors",
        curve="results/{scene}/{run}/seed{seed}/refinement/refinement_1.csv",
    log:
        "logs/{scene}/{run}/seed{seed}/refinement.log",
    benchmark:
        "benchmarks/{scene}/{run}/seed{seed}/refinement.tsv"
    conda:
        "../../envs/field.yaml"
    threads: 16
    resources:
        mem_mb=4000,
        runtime=120,
    params:
        settings=run_settings("refinement"),
        code=code_digest("refinement"),
    message:
        "{wildcards.scene}: masks that agree in 3D"
    script:
        "../scripts/refinement.py"


rule holes:
    input:
        photos=artefact("photos", "photos.json"),
        sfm=artefact("sfm", "sfm.json"),
        masks=chosen_masks,
    output:
        manifest="results/{scene}/{run}/seed{seed}/holes/holes.json",
    log:
        "logs/{scene}/{run}/seed{seed}/holes.log",
    benchmark:
        "benchmarks/{scene}/{run}/seed{seed}/holes.tsv"
    conda:
        "../../envs/segmentation.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=30,
    params:
        masks=masks_folder,
        provided=provided_masks,
        settings=run_settings("holes"),
        code=code_digest("holes"),
    message:
        "{wildcards.scene}: what is to be filled"
    script:
        "../scripts/holes.py"
