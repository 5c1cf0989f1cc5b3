"""What a store answers whose user may not do what was asked."""

from __future__ import annotations

from steel_toes.stores.conditions import causes

_REFUSED = (401, 403)
# gcsfs says no more of it.
_FORBIDDEN = "Forbidden"


def is_refusal(error: BaseException) -> bool:
    """Whether a store has refused a request for its credentials or their permissions."""
    return any(_is_refusal(cause) for cause in causes(error))


def _is_refusal(error: BaseException) -> bool:
    if isinstance(error, PermissionError):
        return True
    # Google's clients and Azure's, and botocore.
    if getattr(error, "code", None) in _REFUSED or getattr(error, "status_code", None) in _REFUSED:
        return True
    response = getattr(error, "response", None)
    if isinstance(response, dict):
        return response.get("ResponseMetadata", {}).get("HTTPStatusCode") in _REFUSED
    return isinstance(error, OSError) and str(error).startswith(_FORBIDDEN)
