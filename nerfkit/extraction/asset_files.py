"""Meshes and point clouds as PLY and GLB, the two formats that every 3D program opens; written without a
library.

PLY: binary little-endian, 8-bit sRGB colours, z up as in Blender. GLB: glTF 2.0 in one file, linear colours
as its standard asks, y up.
"""

import json
import struct
from pathlib import Path

import numpy as np

from nerfkit.extraction.mesh import Mesh
from nerfkit.files import atomic_path

FLOAT, UINT = 5126, 5125  # glTF's component types
VERTICES, INDICES = 34962, 34963  # its buffer targets
POINTS, TRIANGLES = 0, 4  # its modes
Y_UP_FROM_Z_UP = np.array([[1.0, 0, 0], [0, 0, 1], [0, -1, 0]])


def write_ply(path: Path, mesh: Mesh) -> None:
    """Write vertices with normals and colours, and the faces where there are any."""
    names = [("x", "f4"), ("y", "f4"), ("z", "f4"), ("nx", "f4"), ("ny", "f4"), ("nz", "f4")]
    names += [(channel, "u1") for channel in ("red", "green", "blue")]
    rows = np.zeros(len(mesh.vertices), np.dtype([(name, "<" + kind) for name, kind in names]))
    values = np.concatenate([mesh.vertices, mesh.normals, np.round(mesh.colours * 255)], axis=1)
    for (name, _), column in zip(names, values.T, strict=True):
        rows[name] = column
    kinds = {"f4": "float", "u1": "uchar"}
    header = ["ply", "format binary_little_endian 1.0", f"element vertex {len(rows)}"]
    header += [f"property {kinds[kind]} {name}" for name, kind in names]
    faces = np.zeros(len(mesh.faces), np.dtype([("count", "u1"), ("vertices", "<i4", (3,))]))
    faces["count"], faces["vertices"] = 3, mesh.faces
    if len(faces):
        header += [f"element face {len(faces)}", "property list uchar int vertex_indices"]
    text = "\n".join([*header, "end_header\n"]).encode()
    with atomic_path(path) as temporary:
        temporary.write_bytes(text + rows.tobytes() + faces.tobytes())


def linear(colours: np.ndarray) -> np.ndarray:
    """sRGB in [0, 1] to linear light (IEC 61966-2-1)."""
    return np.where(colours <= 0.04045, colours / 12.92, ((colours + 0.055) / 1.055) ** 2.4)


def write_glb(path: Path, mesh: Mesh) -> None:
    """Write one mesh, or one cloud of points where there are no faces."""
    arrays = {
        "POSITION": (mesh.vertices @ Y_UP_FROM_Z_UP.T).astype("<f4"),
        "NORMAL": (mesh.normals @ Y_UP_FROM_Z_UP.T).astype("<f4"),
        "COLOR_0": linear(mesh.colours).astype("<f4"),
    }
    if len(mesh.faces):
        arrays["indices"] = mesh.faces.astype("<u4").reshape(-1)
    views, accessors, start = [], [], 0
    for name, values in arrays.items():
        indices = name == "indices"
        size = values.nbytes
        views.append(
            {"buffer": 0, "byteOffset": start, "byteLength": size, "target": INDICES if indices else VERTICES}
        )
        accessor = {
            "bufferView": len(accessors),
            "count": len(values),
            "componentType": UINT if indices else FLOAT,
        }
        accessor["type"] = "SCALAR" if indices else "VEC3"
        if name == "POSITION":
            accessor |= {"min": values.min(0).tolist(), "max": values.max(0).tolist()}
        accessors.append(accessor)
        start += size
    names = list(arrays)
    primitive = {"attributes": {name: k for k, name in enumerate(names) if name != "indices"}}
    primitive |= (
        {"mode": TRIANGLES, "indices": names.index("indices")} if len(mesh.faces) else {"mode": POINTS}
    )
    if len(mesh.faces):
        primitive["material"] = 0
    document = {
        "asset": {"version": "2.0", "generator": "nerfkit"},
        "scene": 0,
        "scenes": [{"nodes": [0]}],
        "nodes": [{"mesh": 0}],
        "meshes": [{"primitives": [primitive]}],
        "materials": [{"pbrMetallicRoughness": {"metallicFactor": 0.0, "roughnessFactor": 1.0}}],
        "buffers": [{"byteLength": start}],
        "bufferViews": views,
        "accessors": accessors,
    }
    text = json.dumps(document).encode()
    text += b" " * (-len(text) % 4)
    binary = b"".join(values.tobytes() for values in arrays.values())  # all are multiples of four bytes
    total = 12 + 8 + len(text) + 8 + len(binary)
    with atomic_path(path) as temporary:
        temporary.write_bytes(
            struct.pack("<4sII", b"glTF", 2, total)
            + struct.pack("<I4s", len(text), b"JSON") + text
            + struct.pack("<I4s", len(binary), b"BIN\0") + binary
        )  # fmt: skip
