"""The one exception that speaks to the user."""


class UserError(Exception):
    """Something the user can mend. Its message is one sentence or two: what, where, what to do."""
