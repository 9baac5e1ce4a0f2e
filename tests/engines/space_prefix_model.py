"""A random model whose vocabulary is SentencePiece's: every text begins with a space."""

from __future__ import annotations

from pathlib import Path

import gguf
import numpy as np

_WIDTH, _HEADS, _FEED_FORWARD = 32, 2, 64
_NORMAL, _UNKNOWN, _CONTROL, _BYTE = 1, 2, 3, 6

TEMPLATE = """
{%- for m in messages %}{{ m.role + ": " + m.content }}
    {%- for call in m.tool_calls or [] %}
        {{- "<call>" + call.function.name + "<args>" }}{{ call.function.arguments | tojson }}
    {%- endfor %}{{ "</s>" }}
{%- endfor %}{{ "assistant:" }}
"""


def write_space_prefix_model(path: Path) -> Path:
    """Write a file of 100 kB with one layer."""
    tokens = ["<unk>", "<s>", "</s>", *(f"<0x{byte:02X}>" for byte in range(256))]
    kinds = [_UNKNOWN, _CONTROL, _CONTROL] + [_BYTE] * 256
    for token in ("\u2581", "\u2581c", *'{}":,abcdefghijklmnopqrstuvwxyz0123456789_<>/'):
        tokens.append(token)
        kinds.append(_NORMAL)
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_context_length(2048)
    writer.add_embedding_length(_WIDTH)
    writer.add_block_count(1)
    writer.add_feed_forward_length(_FEED_FORWARD)
    writer.add_head_count(_HEADS)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_rope_dimension_count(_WIDTH // _HEADS)
    writer.add_vocab_size(len(tokens))
    writer.add_tokenizer_model("llama")
    writer.add_token_list(tokens)
    writer.add_token_scores([0.0] * len(tokens))
    writer.add_token_types(kinds)
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.add_unk_token_id(0)
    random = np.random.default_rng(0)

    def add(name: str, *shape: int) -> None:
        weights = 0.1 * random.standard_normal(shape) if len(shape) > 1 else np.ones(shape)
        writer.add_tensor(name, weights.astype(np.float32))

    add("token_embd.weight", len(tokens), _WIDTH)
    add("output_norm.weight", _WIDTH)
    add("output.weight", len(tokens), _WIDTH)
    add("blk.0.attn_norm.weight", _WIDTH)
    add("blk.0.ffn_norm.weight", _WIDTH)
    for part in ("attn_q", "attn_k", "attn_v", "attn_output"):
        add(f"blk.0.{part}.weight", _WIDTH, _WIDTH)
    add("blk.0.ffn_gate.weight", _FEED_FORWARD, _WIDTH)
    add("blk.0.ffn_up.weight", _FEED_FORWARD, _WIDTH)
    add("blk.0.ffn_down.weight", _WIDTH, _FEED_FORWARD)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path
