"""From the description of a texture to its surface."""

from collections.abc import Callable

from nerfkit.errors import UserError
from nerfkit.synthetic import prints, surfaces
from nerfkit.synthetic.canvas import Canvas, Surface
from nerfkit.synthetic.description import Texture

PAINTERS: dict[str, Callable[..., Surface]] = {
    painter.__name__: painter
    for painter in (
        surfaces.wood,
        surfaces.brick,
        surfaces.plaster,
        surfaces.terrazzo,
        surfaces.cloth,
        surfaces.glaze,
        surfaces.stoneware,
        surfaces.leaf,
        surfaces.skin,
        prints.page,
        prints.painting,
        prints.cover,
        prints.pages,
        prints.wallpaper,
    )
}


def paint(texture: Texture) -> Surface:
    """Paint a texture; the same description gives the same picture.

    Raises:
        UserError: a kind of texture that there is not.
    """
    if texture.kind not in PAINTERS:
        raise UserError(f"There is no texture {texture.kind}; there are {', '.join(sorted(PAINTERS))}.")
    width, height = texture.extent
    canvas = Canvas((width, height), texture.density, texture.seed)
    return PAINTERS[texture.kind](canvas, **texture.parameters)
