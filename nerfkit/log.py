"""What a stage says: progress on the terminal, everything in its log file, one sentence when it fails."""

import logging
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from nerfkit.errors import UserError


@contextmanager
def stage_log(path: str | Path) -> Iterator[None]:
    """Log nerfkit's messages to `path` and the terminal; turn a UserError into its sentence and exit 1.

    Any other exception leaves its traceback in the log as well and goes on.
    """
    logger = logging.getLogger("nerfkit")
    logger.setLevel(logging.INFO)
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    handlers = [logging.FileHandler(path, mode="w"), logging.StreamHandler(sys.stderr)]
    handlers[0].setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    for handler in handlers:
        logger.addHandler(handler)
    try:
        yield
    except UserError as error:
        logger.error("%s", error)
        handlers[0].stream.write(traceback.format_exc())
        sys.exit(1)
    except Exception:
        handlers[0].stream.write(traceback.format_exc())
        raise
    finally:
        for handler in handlers:
            logger.removeHandler(handler)
        handlers[0].close()
