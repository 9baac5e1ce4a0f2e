"""Reading what model files say of themselves: GGUF, safetensors, pipeline folders."""
