"""The parts of the pipeline before training: Stable Diffusion's layout at a hundredth of its size.

Owns every size. A picture of 64 x 64 pixels becomes 8 x 8 latents of eight
channels; a caption of at most ``MAX_TOKENS`` tokens becomes as many vectors.
"""

from __future__ import annotations

from typing import Any

from diffusers import AutoencoderTiny, DDIMScheduler, UNet2DConditionModel
from transformers import CLIPTextConfig, CLIPTextModel, CLIPTokenizer

from training.shapes.scenes import SIDE
from training.shapes.tokenizer import MAX_TOKENS

LATENT_SIDE, LATENT_CHANNELS = SIDE // 8, 8
_TEXT_WIDTH = 96


def make_autoencoder() -> Any:
    """Pixels to latents and back; four levels, so it halves the picture three times."""
    return AutoencoderTiny(
        encoder_block_out_channels=(32, 32, 32, 32),
        decoder_block_out_channels=(32, 32, 32, 32),
        num_encoder_blocks=(0, 1, 2, 2),  # most of the time would go into full-size layers
        num_decoder_blocks=(2, 2, 2, 0),
        latent_channels=LATENT_CHANNELS,
    )


def make_denoiser() -> Any:
    """The UNet: it reads the caption at both its levels."""
    return UNet2DConditionModel(
        sample_size=LATENT_SIDE,
        in_channels=LATENT_CHANNELS,
        out_channels=LATENT_CHANNELS,
        block_out_channels=(96, 128),
        layers_per_block=1,
        down_block_types=("CrossAttnDownBlock2D", "CrossAttnDownBlock2D"),
        up_block_types=("CrossAttnUpBlock2D", "CrossAttnUpBlock2D"),
        cross_attention_dim=_TEXT_WIDTH,
        attention_head_dim=4,
        norm_num_groups=16,
    )


def make_text_encoder(tokenizer: CLIPTokenizer) -> Any:
    """A CLIP text encoder of two layers, trained together with the denoiser."""
    return CLIPTextModel(
        CLIPTextConfig(
            vocab_size=len(tokenizer),
            hidden_size=_TEXT_WIDTH,
            intermediate_size=4 * _TEXT_WIDTH,
            num_hidden_layers=2,
            num_attention_heads=4,
            max_position_embeddings=MAX_TOKENS,
            projection_dim=_TEXT_WIDTH,
            bos_token_id=tokenizer.bos_token_id,
            eos_token_id=tokenizer.eos_token_id,
            pad_token_id=tokenizer.pad_token_id,
        )
    )


def make_scheduler() -> Any:
    """v-prediction down to pure noise, without which plain backgrounds drift towards grey.

    Source: Lin et al., "Common Diffusion Noise Schedules and Sample Steps are Flawed" (2023).
    """
    return DDIMScheduler(
        beta_schedule="scaled_linear",
        beta_start=0.00085,
        beta_end=0.012,
        prediction_type="v_prediction",
        rescale_betas_zero_snr=True,
        timestep_spacing="trailing",
        clip_sample=False,
        set_alpha_to_one=True,
        steps_offset=0,
    )
