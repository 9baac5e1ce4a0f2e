"""Making a GGUF of another quantization from one that is here.

Owns the rewriting of the file. Needs no other tool than the ``gguf`` package;
its quantizers are written in numpy, so this is meant for small models (135M
parameters take seconds, 8B would take many minutes).
"""

from __future__ import annotations

from math import prod
from pathlib import Path
from typing import TYPE_CHECKING

from airunner.errors import DownloadError
from airunner.models.spec import RequantizedSource
from airunner.weights.staging import commit, require_space, writing
from airunner.weights.transfer import Transfer

if TYPE_CHECKING:
    from gguf import GGMLQuantizationType, GGUFReader, GGUFWriter, ReaderTensor

_STEP = "requantize"


def requantized_file_name(base: Path, source: RequantizedSource) -> str:
    """``model.Q4_1.gguf`` becomes ``model.Q8_0.gguf``."""
    stem = base.name.removesuffix(".gguf").rpartition(".")
    return f"{stem[0] or stem[2]}.{source.quantization}.gguf"


def requantize(transfer: Transfer, source: RequantizedSource, base: Path) -> Path:
    """Write ``base`` with every matrix in ``source.quantization``; all metadata is kept.

    Vectors (norms, biases) keep their type, as llama.cpp needs them in F32.
    Tensors are converted one at a time, so memory stays near the largest one.

    Raises:
        DownloadError: ``base`` is not a whole GGUF, or the type cannot be written.
        StorageError: the disk is full.
    """
    import numpy as np
    from gguf import GGML_QUANT_SIZES, GGMLQuantizationType, GGUFReader, LlamaFileType, quantize

    label = f"{source.model} as {source.quantization}"
    try:
        target = GGMLQuantizationType[source.quantization]
        file_type = LlamaFileType[f"MOSTLY_{source.quantization}"]
        block_size, _ = GGML_QUANT_SIZES[target]
        # Asked with one block, because reading the base takes seconds.
        quantize(np.zeros((1, block_size), np.float32), target)
    except KeyError:
        raise DownloadError(transfer.model, label, "there is no such tensor type") from None
    except NotImplementedError:
        raise DownloadError(transfer.model, label, "the gguf package cannot write it") from None
    try:
        reader = GGUFReader(base)
    except (ValueError, KeyError, IndexError, OverflowError) as error:
        raise DownloadError(transfer.model, label, f"{base} cannot be read: {error}") from error
    with writing(transfer.staging):
        transfer.staging.mkdir(parents=True, exist_ok=True)
    final = transfer.folder / requantized_file_name(base, source)
    partial = transfer.staging / f"{final.name}.part"
    try:
        with writing(partial):
            _write(transfer, reader, partial, target, file_type)
        return commit(partial, final)
    except NotImplementedError as error:
        raise DownloadError(
            transfer.model, label, f"the gguf package cannot read {base}: {error}"
        ) from error
    finally:
        partial.unlink(missing_ok=True)


def _write(
    transfer: Transfer,
    reader: GGUFReader,
    partial: Path,
    target: GGMLQuantizationType,
    file_type: int,
) -> None:
    """Write header, metadata, tensor table and tensors, in the order GGUF has them."""
    import numpy as np
    from gguf import GGUFWriter, dequantize, quantize

    writer = GGUFWriter(
        partial, reader.fields["general.architecture"].contents(), endianess=reader.endianess
    )
    try:
        _copy_metadata(reader, writer, file_type)
        total_bytes = 0
        for tensor in reader.tensors:
            kind = _type_for(tensor, target)
            n_bytes = prod(_byte_shape(tensor, kind))
            total_bytes += n_bytes
            # float32 says that the shape counts elements, whatever the type is.
            dtype = np.dtype(np.float32)
            writer.add_tensor_info(tensor.name, _shape(tensor), dtype, n_bytes, kind)
        require_space(partial.parent, total_bytes)
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_ti_data_to_file()
        done_bytes = 0
        for tensor in reader.tensors:
            kind = _type_for(tensor, target)
            data = tensor.data
            if kind != tensor.tensor_type:
                data = quantize(dequantize(tensor.data, tensor.tensor_type), kind)
            writer.write_tensor_data(data, tensor_endianess=reader.endianess)
            done_bytes += data.nbytes
            transfer.advance(done_bytes, total_bytes, _STEP)
    finally:
        writer.close()


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


def _type_for(tensor: ReaderTensor, target: GGMLQuantizationType) -> GGMLQuantizationType:
    """The new type of a tensor: its own for vectors and for rows that do not fill blocks."""
    from gguf import GGML_QUANT_SIZES

    shape = _shape(tensor)
    block_size, _ = GGML_QUANT_SIZES[target]
    return target if len(shape) > 1 and shape[-1] % block_size == 0 else tensor.tensor_type


def _shape(tensor: ReaderTensor) -> tuple[int, ...]:
    """Elements per dimension, rows first; GGUF stores them the other way round."""
    return tuple(int(n) for n in reversed(tensor.shape.tolist()))


def _byte_shape(tensor: ReaderTensor, kind: GGMLQuantizationType) -> tuple[int, ...]:
    from gguf import quant_shape_to_byte_shape

    return quant_shape_to_byte_shape(_shape(tensor), kind)
