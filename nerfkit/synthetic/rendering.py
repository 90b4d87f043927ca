"""Path tracing a described place with mitsuba: photos, exact z-depth and the things seen at every pixel.

Mitsuba's camera looks along +z with x to the left; poses here are camera-to-world with OpenGL axes.
"""

import tempfile
from functools import cached_property
from pathlib import Path
from types import ModuleType

import cv2
import numpy as np

from nerfkit.cameras import Camera
from nerfkit.errors import UserError
from nerfkit.synthetic.canvas import Surface
from nerfkit.synthetic.description import Light, Material, SceneDescription
from nerfkit.synthetic.shapes import Mesh, make_mesh
from nerfkit.synthetic.textures import paint

MITSUBA_FROM_OPENGL = np.diag([-1.0, 1.0, -1.0, 1.0])
# mitsuba numbers shapes in the order of its list of shapes only in its scalar variants
TRUTH_VARIANT = "scalar_rgb"
# of the camera's clipping, metres
NEAR = 0.01
# older ones cannot compile the least of two floats on x86, and end the interpreter
OLDEST_LLVM = 17
# where a ray that passes by what hides the subject begins before the subject's surface, metres
BEFORE = 1e-4
# of the subject alone, for the memory
PATHS_AT_ONCE = 2**22


def load_mitsuba(variant: str) -> ModuleType:
    """Import mitsuba and make `variant` the current one.

    Raises:
        UserError: mitsuba is not installed, or has no such variant here, or its LLVM is too old.
    """
    try:
        import mitsuba
    except ImportError as error:
        raise UserError("Made captures need mitsuba; install the development requirements.") from error
    if variant not in mitsuba.variants():
        raise UserError(f"mitsuba has no variant {variant}; it has {', '.join(mitsuba.variants())}.")
    if variant.startswith("llvm"):
        check_llvm(variant)
    mitsuba.set_variant(variant)
    return mitsuba


def check_llvm(variant: str) -> None:
    """Refuse an LLVM with which mitsuba's `variant` would end the interpreter.

    Raises:
        UserError: there is none, or it is too old.
    """
    import drjit
    import mitsuba

    try:
        mitsuba.set_variant(variant)
        found = drjit.detail.llvm_version()
    except ImportError:
        found = ()
    if found < (OLDEST_LLVM,):
        version = ".".join(map(str, found)) or "none"
        raise UserError(
            f"mitsuba's {variant} needs LLVM {OLDEST_LLVM} or newer and found {version}; install one, such "
            "as Debian's libllvm19, and name its libLLVM.so in DRJIT_LIBLLVM_PATH."
        )


class Studio:
    """A described place, ready to be photographed, with some things left out.

    Args:
        description: the place.
        without: names of things to leave out.
        only: names of the only things to keep (None keeps all); lights stay.
        variant: mitsuba's variant for the photos. Truth is always computed with the scalar one.
    """

    def __init__(
        self,
        description: SceneDescription,
        without: list[str] | None = None,
        only: list[str] | None = None,
        variant: str = "scalar_rgb",
    ) -> None:
        self.description = description
        self.variant = variant
        left_out = without or []
        self.things = [
            t for t in description.things if t.name not in left_out and (only is None or t.name in only)
        ]

    def photo(self, camera: Camera, pose: np.ndarray, samples: int, seed: int) -> np.ndarray:
        """Linear RGB and coverage, float32 (H, W, 4), colour not multiplied by coverage's complement."""
        mi = load_mitsuba(self.variant)
        sensor = self._sensor(mi, camera, pose, {"type": "multijitter", "sample_count": samples}, "rgba")
        return np.array(mi.render(self._scene, sensor=sensor, seed=seed), np.float32)

    def uncovered(
        self,
        subject: "Studio",
        silhouette: np.ndarray,
        camera: Camera,
        pose: np.ndarray,
        samples: int,
        seed: int,
    ) -> np.ndarray:
        """The things of `subject` as if nothing stood before them, in the light of this place.

        A ray of the camera begins right before the surface of `subject` that it meets, so that what stands
        before it is passed by, while the neighbours still shade it and throw light on it.

        Args:
            silhouette: the pixels (H, W) whose centres see `subject`; paths start there and right beside.
            samples: paths per pixel, or a few more, spread evenly over pixel and lights: 64 have less than
                half the squared error of 256 at random.
        Returns:
            Linear RGB, not multiplied by coverage, and coverage, float32 (H, W, 4).
        Raises:
            UserError: the variant is a scalar one, which has no rays of its own in Python.
        """
        if self.variant.startswith("scalar"):
            raise UserError("The subject alone needs a vectorised mitsuba variant: --variant llvm_ad_rgb.")
        mi = load_mitsuba(self.variant)
        sampler = {"type": "multijitter", "sample_count": samples}
        sensor = self._sensor(mi, camera, pose, sampler, "rgb")
        samples = sensor.sampler().sample_count()  # rounded up to rows times columns
        pixels = np.flatnonzero(cv2.dilate(silhouette.astype(np.uint8), np.ones((3, 3), np.uint8)))
        mean = np.zeros((camera.height * camera.width, 4))
        for at_once in np.array_split(pixels, max(len(pixels) * samples // PATHS_AT_ONCE, 1)):
            paths = self._paths_from(subject, camera, sensor, at_once, samples, seed)
            mean[at_once] = paths.reshape(len(at_once), samples, 4).mean(axis=1, dtype=np.float64)
            seed += 1
        mean[:, :3] /= np.maximum(mean[:, 3:], 1e-6)
        return mean.reshape(camera.height, camera.width, 4).astype(np.float32)

    def _paths_from(
        self, subject: "Studio", camera: Camera, sensor: object, pixels: np.ndarray, samples: int, seed: int
    ) -> np.ndarray:
        """The light (K * samples, 4) along paths through each pixel (K,), and whether they meet `subject`."""
        mi = load_mitsuba(self.variant)
        sampler = sensor.sampler().clone()
        sampler.set_samples_per_wavefront(samples)
        sampler.seed(seed, len(pixels) * samples)
        pixels = pixels.repeat(samples)
        corner = mi.Point2f(pixels % camera.width, pixels // camera.width)
        place = (corner + sampler.next_2d()) / mi.Point2f(camera.width, camera.height)
        ray, _ = sensor.sample_ray_differential(0.0, 0.5, place, mi.Point2f(0.5, 0.5))
        met = subject._scene.ray_intersect_preliminary(ray)
        before = mi.RayDifferential3f(ray.o + ray.d * (met.t - BEFORE), ray.d)
        light = self._scene.integrator().sample(self._scene, sampler, before, None, met.is_valid())[0]
        hit = np.array(met.is_valid())
        return np.stack([*(np.where(hit, channel, 0) for channel in light), hit], axis=1)

    def truth(self, camera: Camera, pose: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """What the centre of every pixel sees.

        Returns:
            z-depth (H, W) float32 in metres, 0 where there is nothing; and the thing's place in `things`,
            counted from 1, int (H, W), 0 where there is nothing.
        """
        mi = load_mitsuba(TRUTH_VARIANT)
        scene = self._bare_scene
        centred = {"type": "stratified", "sample_count": 1, "jitter": False}
        sensor = self._sensor(mi, camera, pose, centred, "rgb")
        integrator = mi.load_dict({"type": "aov", "aovs": "distance:depth,shape:shape_index"})
        image = np.array(mi.render(scene, sensor=sensor, integrator=integrator, seed=0))
        distance, shape = image[..., -2], np.rint(image[..., -1]).astype(int)
        # from distance along the ray, which mitsuba counts from the near plane, to depth along the axis
        rays = camera.unproject(camera.pixel_centres())
        z = distance / np.sqrt(1 + (rays**2).sum(1)).reshape(distance.shape) + NEAR * (shape > 0)
        return z.astype(np.float32), self._thing_of_shape[shape]

    @cached_property
    def _scene(self) -> object:
        mi = load_mitsuba(self.variant)
        nodes = {"type": "scene", "integrator": {"type": "path", "max_depth": self.description.film.bounces}}
        nodes["integrator"]["hide_emitters"] = True
        nodes |= {f"light-{i}": _light(mi, light) for i, light in enumerate(self.description.lights)}
        painted: dict[str, tuple[object, object]] = {}
        return self._load(mi, nodes, lambda material: _bsdf(mi, material, painted))

    @cached_property
    def _bare_scene(self) -> object:
        return self._load_bare()

    @cached_property
    def _thing_of_shape(self) -> np.ndarray:
        """Of nothing and every shape, in mitsuba's order, the thing's place in `things`, counted from 1.

        From a scene of its own: once Python has held a scene's shapes, every ray that meets one waits for the
        interpreter's lock to count references, and tracing takes six times as long.
        """
        return np.array([0] + [int(shape.id().split("-")[0]) + 1 for shape in self._load_bare().shapes()])

    def _load_bare(self) -> object:
        """The same meshes without light and colour."""
        mi = load_mitsuba(TRUTH_VARIANT)
        return self._load(mi, {"type": "scene"}, lambda _: {"type": "diffuse"})

    def _load(self, mi: ModuleType, nodes: dict, bsdf_of: object) -> object:
        with tempfile.TemporaryDirectory() as folder:
            for i, thing in enumerate(self.things):
                for j, part in enumerate(thing.parts):
                    mesh = make_mesh(part.shape, part.parameters).moved(part.position, part.rotation)
                    path = Path(folder) / f"{i}-{j}.ply"
                    write_ply(path, mesh.moved(thing.position, thing.rotation))
                    nodes[f"{i}-{j}"] = {"type": "ply", "filename": str(path), "bsdf": bsdf_of(part.material)}
            return mi.load_dict(nodes, optimize=False)

    def _sensor(self, mi: ModuleType, camera: Camera, pose: np.ndarray, sampler: dict, pixels: str) -> object:
        film = {"type": "hdrfilm", "width": camera.width, "height": camera.height, "pixel_format": pixels}
        # a box keeps pixels independent, so that a seed gives the same picture whatever the order of the work
        film |= {"component_format": "float32", "rfilter": {"type": "box"}}
        sensor = {"type": "perspective", "fov_axis": "x", "near_clip": NEAR, "far_clip": 100.0}
        sensor["fov"] = float(np.degrees(2 * np.arctan(camera.width / 2 / camera.fx)))
        sensor["to_world"] = mi.ScalarTransform4f((pose @ MITSUBA_FROM_OPENGL).tolist())
        return mi.load_dict({**sensor, "film": film, "sampler": sampler})


def _light(mi: ModuleType, light: Light) -> dict:
    radiance = {"type": "rgb", "value": light.radiance}
    if light.size is None:
        return {"type": "constant", "radiance": radiance}
    to_world = mi.ScalarTransform4f().look_at(origin=light.position, target=light.target, up=[0, 0.01, 1])
    to_world = to_world @ mi.ScalarTransform4f().scale([light.size[0] / 2, light.size[1] / 2, 1])
    emitter = {"type": "area", "radiance": radiance}
    return {"type": "rectangle", "to_world": to_world, "emitter": emitter}


def _bsdf(mi: ModuleType, material: Material, painted: dict[str, tuple[object, object]]) -> dict:
    """The material; `painted` keeps the pictures of textures that several parts share.

    Varnish fills the relief: mitsuba's bump map over rough plastic yields NaN.
    """
    key = repr(material.texture)
    if key not in painted:
        painted[key] = _bitmaps(mi, paint(material.texture))
    colour, relief = painted[key]
    bsdf = {"type": "diffuse", "reflectance": colour}
    if material.roughness is not None:
        bsdf = {"type": "roughplastic", "diffuse_reflectance": colour, "alpha": material.roughness}
        bsdf["nonlinear"] = True
    elif relief is not None and material.relief > 0:
        bsdf = {"type": "bumpmap", "heights": relief, "bsdf": bsdf, "scale": material.relief}
    return {"type": "twosided", "bsdf": bsdf}


def _bitmaps(mi: ModuleType, surface: Surface) -> tuple[object, object]:
    """Mitsuba's textures of colour and relief (None where the surface is smooth)."""
    colour = np.ascontiguousarray((np.clip(surface.colour, 0, 1) * 255 + 0.5).astype(np.uint8))
    picture = mi.load_dict({"type": "bitmap", "bitmap": mi.Bitmap(colour)})
    if surface.relief is None:
        return picture, None
    relief = np.ascontiguousarray(surface.relief[..., None], np.float32)
    return picture, mi.load_dict({"type": "bitmap", "bitmap": mi.Bitmap(relief), "raw": True})


def write_ply(path: Path, mesh: Mesh) -> None:
    """Write a mesh as binary PLY with normals and texture coordinates."""
    columns = ("x", "y", "z", "nx", "ny", "nz", "u", "v")
    header = ["ply", "format binary_little_endian 1.0", f"element vertex {len(mesh.vertices)}"]
    header += [f"property float {name}" for name in columns]
    header += [f"element face {len(mesh.triangles)}", "property list uchar int vertex_indices", "end_header"]
    faces = np.zeros(len(mesh.triangles), [("count", "u1"), ("corners", "<i4", 3)])
    faces["count"], faces["corners"] = 3, mesh.triangles
    vertices = np.concatenate([mesh.vertices, mesh.normals, mesh.uvs], axis=1).astype("<f4")
    path.write_bytes("\n".join(header).encode() + b"\n" + vertices.tobytes() + faces.tobytes())
