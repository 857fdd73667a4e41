"""Renderers by name."""

from speechlip.rendering.options import RenderOptions
from speechlip.rendering.renderers.declared import Renderer
from speechlip.rendering.renderers.pca import PcaRenderer


def open_renderer(options: RenderOptions) -> Renderer:
    """The renderer that the options name."""
    return PcaRenderer()
