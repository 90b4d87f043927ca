"""The layout of sheets: every picture is where it belongs, and numbers are what the records say."""

import numpy as np

from nerfkit.evaluation import sheets
from nerfkit.evaluation.sheets import (
    GAP,
    LINE,
    MARGIN,
    TOP,
    Table,
    comparison_sheet,
    contact_sheet,
    number_sheet,
)
from nerfkit.evaluation.tables import metric_tables


def plain(colour, width=60, height=40):
    return np.full((height, width, 3), colour, np.uint8)


def test_a_contact_sheet_fills_rows_from_left_to_right():
    colours = [(250, 0, 0), (0, 250, 0), (0, 0, 250)]
    sheet = contact_sheet("T", [(f"v{k}", plain(c)) for k, c in enumerate(colours)], columns=2, tile_width=60)
    assert sheet.shape == (TOP + 2 * (40 + LINE) + MARGIN, 2 * MARGIN + 2 * 60 + GAP, 3)
    for k, colour in enumerate(colours):
        x, y = MARGIN + k % 2 * (60 + GAP), TOP + k // 2 * (40 + LINE)
        assert (sheet[y : y + 40, x : x + 60] == colour).all()


def test_a_comparison_has_a_row_per_view_and_room_for_its_title():
    rows = [(name, [plain((9, 9, 9)), plain((80, 0, 0))]) for name in ("a", "b")]
    sheet = comparison_sheet("A title much wider than two small tiles", ["one", "two"], rows, 60)
    assert sheet.shape[1] == sheets.title_width("A title much wider than two small tiles")
    for r in range(2):
        y = TOP + LINE + r * (40 + LINE)
        assert (sheet[y : y + 40, MARGIN + 60 + GAP : MARGIN + 120 + GAP] == (80, 0, 0)).all()


def test_tables_become_a_sheet_that_holds_all_of_their_rows():
    one, two = (Table("h", ["a", "b"], [["x", "1"]] * count) for count in (1, 6))
    assert number_sheet("T", [one, two]).shape[0] > number_sheet("T", [one]).shape[0] + 6 * LINE


def record(stage, protocol, region, metric, value, views=3, truth="photos"):
    return {
        "stage": stage,
        "protocol": protocol,
        "region": region,
        "metric": metric,
        "value": value,
        "views": views,
        "truth": truth,
    }


def test_records_become_tables_with_dashes_for_what_is_missing():
    records = [
        record("inpainted_field", "spinnerf-box", "box", "psnr", 16.417),
        record("inpainted_field", "spinnerf-box", "box", "ssim", 0.4444),
        record("inpainted_field", "spinnerf-box", "box", "sharpness", 0.68),
        record("inpainted_field", "masked-map", "mask", "psnr", "inf"),
        record("inpainted_field", "masked-map", "mask", "depth_error", 0.01307, truth="depth"),
        record("inpainted_field", "spinnerf-box", "box", "psnr", 21.0, truth="reference"),
        record("refinement", "view-mean", "frame", "iou", 0.91),
        record("refinement", "view-mean", "frame", "accuracy", 0.99),
        record("refinement", "pooled", "frame", "iou", 0.92),
        record("field", "benchmark", None, "wall_seconds", 61.24, None),
        record("field", "benchmark", None, "peak_memory", 910.4, None),
        record("photos", "benchmark", None, "wall_seconds", 1.0, None),
    ]
    views, masks, costs = metric_tables(records)
    assert views.rows == [
        ["inpainted_field, spinnerf-box", "16.42", "0.444", "0.68", "-", "3"],
        ["inpainted_field, masked-map", "inf", "-", "-", "0.0131", "3"],
        ["inpainted_field, spinnerf-box against reference", "21.00", "-", "-", "-", "3"],
    ]
    assert views.columns[1:] == ["PSNR dB", "SSIM", "sharpness", "depth error", "views"]
    assert masks.rows == [["refinement", "0.910", "0.920", "0.990", "3"]]
    assert costs.rows == [["field", "61.2", "910"], ["photos", "1.0", "-"], ["all stages", "62.2", "910"]]


def test_a_run_without_truth_has_its_costs_alone():
    tables = metric_tables([record("field", "benchmark", None, "wall_seconds", 2.0, None)])
    assert [table.heading for table in tables] == ["Cost"]
