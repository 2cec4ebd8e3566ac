"""Who may use a part of the REST API: the system's operator all of it, a caller what its scopes open."""

from collections.abc import AsyncIterator, Callable

from fastapi import Request

from aforo.adapters.gatekeeper import Gatekeeper, NotAdmitted, peer_of
from aforo.adapters.operator_problem import Problem
from aforo.domain.callers import Caller, Scope


def guard(gate: Gatekeeper, scope: Scope) -> Callable[[Request], AsyncIterator[None]]:
    """A dependency of every route of that part. Who it is stands in `request.state.caller`; None is the operator."""

    async def check(request: Request) -> AsyncIterator[None]:
        peer = peer_of(request.scope)
        try:
            caller = gate.identify_strictly(request.scope)
            if caller is not None and scope not in caller.scopes:
                gate.note("not authorized", caller, peer, f"scope {scope.value}")
                es, en = f"Falta el permiso {scope.value}.", f"The scope {scope.value} is missing."
                raise Problem(403, es, en)
            request.state.caller = caller
            with gate.room_for(caller, peer):
                yield
        except NotAdmitted as out:
            raise Problem(out.status, out.refusal.es, out.refusal.en) from out

    return check


def check_speaks_for(request: Request, source: str) -> None:
    """Raises Problem."""
    caller: Caller | None = request.state.caller
    if caller is not None and source not in caller.sources:
        raise Problem(403, f"{caller.name} no puede hablar por {source}.", f"{caller.name} may not speak for {source}.")
