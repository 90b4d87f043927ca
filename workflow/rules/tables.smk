# Many runs of many scenes side by side; a table belongs to no run.
# In:  segmentation_table: masks of every method of workflow/segmentation_methods.yaml; {data}/{scene}/masks as truth
#      inpainting_table: metrics and renders of every method of config.yaml's `inpainting_table`;
#      {data}/{scene}/test/masks
# Out: results/tables/segmentation_table/segmentation_table.json, .csv, .md, .png, sheets/*.png
#      results/tables/inpainting_table/inpainting_table.json, inpainting_table.md, records.csv, sheets/*.png


rule segmentation_table:
    input:
        photos=lambda wildcards: [f"{folder}/photos.json" for folder in photo_folders(config).values()],
        masks=lambda wildcards: manifests(segmentation_rows()),
        true_masks=lambda wildcards: [file for files in true_masks(config).values() for file in files],
    output:
        manifest="results/tables/segmentation_table/segmentation_table.json",
        table="results/tables/segmentation_table/segmentation_table.csv",
        text="results/tables/segmentation_table/segmentation_table.md",
        picture=report(
            "results/tables/segmentation_table/segmentation_table.png",
            category="tables",
            caption="../report/segmentation_table.rst",
        ),
        sheets=report(
            directory("results/tables/segmentation_table/sheets"),
            patterns=["{sheet}.png"],
            category="tables",
            caption="../report/segmentation_table.rst",
        ),
    log:
        "logs/tables/segmentation_table.log",
    benchmark:
        "benchmarks/tables/segmentation_table.tsv"
    conda:
        "../../envs/evaluation.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=30,
    params:
        rows=segmentation_rows,
        photos=lambda wildcards: photo_folders(config),
        true_masks=lambda wildcards: {name: os.path.dirname(of[0]) for name, of in true_masks(config).items()},
        code=code_digest("segmentation_table"),
    message:
        "methods of multiview segmentation side by side"
    script:
        "../scripts/segmentation_table.py"


rule inpainting_table:
    input:
        metrics=of_every_cell("metrics"),
        renders=of_every_cell("renders"),
    output:
        manifest="results/tables/inpainting_table/inpainting_table.json",
        table="results/tables/inpainting_table/inpainting_table.md",
        records="results/tables/inpainting_table/records.csv",
    log:
        "logs/tables/inpainting_table.log",
    benchmark:
        "benchmarks/tables/inpainting_table.tsv"
    conda:
        "../../envs/evaluation.yaml"
    threads: 1
    resources:
        mem_mb=2000,
        runtime=30,
    params:
        methods=config["inpainting_table"]["methods"],
        cells=cell_folders,
        settings={key: config["inpainting_table"][key] for key in ("views", "tile_width")},
        code=code_digest("inpainting_table"),
    message:
        "all methods side by side"
    script:
        "../scripts/inpainting_table.py"
