"""The one store of pretrained weights: what there is, where it lies, whether it is the right file.

No stage downloads anything: `weight_path` hands out a verified file or says how to get it. Downloads are

    python -m nerfkit.weights list | fetch NAME... | verify

The folder is NERFKIT_WEIGHTS, by default `nerfkit/weights` under the user's cache.
"""

import argparse
import hashlib
import logging
import os
import sys
from dataclasses import dataclass
from pathlib import Path

from nerfkit.download import download
from nerfkit.errors import UserError

log = logging.getLogger("nerfkit")


@dataclass(frozen=True)
class Weight:
    """One file that somebody else publishes.

    `twins` are (bytes, sha256) of other builds of the same model that are just as good.
    """

    name: str
    file: str
    address: str
    bytes: int
    sha256: str
    licence: str
    purpose: str
    without: str  # the setting that needs no such file
    twins: tuple[tuple[int, str], ...] = ()

    @property
    def builds(self) -> dict[int, str]:
        """sha256 of every accepted build by its size in bytes."""
        return {self.bytes: self.sha256, **dict(self.twins)}


def _sam(variant: str, stem: str, size: int, sha256: str) -> Weight:
    """One Segment Anything checkpoint; its file name ends in the first digits of its md5, not its sha256."""
    return Weight(
        name=f"sam_{variant}",
        file=f"{stem}.pth",
        address=f"https://dl.fbaipublicfiles.com/segment_anything/{stem}.pth",
        bytes=size,
        sha256=sha256,
        licence="Apache-2.0",
        purpose=f"source_mask.backend: sam with sam_model: {variant}",
        without="source_mask.backend: grabcut",
    )


def _backbone(name: str, file: str, size: int, sha256: str) -> Weight:
    """One torchvision ImageNet backbone of LPIPS; its file name ends in the first digits of its sha256."""
    return Weight(
        name=name,
        file=file,
        address=f"https://download.pytorch.org/models/{file}",
        bytes=size,
        sha256=sha256,
        licence="BSD-3-Clause (torchvision; trained on ImageNet)",
        purpose=f"lpips with {name}",
        without="perceptual: shift_tolerant",
    )


# LaMa has two widely used TorchScript exports, both named big-lama.pt: the one that simple-lama-inpainting
# publishes and fetches (first) and the one of IOPaint that most other programs re-host (twin).
WEIGHTS = {
    weight.name: weight
    for weight in (
        _sam(
            "vit_b",
            "sam_vit_b_01ec64",
            375_042_383,
            "ec2df62732614e57411cdcf32a23ffdf28910380d03139ee0f4fcbe91eb8c912",
        ),
        _sam(
            "vit_l",
            "sam_vit_l_0b3195",
            1_249_524_607,
            "3adcc4315b642a4d2101128f611684e8734c41232a17c648ed1693702a49a622",
        ),
        _sam(
            "vit_h",
            "sam_vit_h_4b8939",
            2_564_550_879,
            "a7bf3b02f3ebf1267aba913ff637d9a2d5c33d3173bb679e46d9f338c26f262e",
        ),
        Weight(
            name="big-lama",
            file="big-lama.pt",
            address="https://github.com/enesmsahin/simple-lama-inpainting/releases/download/v0.1.0/big-lama.pt",
            bytes=205_803_670,
            sha256="7ba7aa7ac37a4d41fdbbeba3a2af7ead18058552997e3a3cd1a3b2210c9e6b4c",
            licence="Apache-2.0",
            purpose="inpainting.backend: lama",
            without="inpainting.backend: exemplar",
            twins=((205_669_692, "344c77bbcb158f17dd143070d1e789f38a66c04202311ae3a258ef66667a9ea9"),),
        ),
        _backbone(
            "vgg16",
            "vgg16-397923af.pth",
            553_433_881,
            "397923af8e79cdbb6a7127f12361acd7a2f83e06b05044ddf496e83de57a5bf0",
        ),
        _backbone(
            "alexnet",
            "alexnet-owt-7be5be79.pth",
            244_408_911,
            "7be5be791159472b1fbf3c69796f7cb30dca7ad8466c2df70058c37116cdee02",
        ),
        _backbone(
            "squeezenet1_1",
            "squeezenet1_1-b8a52dc0.pth",
            4_958_839,
            "b8a52dc049b60e4b6ab68ad0df457362afab8b6304b2febdc1650a5dab4d7e7b",
        ),
    )
}


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
            f"download it with `python -m nerfkit.weights fetch {name}` (from {weight.address}) or put it "
            f"there by hand, or do without by setting `{weight.without}`."
        )
    return path


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
        print(f"{state:5}{weight.name:15}{weight.bytes:>14,} B  {weight.licence}: {weight.purpose}")


def verify() -> bool:
    """Print the state of every file in the store, hashed anew; return whether none has a fault."""
    faultless = True
    for weight in WEIGHTS.values():
        path = store_folder() / weight.file
        if path.is_file():
            path.with_name(path.name + ".verified").unlink(missing_ok=True)
            fault = fault_of(weight, path)
            faultless = faultless and fault is None
            print(f"{weight.name:15}{fault or 'verified'}")
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
