"""Scores of object masks as records of metrics.json."""

from nerfkit.evaluation.mask_scores import POOLED, VIEW_MEAN, Pairs, pooled, resolution, view_scores
from nerfkit.evaluation.records import Score, size_of


def mask_records(stage: str, pairs: Pairs) -> list[Score]:
    """Accuracy and IoU of every mask of a stage."""
    return [
        Score(stage, VIEW_MEAN, "frame", metric, view, value, size_of(pairs[view][0]), "masks")
        for metric, of_views in view_scores(pairs).items()
        for view, value in of_views.items()
    ]


def pool(stage: str, pairs: Pairs) -> list[dict]:
    """Accuracy and IoU over the pixels of all views together: large objects weigh more than small ones."""
    if not pairs:
        return []
    shared = {"stage": stage, "protocol": POOLED, "region": "frame", "truth": "masks"}
    shared |= {"views": len(pairs), "resolution": resolution(pairs)}
    return [{**shared, "metric": metric, "value": value} for metric, value in pooled(pairs).items()]
