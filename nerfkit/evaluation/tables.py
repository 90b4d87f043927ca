"""The records of metrics.json as tables to be read."""

from nerfkit.evaluation.sheets import Table


def metric_tables(records: list[dict]) -> list[Table]:
    """Scores of views, scores of masks and costs of stages, leaving out what there is none of."""
    views = [r for r in records if r["metric"] in ("psnr", "ssim", "sharpness")]
    masks = [r for r in records if r["metric"] in ("accuracy", "iou")]
    costs = [r for r in records if r["protocol"] == "benchmark"]
    tables = [view_table(views), mask_table(masks), cost_table(costs)]
    return [table for table in tables if table.rows]


def lookup(records: list[dict], keys: tuple[str, ...], column: str) -> dict[tuple, dict[str, dict]]:
    """Group records: (values of `keys`) -> value of `column` -> record, in the records' order."""
    groups: dict[tuple, dict[str, dict]] = {}
    for record in records:
        groups.setdefault(tuple(record[key] for key in keys), {})[record[column]] = record
    return groups


def shown(record: dict | None, form: str) -> str:
    """A record's value in that format, a dash where there is none."""
    value = None if record is None else record["value"]
    return "-" if value is None else format(float(value), form)


def view_table(records: list[dict]) -> Table:
    """One row per stage and region."""
    rows = [
        [
            f"{stage}, {region}",
            *(shown(of.get(m), form) for m, form in (("psnr", ".2f"), ("ssim", ".3f"), ("sharpness", ".2f"))),
            str(max(record["views"] for record in of.values())),
        ]
        for (stage, region), of in lookup(records, ("stage", "region"), "metric").items()
    ]
    return Table("Renders against photos", ["stage, region", "PSNR dB", "SSIM", "sharpness", "views"], rows)


def mask_table(records: list[dict]) -> Table:
    """One row per stage: mean over the views and pooled over all pixels."""
    rows = []
    for (stage,), of in lookup(
        [{**r, "key": f"{r['protocol']} {r['metric']}"} for r in records], ("stage",), "key"
    ).items():
        cells = [shown(of.get(key), ".3f") for key in ("view-mean iou", "pooled iou", "view-mean accuracy")]
        rows.append([stage, *cells, str(max(record["views"] for record in of.values()))])
    return Table("Masks against the user's", ["stage", "IoU", "IoU pooled", "accuracy", "views"], rows)


def cost_table(records: list[dict]) -> Table:
    """One row per stage, and their sum."""
    rows = [
        [stage, shown(of.get("wall_seconds"), ".1f"), shown(of.get("peak_memory"), ".0f")]
        for (stage,), of in lookup(records, ("stage",), "metric").items()
    ]
    if rows:
        seconds = sum(float(r["value"]) for r in records if r["metric"] == "wall_seconds")
        peak = max((float(r["value"]) for r in records if r["metric"] == "peak_memory"), default=0.0)
        rows.append(["all stages", f"{seconds:.1f}", f"{peak:.0f}"])
    return Table("Cost", ["stage", "wall time, s", "peak memory, MiB"], rows)
