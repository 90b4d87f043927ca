"""nerfkit: photos and clicks in, the place without the thing out, as a radiance field."""

__version__ = "0.1.0"
