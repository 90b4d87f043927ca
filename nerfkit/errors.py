"""The one exception that speaks to the user, and how it names many things."""


class UserError(Exception):
    """Something the user can mend. Its message is one sentence or two: what, where, what to do."""


def listed(names: list[str], most: int = 8) -> str:
    """Names for a message, the first few of many."""
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")
