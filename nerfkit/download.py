"""Fetching one large file over HTTP: with a progress bar, and going on where a transfer broke off."""

import errno
import http.client
import logging
import shutil
import urllib.error
import urllib.request
from pathlib import Path

from tqdm import tqdm

from nerfkit.errors import UserError

log = logging.getLogger("nerfkit")

CHUNK = 1 << 18
TIMEOUT = 30  # seconds without a byte
ATTEMPTS = 5  # transfers in a row that may break off


def download(address: str, path: Path, size: int) -> None:
    """Bring `path` to `size` bytes from `address`; bytes that are there already are not fetched again.

    Raises:
        UserError: no connection, an HTTP error, not enough room, or a transfer that keeps breaking off; what
            has arrived stays in `path`.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.is_file() and path.stat().st_size > size:
        path.unlink()
    _check_room(path, size)
    for attempt in range(1, ATTEMPTS + 1):
        try:
            _transfer(address, path, size)
        except urllib.error.HTTPError as error:
            raise UserError(f"{address} answers {error.code} ({error.reason}); fetch it by hand.") from error
        except (OSError, http.client.HTTPException) as error:
            if getattr(error, "errno", None) == errno.ENOSPC:
                raise UserError(
                    f"The disk of {path.parent} is full; free some room and run again."
                ) from error
            log.info("transfer %d of %s broke off: %s", attempt, address, error)
        if _size_of(path) == size:
            return
    raise UserError(
        f"{address} could not be fetched whole ({_size_of(path):,} of {size:,} bytes); check the network and "
        f"run the same command again: it goes on from {path}."
    )


def _size_of(path: Path) -> int:
    """Bytes of a file; 0 if it is not there."""
    return path.stat().st_size if path.is_file() else 0


def _check_room(path: Path, size: int) -> None:
    """Refuse to start what cannot fit."""
    missing = size - _size_of(path) - shutil.disk_usage(path.parent).free
    if missing > 0:
        raise UserError(f"{path.parent} has {missing:,} bytes too little room for {path.name}; free some.")


def _transfer(address: str, path: Path, size: int) -> None:
    """Append to `path` what it lacks of `size` bytes; start over if the server cannot resume."""
    start = _size_of(path)
    if start == size:
        return
    request = urllib.request.Request(address, headers={"Range": f"bytes={start}-"} if start else {})
    with urllib.request.urlopen(request, timeout=TIMEOUT) as response:
        resumed = start > 0 and response.status == 206
        progress = tqdm(
            total=size, initial=start if resumed else 0, desc=path.name, unit="B", unit_scale=True
        )
        with path.open("ab" if resumed else "wb") as stream, progress:
            while chunk := response.read(min(CHUNK, size - stream.tell() + 1)):
                stream.write(chunk)
                progress.update(len(chunk))
                if stream.tell() > size:
                    raise UserError(f"{address} sends more than the {size:,} bytes that belong to it.")
