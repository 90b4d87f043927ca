"""The one training loop. Methods differ by the objective that is passed in, not by the loop."""

import csv
import logging
import math
import resource
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import torch
from torch import Tensor
from tqdm import tqdm

from nerfkit.errors import UserError
from nerfkit.fields.settings import TrainingSettings
from nerfkit.files import atomic_path

log = logging.getLogger("nerfkit")

ADAM = {"betas": (0.9, 0.99), "eps": 1e-15, "fused": True}
RECORD_EVERY = 50
# what a training leaves is the mean over about its last twentieth: steps of few rays are noisy to the end
MEANS, MEAN_SHARE = 200, 0.1  # updates of the mean in a training, and the share that each has in it

# (field, rays a step, share of the training that is done, generator) -> named loss terms, summed as they are
Objective = Callable[[torch.nn.Module, int, float, torch.Generator], dict[str, Tensor]]


def train(
    field: torch.nn.Module,
    objective: Objective,
    settings: TrainingSettings,
    seed: int,
    progress: Callable[[int], float] | None = None,
) -> Iterator[dict[str, float]]:
    """Train `field` in place, yielding a record of every step.

    After the last step the field's parameters are replaced by their exponential mean over the training's end.

    Args:
        objective: gives the loss terms of a step.
        progress: share of the training done before a step; by default steps are counted.
    Yields:
        step, seconds since the start, loss, and each term.
    Raises:
        UserError: the loss is not finite; the step and the terms are named.
    """
    generator = torch.Generator().manual_seed(seed)
    optimiser = torch.optim.Adam(field.parameter_groups(settings), lr=settings.net_rate, **ADAM)
    trained = [parameter for group in optimiser.param_groups for parameter in group["params"]]
    mean = [parameter.detach().clone() for parameter in trained]
    start = time.perf_counter()
    for step in range(settings.steps):
        done = progress(step) if progress else step / settings.steps
        decay = min(1, (step + 1) / settings.warmup) * settings.final_rate**done
        for group in optimiser.param_groups:
            group["lr"] = group["rate"] * decay
        rays = round(settings.rays_start * (settings.rays_end / settings.rays_start) ** done)
        terms = objective(field, rays, done, generator)
        loss = sum(terms.values())
        values = {name: float(term.detach()) for name, term in terms.items()}
        if not math.isfinite(sum(values.values())):
            raise UserError(f"Training broke at step {step}: {values}; lower table_rate and net_rate.")
        optimiser.zero_grad(set_to_none=True)
        loss.backward()
        optimiser.step()
        number, between = divmod(step + 1, max(settings.steps // MEANS, 1))
        if between == 0:
            blend(mean, trained, max(MEAN_SHARE, 1 / number))
        yield {"step": step, "seconds": time.perf_counter() - start, "loss": sum(values.values()), **values}
    blend(trained, mean, 1.0)


@torch.no_grad()
def blend(values: list[Tensor], others: list[Tensor], share: float) -> None:
    """Move each of `values` in place by `share` of its way to the other."""
    for value, other in zip(values, others, strict=True):
        value.lerp_(other, share)


def means(records: list[dict[str, float]]) -> dict[str, float]:
    """The mean of every name over the records that have it."""
    columns = {
        name: [r[name] for r in records if name in r] for name in dict.fromkeys(n for r in records for n in r)
    }
    return {name: sum(values) / len(values) for name, values in columns.items()}


def fit(records: Iterable[dict[str, float]], steps: int, curve: Path, title: str) -> dict[str, float]:
    """Run a training to its end: progress on the terminal, means of every RECORD_EVERY steps to `curve`.

    Returns the last row. A term that is not formed in every step is averaged over the steps that have it.
    """
    rows, window = [], []
    for record in tqdm(records, total=steps, desc=title, mininterval=1, unit="step"):
        window.append(record)
        if len(window) == RECORD_EVERY or record["step"] == steps - 1:
            rows.append({**means(window), "step": record["step"] + 1, "seconds": record["seconds"]})
            rows[-1]["peak_mb"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
            window = []
    with atomic_path(curve) as temporary, temporary.open("w", newline="") as file:
        columns = dict.fromkeys(name for row in rows for name in row)
        writer = csv.DictWriter(file, columns, restval="")
        writer.writeheader()
        writer.writerows(rows)
    log.info("%s: %d steps in %.0f s, last loss %.5f", title, steps, rows[-1]["seconds"], rows[-1]["loss"])
    return rows[-1]
