"""The records of metrics.json as tables to be read, and tables as markdown."""

from collections.abc import Collection

from nerfkit.evaluation.sheets import Table

# metric -> heading and format; it has a column where some record has it
VIEW_COLUMNS = {
    "psnr": ("PSNR dB", ".2f"),
    "ssim": ("SSIM", ".3f"),
    "sharpness": ("sharpness", ".2f"),
    "squeezenet_distance": ("SqueezeNet", ".3f"),
    "lpips_vgg": ("LPIPS vgg", ".3f"),
    "lpips_alex": ("LPIPS alex", ".3f"),
    "fid": ("FID", ".1f"),
    "kid": ("KID", ".4f"),
    "depth_error": ("depth error", ".4f"),
}


def metric_tables(records: list[dict]) -> list[Table]:
    """Scores of views, scores of masks and costs of stages, leaving out what there is none of."""
    views = [r for r in records if r["metric"] in VIEW_COLUMNS]
    masks = [r for r in records if r["metric"] in ("accuracy", "iou")]
    costs = [r for r in records if r["protocol"] == "benchmark"]
    tables = [view_table(views), mask_table(masks), cost_table(costs)]
    return [table for table in tables if table.rows]


def markdown(heads: list[str], rows: list[list[str]], left: Collection[str]) -> str:
    """A table as markdown; the columns of these heads are set to the left, the others to the right."""
    rule = ["---" if head in left else "---:" for head in heads]
    return "".join(f"| {' | '.join(cells)} |\n" for cells in [heads, rule, *rows])


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
    """One row per stage, protocol and truth; depth has a truth of its own and stands beside the photos."""
    columns = {m: of for m, of in VIEW_COLUMNS.items() if any(r["metric"] == m for r in records)}
    keyed = [{**r, "against": " against reference" * (r["truth"] == "reference")} for r in records]
    rows = []
    for key, of in lookup(keyed, ("stage", "protocol", "region", "against"), "metric").items():
        stage, protocol, region, against = key
        where = region if region == "outside-hole" else protocol
        cells = [shown(of.get(metric), form) for metric, (_, form) in columns.items()]
        rows.append([f"{stage}, {where}{against}", *cells, str(max(r["views"] for r in of.values()))])
    heads = ["stage, protocol", *(heading for heading, _ in columns.values()), "views"]
    return Table("Renders against the truth", heads, rows)


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
