"""Renderers by name."""

from dataclasses import replace

from speechlip.errors import ModelError
from speechlip.progress import Progress
from speechlip.rendering.implicit_options import ImplicitOptions
from speechlip.rendering.options import RenderOptions
from speechlip.rendering.renderers.declared import Renderer
from speechlip.rendering.renderers.pca import PcaRenderer


def open_renderer(options: RenderOptions, progress: Progress) -> Renderer:
    """The renderer that the options name.

    Raises OptionError and ModelError for a device, a sync expert or weights that cannot be had.
    """
    if options.renderer == PcaRenderer.name:
        return PcaRenderer()
    from speechlip.rendering.renderers.implicit.renderer import ImplicitRenderer

    return ImplicitRenderer(_settled(options.implicit or ImplicitOptions(), progress), options.device)


def _settled(options: ImplicitOptions, progress: Progress) -> ImplicitOptions:
    """Without LPIPS where its weights are not there; raises ModelError where it was asked for."""
    if not options.lpips:
        return options
    from speechlip.metrics.image.lpips import alexnet_path

    try:
        alexnet_path()
    except ModelError as missing:
        if options.lpips_weight is not None:
            raise
        progress.say(f"the lips are learned without LPIPS: {missing}")
        return replace(options, lpips_weight=0.0)
    return options
