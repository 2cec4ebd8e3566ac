"""What is done at a meter, by name: the names that kinds of orders and concentrators know it by."""

from aforo.flow.limit_procedure import look_at_limit, set_limit
from aforo.flow.supply_procedure import DISCONNECTING, look_at_supply
from aforo.flow.visit import Procedure

PROCEDURES: dict[str, Procedure] = {
    "LIMIT": Procedure(set_limit, look_at_limit),
    "READ": Procedure(look_at_limit, look_at_limit),
    "DISCONNECT": Procedure(DISCONNECTING.command, DISCONNECTING.look),
    "READ_SUPPLY": Procedure(look_at_supply, look_at_supply),
}
