"""The error that whoever asked for a lease is given for a refusal."""

from __future__ import annotations

from collections.abc import Sequence

from airunner.errors import (
    AiRunnerError,
    DeviceNotFoundError,
    DoesNotFitError,
    LeaseDeadlockError,
    LeaseRefusedError,
    LoadError,
)
from airunner.scheduling.effects import Refuse


def error_of(
    refusal: Refuse, load_error: AiRunnerError | None, devices: Sequence[str]
) -> AiRunnerError:
    """What to raise. ``load_error`` is why the model's last load failed, if it did."""
    match refusal.cause:
        case "does_not_fit":
            return DoesNotFitError(
                refusal.key,
                refusal.device,
                refusal.needed_bytes,
                refusal.free_bytes,
                refusal.budget_bytes,
            )
        case "deadlock":
            return LeaseDeadlockError(refusal.key, refusal.blockers)
        case "load_failed":
            return load_error or LoadError(refusal.key, refusal.reason)
        case "unknown_device":
            return DeviceNotFoundError(refusal.device, devices)
        case "queue_full":
            return LeaseRefusedError(
                refusal.key,
                refusal.reason,
                eta_s=refusal.eta_s,
                deficit_bytes=max(0, refusal.needed_bytes - refusal.free_bytes),
            )
