"""Schedulers by the names that people use for them.

Owns the names and what each one means in diffusers. Source of the meanings:
the table in diffusers' documentation, ``api/schedulers/overview``.
"""

from __future__ import annotations

from typing import Any

from airunner.engines.diffusers import libraries
from airunner.errors import ImageRequestError

_KARRAS = {"use_karras_sigmas": True}
_SDE = {"algorithm_type": "sde-dpmsolver++"}
_NAMES: dict[str, tuple[str, dict[str, Any]]] = {
    "ddim": ("DDIMScheduler", {}),
    "ddpm": ("DDPMScheduler", {}),
    "deis": ("DEISMultistepScheduler", {}),
    "dpm2": ("KDPM2DiscreteScheduler", {}),
    "dpm2_a": ("KDPM2AncestralDiscreteScheduler", {}),
    "dpm2_karras": ("KDPM2DiscreteScheduler", _KARRAS),
    "dpmpp_2m": ("DPMSolverMultistepScheduler", {}),
    "dpmpp_2m_karras": ("DPMSolverMultistepScheduler", _KARRAS),
    "dpmpp_2m_sde": ("DPMSolverMultistepScheduler", _SDE),
    "dpmpp_2m_sde_karras": ("DPMSolverMultistepScheduler", _SDE | _KARRAS),
    "dpmpp_sde": ("DPMSolverSinglestepScheduler", {}),
    "dpmpp_sde_karras": ("DPMSolverSinglestepScheduler", _KARRAS),
    "euler": ("EulerDiscreteScheduler", {}),
    "euler_a": ("EulerAncestralDiscreteScheduler", {}),
    "euler_karras": ("EulerDiscreteScheduler", _KARRAS),
    "heun": ("HeunDiscreteScheduler", {}),
    "lcm": ("LCMScheduler", {}),
    "lms": ("LMSDiscreteScheduler", {}),
    "lms_karras": ("LMSDiscreteScheduler", _KARRAS),
    "pndm": ("PNDMScheduler", {}),
    "tcd": ("TCDScheduler", {}),
    "unipc": ("UniPCMultistepScheduler", {}),
    "unipc_karras": ("UniPCMultistepScheduler", _KARRAS),
}
_FLOW_NAMES: dict[str, tuple[str, dict[str, Any]]] = {
    "euler": ("FlowMatchEulerDiscreteScheduler", {}),
    "euler_karras": ("FlowMatchEulerDiscreteScheduler", _KARRAS),
    "lcm": ("FlowMatchLCMScheduler", {}),
    "unipc": (
        "UniPCMultistepScheduler",
        {"use_flow_sigmas": True, "prediction_type": "flow_prediction"},
    ),
}


def make_scheduler(model: str, name: str, own: Any, *, from_picture: bool = False) -> Any:
    """The scheduler called ``name``, configured like the model's ``own``.

    ``from_picture`` leaves out those that cannot start in the middle of their steps.

    Raises:
        ImageRequestError: no such scheduler, or none that fits this model.
    """
    wanted = _plain(name)
    offered = _offered(own, from_picture)
    if wanted not in offered:
        raise ImageRequestError(
            model, f"it has no scheduler {name!r}; it can use {', '.join(sorted(offered))}"
        )
    kind, changes = offered[wanted]
    if kind == "UniPCMultistepScheduler" and "shift" in own.config:
        changes = changes | {"flow_shift": own.config["shift"]}
    # What was derived for the own class, such as its list of betas, is not carried over.
    return getattr(libraries.diffusers(), kind).from_config(own.config, **changes)


def check_scheduler(model: str, name: str) -> None:
    """Refuse a name that no model's scheduler has; imports no model library.

    Raises:
        ImageRequestError: the message says which there are.
    """
    known = sorted({*_NAMES, *_FLOW_NAMES})
    if _plain(name) not in known:
        raise ImageRequestError(
            model, f"there is no scheduler {name!r}; there are {', '.join(known)}"
        )


def _plain(name: str) -> str:
    return name.strip().lower().replace("-", "_").replace(" ", "_").replace("++", "pp")


def name_of(own: Any) -> str:
    """The usual name of a scheduler, or its class where it has none."""
    kind = type(own).__name__
    for name, (class_name, changes) in _family(own).items():
        if class_name == kind and all(own.config.get(k) == v for k, v in changes.items()):
            karras = bool(own.config.get("use_karras_sigmas"))
            sde = own.config.get("algorithm_type") == _SDE["algorithm_type"]
            if karras == ("_karras" in name) and sde == (changes.items() >= _SDE.items()):
                return name
    return kind


def _family(own: Any) -> dict[str, tuple[str, dict[str, Any]]]:
    return _FLOW_NAMES if "FlowMatch" in type(own).__name__ else _NAMES


def _offered(own: Any, from_picture: bool) -> dict[str, tuple[str, dict[str, Any]]]:
    """The names that fit a model, without those whose packages are missing here."""
    library = libraries.diffusers()
    family = _family(own)
    kinds = {name: getattr(library, class_name) for name, (class_name, _) in family.items()}
    return {
        name: family[name]
        for name, kind in kinds.items()
        if not hasattr(kind, "_backends")
        and not (from_picture and family is _FLOW_NAMES and not hasattr(kind, "scale_noise"))
    }
