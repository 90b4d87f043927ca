"""The one store of pretrained weights: where they lie, whether each is the right file, how to get it.

No stage downloads anything: `weight_path` hands out a verified file or says how to get it. Downloads are

    python -m nerfkit.weights list | fetch NAME... | verify

The folder is NERFKIT_WEIGHTS, by default `nerfkit/weights` under the user's cache.
"""

import argparse
import hashlib
import logging
import os
import sys
from pathlib import Path

from nerfkit.download import download
from nerfkit.errors import UserError
from nerfkit.weight_registry import WEIGHTS, Weight

log = logging.getLogger("nerfkit")


def store_folder() -> Path:
    """The folder of the weights: NERFKIT_WEIGHTS or a folder of the user's cache."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return Path(os.environ.get("NERFKIT_WEIGHTS") or cache / "nerfkit" / "weights").expanduser()


def find_weight(name: str) -> Weight:
    """The registry's entry of that name."""
    if name not in WEIGHTS:
        raise UserError(f"There are no weights named '{name}'; there are {', '.join(WEIGHTS)}.")
    return WEIGHTS[name]


def weight_path(name: str) -> Path:
    """The verified file of a registered weight.

    The size is checked every time, the sha256 once; a note beside the file remembers it until the file
    changes.

    Raises:
        UserError: the file is missing or another one; the message says what belongs where and how to get
            it, and which setting does without.
    """
    weight = find_weight(name)
    path = store_folder() / weight.file
    fault = fault_of(weight, path)
    if fault:
        raise UserError(
            f"Weights '{name}' {fault}: {path} must hold {weight.bytes:,} bytes with sha256 {weight.sha256}; "
            f"{_how_to_get(weight)}, or do without by setting `{weight.without}`."
        )
    return path


def verified_sha256(name: str, path: Path) -> str:
    """sha256 of the build of a weight that a verified file is; its size tells which, so none is hashed."""
    return find_weight(name).builds[path.stat().st_size]


def why_unusable(name: str) -> str | None:
    """Why a registered weight cannot be used, for those who can do without it; None if it can."""
    weight = find_weight(name)
    path = store_folder() / weight.file
    fault = fault_of(weight, path)
    return f"weights '{name}' {fault} ({path}); {_how_to_get(weight)}" if fault else None


def _how_to_get(weight: Weight) -> str:
    """What to do about a missing file."""
    if weight.address is None:
        return f"put your copy there by hand (none is published; it was made from {weight.origin})"
    return (
        f"download it with `python -m nerfkit.weights fetch {weight.name}` (from {weight.address}) or put it "
        "there by hand"
    )


def fault_of(weight: Weight, path: Path) -> str | None:
    """Why `path` is not that weight, or None if it is."""
    if not path.is_file():
        return "are missing"
    expected = weight.builds.get(path.stat().st_size)
    if expected is None:
        return f"have the wrong size ({path.stat().st_size:,} bytes)"
    note = path.with_name(path.name + ".verified")
    stamp = f"{expected} {path.stat().st_mtime_ns}\n"
    if note.is_file() and note.read_text() == stamp:
        return None
    if file_sha256(path) != expected:
        return "are damaged (wrong sha256)"
    _remember(note, stamp)
    return None


def _remember(note: Path, stamp: str) -> None:
    """Write the note of a verification; a store that cannot be written is merely verified again next time."""
    try:
        note.write_text(stamp)
    except OSError as error:
        log.info("%s cannot be written (%s): the file will be verified each time.", note, error)


def file_sha256(path: Path) -> str:
    """sha256 of a file in hexadecimal digits."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def fetch(name: str) -> Path:
    """Download a registered weight into the store unless it is there, verify it, and return its path."""
    weight = find_weight(name)
    path = store_folder() / weight.file
    if fault_of(weight, path) is None:
        return path
    if weight.address is None:
        return weight_path(name)  # raises, saying what to put there by hand
    partial = path.with_name(path.name + ".part")
    download(weight.address, partial, weight.bytes)
    fault = fault_of(weight, partial)
    partial.with_name(partial.name + ".verified").unlink(missing_ok=True)
    if fault:
        partial.unlink()
        raise UserError(
            f"What {weight.address} sent for '{name}' is not the published file "
            f"({fault.removeprefix('are ')}); nothing was installed."
        )
    partial.replace(path)
    return weight_path(name)


def list_weights() -> None:
    """Print one line per weight: whether it is in the store, its size, licence and use."""
    print(f"weights in {store_folder()}:")
    for weight in WEIGHTS.values():
        state = "here" if (store_folder() / weight.file).is_file() else "-"
        print(f"{state:5}{weight.name:31}{weight.bytes:>14,} B  {weight.licence}: {weight.purpose}")


def verify() -> bool:
    """Print the state of every file in the store, hashed anew; return whether none has a fault."""
    faultless = True
    for weight in WEIGHTS.values():
        path = store_folder() / weight.file
        if path.is_file():
            path.with_name(path.name + ".verified").unlink(missing_ok=True)
            fault = fault_of(weight, path)
            faultless = faultless and fault is None
            print(f"{weight.name:31}{fault or 'verified'}")
    return faultless


def main(arguments: list[str] | None = None) -> int:
    """The command line; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m nerfkit.weights", description=__doc__.split("\n")[0])
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("list", help="what there is and what is here")
    fetching = commands.add_parser("fetch", help="download, resume and verify")
    fetching.add_argument("names", nargs="+", metavar="NAME", help=", ".join(WEIGHTS))
    commands.add_parser("verify", help="hash every file in the store again")
    options = parser.parse_args(arguments)
    try:
        if options.command == "list":
            list_weights()
        elif options.command == "fetch":
            for name in options.names:
                print(fetch(name))
        elif not verify():
            return 1
    except UserError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
