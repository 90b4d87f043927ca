#!/usr/bin/env bash
# simple-lama-inpainting 0.1.2 asks for numpy<2 and pillow<10 but runs on those of inpainting.yaml.
set -euo pipefail
pip install --no-deps simple-lama-inpainting==0.1.2
