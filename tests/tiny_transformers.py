"""Image pipelines with diffusion transformers and random weights, drawn in a moment.

Run as a script: ``python tests/tiny_transformers.py FOLDER`` makes ``FOLDER/sd3``,
``flux``, ``flux_dev`` (guidance trained in), ``qwen`` and ``zimage``, each with the library's
own classes in miniature, ``flux_gguf``, whose transformer is a GGUF file, and ``flux.png``,
which ``flux`` draws.
"""

from __future__ import annotations

import gc
import os
import shutil
import sys
from pathlib import Path
from typing import Any

from tiny_pipelines import PROMPT, SEED, make_tokenizer, text_config

_TEMPLATE = "{% for m in messages %}<|im_start|>{{ m.content }}<|im_end|>{% endfor %}"


def make_flow_scheduler() -> Any:
    from diffusers import FlowMatchEulerDiscreteScheduler

    return FlowMatchEulerDiscreteScheduler(shift=3.0)


def make_autoencoder(channels: int) -> Any:
    from diffusers import AutoencoderKL

    return AutoencoderKL(
        block_out_channels=[16, 32, 32, 32],
        down_block_types=["DownEncoderBlock2D"] * 4,
        up_block_types=["UpDecoderBlock2D"] * 4,
        latent_channels=channels,
        norm_num_groups=16,
        sample_size=64,
        use_quant_conv=False,
        use_post_quant_conv=False,
        shift_factor=0.1,
        scaling_factor=1.5,
    )


def make_t5(width: int = 32) -> tuple[Any, Any]:
    from transformers import T5Config, T5EncoderModel, T5Tokenizer

    pieces = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0), ("▁", -2.0)]
    pieces += [(chr(n), -3.0) for n in range(33, 127)]
    tokenizer = T5Tokenizer(vocab=pieces, extra_ids=0, model_max_length=512)
    config = T5Config(
        vocab_size=128, d_model=width, d_kv=8, d_ff=37, num_layers=2, num_heads=4,
        feed_forward_proj="gated-gelu", pad_token_id=0, eos_token_id=1,
    )  # fmt: skip
    return T5EncoderModel(config), tokenizer


def make_qwen_tokenizer() -> Any:
    from transformers import Qwen2Tokenizer

    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    symbols = [chr(b) for b in printable] + [chr(256 + n) for n in range(256 - len(printable))]
    tokens = [*symbols, "<|endoftext|>", "<|im_start|>", "<|im_end|>"]
    tokenizer = Qwen2Tokenizer(vocab={token: n for n, token in enumerate(tokens)}, merges=[])
    tokenizer.chat_template = _TEMPLATE
    return tokenizer


def make_sd3(folder: Path) -> None:
    from diffusers import SD3Transformer2DModel, StableDiffusion3Pipeline
    from transformers import CLIPTextModelWithProjection

    # As wide as both CLIP encoders together, as SD3 wants it.
    t5, t5_tokenizer = make_t5(64)
    StableDiffusion3Pipeline(
        transformer=SD3Transformer2DModel(
            sample_size=8, in_channels=16, out_channels=16, num_layers=2, attention_head_dim=8,
            num_attention_heads=4, joint_attention_dim=64, caption_projection_dim=32,
            pooled_projection_dim=64, pos_embed_max_size=16,
        ),
        scheduler=make_flow_scheduler(),
        vae=make_autoencoder(16),
        text_encoder=CLIPTextModelWithProjection(text_config()),
        tokenizer=make_tokenizer(folder.parent / "sd3_1"),
        text_encoder_2=CLIPTextModelWithProjection(text_config()),
        tokenizer_2=make_tokenizer(folder.parent / "sd3_2"),
        text_encoder_3=t5,
        tokenizer_3=t5_tokenizer,
    ).save_pretrained(folder)  # fmt: skip


def make_flux(folder: Path, guidance_embeds: bool = False) -> Any:
    from diffusers import FluxPipeline, FluxTransformer2DModel
    from transformers import CLIPTextModel

    t5, t5_tokenizer = make_t5()
    pipeline = FluxPipeline(
        scheduler=make_flow_scheduler(),
        vae=make_autoencoder(4),
        text_encoder=CLIPTextModel(text_config()),
        tokenizer=make_tokenizer(folder.parent / f"{folder.name}_1"),
        text_encoder_2=t5,
        tokenizer_2=t5_tokenizer,
        transformer=FluxTransformer2DModel(
            in_channels=16, num_layers=1, num_single_layers=1, attention_head_dim=16,
            num_attention_heads=2, joint_attention_dim=32, pooled_projection_dim=32,
            axes_dims_rope=(4, 4, 8), guidance_embeds=guidance_embeds,
        ),
    )  # fmt: skip
    pipeline.save_pretrained(folder)
    return pipeline


def make_qwen(folder: Path) -> None:
    from diffusers import AutoencoderKLQwenImage, QwenImagePipeline, QwenImageTransformer2DModel
    from transformers import Qwen2_5_VLConfig, Qwen2_5_VLForConditionalGeneration

    text = {
        "hidden_size": 32, "intermediate_size": 37, "num_hidden_layers": 2,
        "num_attention_heads": 4, "num_key_value_heads": 2, "vocab_size": 259,
        "rope_scaling": {"type": "default", "mrope_section": [1, 1, 2], "rope_type": "default"},
        "bos_token_id": 256, "eos_token_id": 256, "pad_token_id": 256,
    }  # fmt: skip
    vision = {
        "depth": 1, "hidden_size": 16, "intermediate_size": 16, "num_heads": 2,
        "out_hidden_size": 32, "fullatt_block_indexes": [0],
    }  # fmt: skip
    QwenImagePipeline(
        scheduler=make_flow_scheduler(),
        vae=AutoencoderKLQwenImage(
            base_dim=8, z_dim=4, dim_mult=[1, 2, 2, 2], num_res_blocks=1,
            latents_mean=[0.1] * 4, latents_std=[1.1] * 4,
        ),
        text_encoder=Qwen2_5_VLForConditionalGeneration(
            Qwen2_5_VLConfig(text_config=text, vision_config=vision)
        ),
        tokenizer=make_qwen_tokenizer(),
        transformer=QwenImageTransformer2DModel(
            in_channels=16, out_channels=4, num_layers=2, attention_head_dim=16,
            num_attention_heads=2, joint_attention_dim=32, axes_dims_rope=(4, 4, 8),
        ),
    ).save_pretrained(folder)  # fmt: skip


def make_zimage(folder: Path) -> None:
    from diffusers import ZImagePipeline, ZImageTransformer2DModel
    from transformers import Qwen3Config, Qwen3Model

    ZImagePipeline(
        scheduler=make_flow_scheduler(),
        vae=make_autoencoder(4),
        text_encoder=Qwen3Model(
            Qwen3Config(
                hidden_size=32, intermediate_size=37, num_hidden_layers=2, num_attention_heads=4,
                num_key_value_heads=2, head_dim=8, vocab_size=259,
                bos_token_id=256, eos_token_id=256, pad_token_id=256,
            )
        ),
        tokenizer=make_qwen_tokenizer(),
        transformer=ZImageTransformer2DModel(
            in_channels=4, dim=32, n_layers=1, n_refiner_layers=1, n_heads=2, n_kv_heads=2,
            cap_feat_dim=32, axes_dims=[4, 4, 8], axes_lens=[1024, 32, 32],
        ),
    ).save_pretrained(folder)  # fmt: skip


def make_flux_gguf(pipeline: Any, source: Path, folder: Path) -> None:
    """``source`` with its transformer as a GGUF file of Q8_0 blocks where rows allow it."""
    import gguf
    import numpy as np

    shutil.copytree(source, folder)
    (weights,) = (folder / "transformer").glob("*.safetensors")
    weights.unlink()
    writer = gguf.GGUFWriter(str(folder / "transformer" / "tiny-q8_0.gguf"), "flux")
    kind = gguf.GGMLQuantizationType.Q8_0
    for name, tensor in pipeline.transformer.state_dict().items():
        numbers = tensor.float().numpy()
        if numbers.ndim == 2 and numbers.shape[-1] % 32 == 0:
            packed = gguf.quants.quantize(numbers, kind)
            writer.add_tensor(name, packed, raw_dtype=kind)
        else:
            writer.add_tensor(name, numbers.astype(np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def main(folder: Path) -> None:
    """Make everything."""
    os.environ |= {"HF_HUB_OFFLINE": "1", "OMP_WAIT_POLICY": "PASSIVE"}
    gc.disable()  # a fifth of what importing takes
    import torch

    torch.set_num_threads(1)
    torch.manual_seed(0)
    make_sd3(folder / "sd3")
    flux = make_flux(folder / "flux")
    make_flux_gguf(flux, folder / "flux", folder / "flux_gguf")
    flux.set_progress_bar_config(disable=True)
    generator = torch.Generator("cpu").manual_seed(SEED)
    drawn = flux(PROMPT, num_inference_steps=3, width=64, height=64, generator=generator)
    drawn.images[0].save(folder / "flux.png")
    make_flux(folder / "flux_dev", guidance_embeds=True)
    make_qwen(folder / "qwen")
    make_zimage(folder / "zimage")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
