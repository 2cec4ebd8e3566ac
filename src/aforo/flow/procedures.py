"""What is done at a meter, by name: the names that kinds of orders and concentrators know it by."""

from aforo.domain.order_kinds import DISCONNECT, RECONNECT
from aforo.domain.readback import Breaker
from aforo.flow.demand_procedure import read_demand
from aforo.flow.limit_procedure import look_at_limit, set_limit
from aforo.flow.supply_procedure import Switching, look_at_supply
from aforo.flow.visit import Procedure

PROCEDURES: dict[str, Procedure] = {
    "LIMIT": Procedure(set_limit, look_at_limit),
    "READ": Procedure(look_at_limit, look_at_limit),
    "DISCONNECT": Switching(DISCONNECT, 1, "remote_disconnect", Breaker.DISCONNECTED).procedure,
    "RECONNECT": Switching(RECONNECT, 2, "remote_reconnect", Breaker.CONNECTED).procedure,
    "READ_SUPPLY": Procedure(look_at_supply, look_at_supply),
    "PROVE": Procedure(read_demand, read_demand),
}
