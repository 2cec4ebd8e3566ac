"""Who may use a part of the REST API: the system's operator all of it, a caller what its scopes open."""

from collections.abc import AsyncIterator, Callable

from fastapi import Request

from aforo.adapters.gatekeeper import Gatekeeper, NotAdmitted, check_scope, check_source, peer_of
from aforo.adapters.operator_problem import Problem
from aforo.cim.refusal import CimError
from aforo.domain.callers import Caller, Scope


def guard(gate: Gatekeeper, scope: Scope) -> Callable[[Request], AsyncIterator[None]]:
    """A dependency of every route of that part. Who it is stands in `request.state.caller`; None is the operator."""

    async def check(request: Request) -> AsyncIterator[None]:
        peer = peer_of(request.scope)
        try:
            caller = gate.identify_strictly(request.scope)
            _check_scope(gate, caller, scope, peer)
            request.state.caller = caller
            with gate.room_for(caller, peer):
                yield
        except NotAdmitted as out:
            raise Problem(out.status, out.refusal.es, out.refusal.en) from out

    return check


def _check_scope(gate: Gatekeeper, caller: Caller | None, scope: Scope, peer: str) -> None:
    try:
        check_scope(caller, scope, "")
    except CimError as forbidden:
        gate.note("not authorized", caller, peer, f"scope {scope.value}")
        raise _forbidden(forbidden) from forbidden


def check_speaks_for(request: Request, source: str) -> None:
    """Raises Problem."""
    try:
        check_source(request.state.caller, source, "")
    except CimError as forbidden:
        raise _forbidden(forbidden) from forbidden


def _forbidden(error: CimError) -> Problem:
    return Problem(403, error.refusal.es, error.refusal.en)
