"""A small picture of what a drawing has come to, cheap enough to make between steps."""

from __future__ import annotations

import io
from typing import Any

from airunner.engines.diffusers import libraries

LONGEST_PX = 64


def preview_png(pipeline: Any, latents: Any, size: tuple[int, int]) -> bytes | None:
    """The first image of a batch of latents, at most 64 px; ``None`` where there is no cheap way.

    ``size`` is the picture's width and height in pixels. The latents are made small
    before the pipeline's own autoencoder sees them, so that this costs what decoding
    a picture of 64 px costs.
    """
    autoencoder = getattr(pipeline, "vae", None)
    if autoencoder is None or _is_offloaded(autoencoder):
        return None
    torch = libraries.torch()
    scale = pipeline.vae_scale_factor
    small = _unpacked(latents[:1], size, scale).float()
    if small.ndim == 5:  # Qwen-Image: a film of one frame
        small = small[:, :, 0]
    height, width = small.shape[-2:]
    shrink = min(1.0, LONGEST_PX / (max(height, width) * scale))
    if shrink < 1.0:
        smaller = (max(1, int(height * shrink)), max(1, int(width * shrink)))
        small = torch.nn.functional.interpolate(small, size=smaller, mode="area")
    image = _decoded(autoencoder, small)
    if not torch.isfinite(image).all():
        return None
    (picture,) = pipeline.image_processor.postprocess(image, output_type="pil")
    picture.thumbnail((LONGEST_PX, LONGEST_PX))
    content = io.BytesIO()
    picture.save(content, format="PNG")
    return content.getvalue()


def _unpacked(latents: Any, size: tuple[int, int], scale: int) -> Any:
    """Latents as rows and columns. FLUX and Qwen-Image keep squares of 2 x 2 in a list."""
    if latents.ndim != 3:
        return latents
    columns, rows = (px // (2 * scale) for px in size)
    channels = latents.shape[-1] // 4
    squares = latents.view(1, rows, columns, channels, 2, 2)
    return squares.permute(0, 3, 1, 4, 2, 5).reshape(1, channels, 2 * rows, 2 * columns)


def _decoded(autoencoder: Any, latents: Any) -> Any:
    """The image of ``latents``, which are as the denoiser has them."""
    torch = libraries.torch()
    config = autoencoder.config
    is_film = "latents_mean" in config and "temperal_downsample" in config
    if is_film:
        mean, deviation = (
            torch.tensor(config[name]).view(1, -1, 1, 1).to(latents.device)
            for name in ("latents_mean", "latents_std")
        )
        latents = (latents * deviation + mean).unsqueeze(2)
    else:
        latents = latents / config.scaling_factor + (getattr(config, "shift_factor", None) or 0.0)
    with torch.inference_mode():
        image = autoencoder.decode(latents.to(autoencoder.dtype), return_dict=False)[0]
    return image[:, :, 0] if is_film else image


def _is_offloaded(autoencoder: Any) -> bool:
    """Whether using the autoencoder now would push the denoiser off its device."""
    return hasattr(autoencoder, "_hf_hook") or hasattr(autoencoder, "_diffusers_hook")
