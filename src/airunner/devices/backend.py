"""What the installed build of an engine computes on, beside the CPU.

Owns the value alone; each engine finds out about its own build.
"""

from __future__ import annotations

from dataclasses import dataclass

from airunner.devices.device import DeviceKind


@dataclass(frozen=True, slots=True)
class Backend:
    """One engine's build.

    Attributes:
        kinds: the kinds of accelerator it was built for.
        talks: whether it computes language models that hold conversations. RAM stands
            in where none of these can use any of the devices.
        work: what its models do, in words: ``"pictures"``.
        library: what has to be built for a kind, as people know it: ``"PyTorch"``.
        memory: total and free bytes of each GPU in the library's own order, where it was
            asked for them.
        remedy: a sentence that says how to get such a build; may be empty.
    """

    kinds: frozenset[DeviceKind]
    talks: bool
    work: str
    library: str
    remedy: str = ""
    memory: tuple[tuple[int, int], ...] = ()

    def computes_on(self, kind: DeviceKind) -> bool:
        """Whether it can compute on devices of ``kind``; Vulkan reaches GPUs of other kinds."""
        return kind in self.kinds or ("vulkan" in self.kinds and kind in ("cuda", "rocm"))

    def lacks(self, kind: DeviceKind) -> str:
        """That it was not built for ``kind``, and what to do."""
        return f"{self.library} was not built for {kind}. {self.remedy}".rstrip()
