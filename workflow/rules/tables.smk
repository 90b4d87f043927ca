# Many runs of many scenes side by side; see workflow/segmentation_methods.yaml for what is compared.
# In:  masks of the stages propagation and refinement of every method; {data}/{scene}/masks as truth
# Out: results/tables/segmentation_table/segmentation_table.json, .csv, .md, .png, sheets/*.png


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
