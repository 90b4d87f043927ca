# From clicks in a few photos to an object mask in every photo, and the hole that it leaves.
# In:  photos, sfm, field and depth (the scene as it is); {data}/{scene}/prompts.json, or with `masks: provided` masks/*;
#      with `source_mask.backend: truth` masks/<clicked photo>
# Out: results/{scene}/{run}/clicks/clicks.json
#      .../seed{seed}/source_mask/source_mask.json, masks/*.png (clicked photos only), objects/<name>/*.png
#      .../seed{seed}/propagation/propagation.json, masks/*.png, objects/<name>/*.png
#      .../seed{seed}/refinement/refinement.json, masks/*.png, objects/<name>/*.png, confidence/*.png,
#          confidences/<name>/*.png, objectness/<name>.safetensors, curves/<name>_<stage>.csv
#      .../seed{seed}/holes/holes.json, masks/*.png (at photo size), holes/*.png (dilated)


rule clicks:
    input:
        photos=artefact("photos", "photos.json"),
        prompts=prompts,
    output:
        manifest="results/{scene}/{run}/clicks/clicks.json",
    log:
        "logs/{scene}/{run}/clicks.log",
    benchmark:
        "benchmarks/{scene}/{run}/clicks.tsv"
    # Mistakes in prompts.json should show before minutes are spent on poses and fields.
    priority: 1
    conda:
        "../../envs/segmentation.yaml"
    threads: 1
    resources:
        mem_mb=1000,
        runtime=10,
    params:
        code=code_digest("clicks"),
    message:
        "{wildcards.scene}: the clicks checked"
    script:
        "../scripts/clicks.py"


rule source_mask:
    input:
        photos=artefact("photos", "photos.json"),
        clicks=artefact("clicks", "clicks.json"),
        sfm=artefact("sfm", "sfm.json"),
        depth=artefact("depth", "depth.json"),
        true_masks=true_source_masks,
    output:
        manifest="results/{scene}/{run}/seed{seed}/source_mask/source_mask.json",
    log:
        "logs/{scene}/{run}/seed{seed}/source_mask.log",
    benchmark:
        "benchmarks/{scene}/{run}/seed{seed}/source_mask.tsv"
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
        depth=artefact("depth", "depth.json"),
    output:
        manifest="results/{scene}/{run}/seed{seed}/propagation/propagation.json",
    log:
        "logs/{scene}/{run}/seed{seed}/propagation.log",
    benchmark:
        "benchmarks/{scene}/{run}/seed{seed}/propagation.tsv"
    conda:
        propagation_env
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
        objects=chosen_objects,
        settings=run_settings("holes"),
        code=code_digest("holes"),
    message:
        "{wildcards.scene}: what is to be filled"
    script:
        "../scripts/holes.py"
