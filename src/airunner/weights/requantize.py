"""Making a GGUF of another quantization from one that is here.

Owns the rewriting of the file. Needs no other tool than the ``gguf`` package, whose
quantizers are written in numpy, and holds the new tensors in memory until all are made: it
is meant for small models (135M parameters take seconds, 8B would take many minutes). It
gives the embedded team its second member without a second download.
"""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from airunner.errors import DownloadError
from airunner.errors.writing import writing
from airunner.models.spec import RequantizedSource
from airunner.weights.staging import commit
from airunner.weights.transfer import Transfer

if TYPE_CHECKING:
    from gguf import GGMLQuantizationType, GGUFReader, GGUFWriter

_STEP = "requantize"


def requantized_file_name(base: Path, source: RequantizedSource) -> str:
    """``model.Q4_1.gguf`` becomes ``model.Q8_0.gguf``."""
    stem = base.name.removesuffix(".gguf").rpartition(".")
    return f"{stem[0] or stem[2]}.{source.quantization}.gguf"


def requantize(transfer: Transfer, source: RequantizedSource, base: Path) -> Path:
    """Write ``base`` with every matrix in ``source.quantization``; all metadata is kept.

    Vectors (norms, biases) keep their type, as llama.cpp needs them in F32.

    Raises:
        DownloadError: ``base`` is not a whole GGUF, or the type cannot be written.
        StorageError: the disk is full.
    """
    import numpy as np
    from gguf import (
        GGML_QUANT_SIZES,
        GGMLQuantizationType,
        GGUFReader,
        GGUFWriter,
        LlamaFileType,
        quantize,
    )

    label = f"{source.model} as {source.quantization}"
    try:
        target = GGMLQuantizationType[source.quantization]
        file_type = LlamaFileType[f"MOSTLY_{source.quantization}"]
        # Asked with one block, because reading the base takes seconds.
        quantize(np.zeros((1, GGML_QUANT_SIZES[target][0]), np.float32), target)
    except KeyError:
        raise DownloadError(transfer.model, label, "there is no such tensor type") from None
    except NotImplementedError:
        raise DownloadError(transfer.model, label, "the gguf package cannot write it") from None
    final = transfer.folder / requantized_file_name(base, source)
    partial = transfer.staging / f"{final.name}.part"
    with writing(partial):
        partial.parent.mkdir(parents=True, exist_ok=True)
    try:
        reader = GGUFReader(base)
        architecture = reader.fields["general.architecture"].contents()
        with closing(GGUFWriter(None, architecture, endianess=reader.endianess)) as writer:
            _copy_metadata(reader, writer, file_type)
            transfer.claim_space(partial.parent, _convert(transfer, reader, writer, target))
            with writing(partial):
                writer.write_header_to_file(partial)
                writer.write_kv_data_to_file()
                writer.write_tensors_to_file()
        return commit(partial, final)
    except (ValueError, KeyError, IndexError, OverflowError, NotImplementedError) as error:
        raise DownloadError(transfer.model, label, f"{base} cannot be read: {error}") from error
    finally:
        partial.unlink(missing_ok=True)


def _copy_metadata(reader: GGUFReader, writer: GGUFWriter, file_type: int) -> None:
    """Carry every key over, tokenizer and chat template included, and name the new type."""
    from gguf import GGUFValueType, Keys

    for field in reader.fields.values():
        # GGUF.* describes the file that is read; the writer has written the architecture.
        if field.name.startswith("GGUF.") or field.name == Keys.General.ARCHITECTURE:
            continue
        if field.name == Keys.General.FILE_TYPE:
            continue
        if field.name == Keys.General.ALIGNMENT:
            writer.data_alignment = int(field.contents())
        kind = field.types[0]
        inner = field.types[-1] if kind == GGUFValueType.ARRAY else None
        writer.add_key_value(field.name, field.contents(), kind, sub_type=inner)
    writer.add_file_type(file_type)


def _convert(
    transfer: Transfer, reader: GGUFReader, writer: GGUFWriter, target: GGMLQuantizationType
) -> int:
    """Give the writer every tensor: as it is if a vector, or if its rows do not fill blocks.

    Returns the bytes of all.
    """
    from gguf import GGML_QUANT_SIZES, dequantize, quantize

    total_bytes = sum(tensor.n_bytes for tensor in reader.tensors)
    done_bytes = new_bytes = 0
    for tensor in reader.tensors:
        data, kind = tensor.data, tensor.tensor_type
        # GGUF has the length of a row first.
        if len(tensor.shape) > 1 and tensor.shape[0] % GGML_QUANT_SIZES[target][0] == 0:
            data, kind = quantize(dequantize(data, kind), target), target
        writer.add_tensor(tensor.name, data, raw_dtype=kind, tensor_endianess=reader.endianess)
        new_bytes += data.nbytes
        done_bytes += int(tensor.n_bytes)
        transfer.advance(done_bytes, int(total_bytes), _STEP)
    return new_bytes
