"""The command: `python -m nerfkit.synthetic --out data/demo --family corner --seed 1`."""

import argparse
import json
import logging
import sys
from dataclasses import replace
from pathlib import Path

from nerfkit.errors import UserError
from nerfkit.files import read_json
from nerfkit.synthetic.capture import scaled, write_capture
from nerfkit.synthetic.description import SceneDescription, from_dict, to_dict
from nerfkit.synthetic.families import FAMILIES
from nerfkit.synthetic.readme import readme


def main(arguments: list[str]) -> None:
    """Make a capture, or print the description of one."""
    options = parse(arguments)
    description = describe(options)
    if options.out is None:
        print(json.dumps(to_dict(description), indent=1))
        return
    command = "python -m nerfkit.synthetic " + " ".join(arguments)
    text = readme(description, command)
    write_capture(description, options.out, options.variant, text, options.truth)


def parse(arguments: list[str]) -> argparse.Namespace:
    """The options of the command line."""
    parser = argparse.ArgumentParser(prog="python -m nerfkit.synthetic", description=__doc__)
    parser.add_argument(
        "--out", type=Path, help="scene folder to write; without it the description is printed"
    )
    parser.add_argument("--family", choices=sorted(FAMILIES), default="corner")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--subject", help="jug, teapot or blocks; the seed picks without it")
    parser.add_argument("--description", type=Path, help="a description.json, instead of family and seed")
    parser.add_argument("--scale", type=float, default=1.0, help="size of the photos, relative")
    parser.add_argument("--samples", type=int, help="paths per pixel")
    parser.add_argument("--keep-all", action="store_true", help="leave nothing out of the test photos")
    parser.add_argument(
        "--truth", action="store_true", help="also depth, ids and the subject alone per photo"
    )
    parser.add_argument("--variant", default="scalar_rgb", help="mitsuba variant; llvm_ad_rgb is faster")
    return parser.parse_args(arguments)


def describe(options: argparse.Namespace) -> SceneDescription:
    """The place that the options ask for."""
    if options.description:
        description = from_dict(read_json(options.description))
    else:
        description = FAMILIES[options.family](options.seed, options.subject)
    if options.keep_all:
        sets = [replace(cameras, without=[]) for cameras in description.camera_sets]
        description = replace(description, camera_sets=sets)
    return scaled(description, options.scale, options.samples)


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    try:
        main(sys.argv[1:])
    except UserError as error:
        sys.exit(str(error))
