"""The rule `laterf_scene`: a made scene of the family `covered`, for LaTeRF's tables."""

from pathlib import Path

from nerfkit.synthetic.__main__ import main


def laterf_scene(out: Path, seed: int, subject: str) -> None:
    """Photograph it into a scene folder, whose README names the command that does the same by hand.

    Args:
        subject: one of those that can be covered (subjects.py).
    Raises:
        UserError: no such subject, or no LLVM that mitsuba can use.
    """
    kind = f"--family covered --seed {seed} --subject {subject} --variant llvm_ad_rgb"
    main(["--out", str(out), *kind.split()])
