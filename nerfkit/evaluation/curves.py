"""Training curves: every loss term of both trainings over wall time."""

from pathlib import Path

import matplotlib
import pandas as pd

from nerfkit.evaluation import canvas

matplotlib.use("agg")
from matplotlib import pyplot as plt

NOT_TERMS = ("step", "seconds", "loss", "peak_mb", "psnr")
PANELS = 2  # in a row
LINES = ["#2a9d8f", "#e63946", "#e9a23b", "#457b9d", "#8d5a97", "#6c757d"]  # terms, in their order


def write_curves(path: Path, curves: dict[str, Path]) -> None:
    """Write one PNG with a panel for each training.

    Args:
        curves: title -> CSV with the columns step, seconds, loss and one for each term.
    """
    grey = "#" + "".join(f"{part:02x}" for part in canvas.MUTED)
    style = {"axes.spines.top": False, "axes.spines.right": False, "axes.edgecolor": grey, "font.size": 10}
    style |= {"xtick.color": grey, "ytick.color": grey, "axes.titlelocation": "left"}
    with plt.rc_context(style):
        columns = min(len(curves), PANELS)
        rows = -(-len(curves) // columns)
        figure, axes = plt.subplots(rows, columns, figsize=(6 * columns, 3.8 * rows), squeeze=False)
        for axis in axes.ravel()[len(curves) :]:
            axis.remove()
        for axis, (title, source) in zip(axes.ravel(), curves.items(), strict=False):
            draw_terms(axis, title.replace("_", " "), pd.read_csv(source))
        figure.tight_layout(w_pad=3)
        figure.savefig(path, dpi=110, format="png")
        plt.close(figure)


def draw_terms(axis: plt.Axes, title: str, table: pd.DataFrame) -> None:
    """The loss and its terms on a logarithmic axis, named at the right."""
    terms = [name for name in table.columns if name not in NOT_TERMS]
    if len(terms) > 1:
        axis.plot(table["seconds"], table["loss"], color="#222831", linewidth=1.8, label="loss")
    for k, name in enumerate(terms):
        axis.plot(table["seconds"], table[name], color=LINES[k % len(LINES)], linewidth=1.3, label=name)
    last = table.iloc[-1]
    axis.set(yscale="log", xlabel="seconds", ylabel="loss terms", xlim=(0, None))
    axis.set_title(f"{title}: {last['step']:.0f} steps, {last['seconds']:.0f} s, loss {last['loss']:.2g}")
    axis.grid(axis="y", color="#e5e7eb", linewidth=0.8)
    axis.legend(frameon=False, fontsize=9, loc="upper right")
