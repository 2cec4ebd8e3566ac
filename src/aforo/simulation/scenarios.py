"""The shipped scenarios: how much goes wrong in a run, and where."""

from aforo.simulation.schedule import Scenario

STANDARD = Scenario(
    name="standard",
    title="20 meters, 100 orders, one day, a little of everything that goes wrong",
    orders=100,
    faults={
        "headend_dies_at": 1.5,
        "headend_dies": 0.5,
        "concentrator_dies": 1,
        "concentrator_stops": 1,
        "path_cut": 2,
        "path_swallows": 1,
        "reset": 3,
        "disk_full": 0.5,
        "disk_slow": 0.5,
        "disk_away": 0.5,
        "commit_unconfirmed": 0.5,
        "meter_silent": 3,
        "answer_lost": 3,
        "command_lost": 2,
        "noise": 1,
        "clock_off": 0.5,
        "pushes_lost": 1,
        "legacy_away": 1,
        "legacy_forgets": 1,
        "table_gap": 0.5,
        "breaker_sticks": 0.5,
        "refuses": 0.5,
        "local_limit": 2,
        "meter_moves": 1,
    },
)
CALM = Scenario(name="calm", title="the same town on a day on which nothing goes wrong", orders=100, faults={})
CRASHES = Scenario(
    name="crashes",
    title="the head-end and the concentrators die again and again",
    orders=60,
    faults={"headend_dies_at": 12, "headend_dies": 4, "concentrator_dies": 5, "concentrator_stops": 6, "reset": 4},
)
NETWORK = Scenario(
    name="network",
    title="connections are cut, reset and swallowed, and the line is noisy",
    orders=60,
    faults={"path_cut": 8, "path_swallows": 6, "reset": 12, "noise": 5, "answer_lost": 8, "command_lost": 6,
            "pushes_lost": 3, "meter_silent": 6, "legacy_away": 3, "legacy_forgets": 4},
)  # fmt: skip
DISK = Scenario(
    name="disk",
    title="the database is slow, full, away, and does not say what it has kept",
    orders=60,
    faults={"disk_full": 5, "disk_slow": 5, "disk_away": 6, "commit_unconfirmed": 6, "headend_dies_at": 3},
)
MOVES = Scenario(
    name="moves",
    title="meters move from concentrator to concentrator, and the registry learns of it later",
    orders=60,
    faults={"meter_moves": 12, "path_cut": 4, "concentrator_dies": 2, "headend_dies_at": 2, "answer_lost": 4},
)
RUSH = Scenario(
    name="rush",
    title="everything is ordered around the end of the service window, over slow lines, and much must not wait",
    orders=60,
    faults={"concentrator_dies": 1, "path_cut": 1, "clock_off": 1, "reset": 2},
    hours=(17.4, 18.2),
    not_after_s=(20.0, 600.0),
    exchange_s=3.0,
)
SILENCE = Scenario(
    name="silence",
    title="meters carry out a command and are not heard of for hours",
    orders=60,
    faults={"silent_at_command": 10, "answer_lost": 6, "meter_silent": 4, "local_limit": 2, "legacy_forgets": 1},
)
PAIR = Scenario(
    name="pair",
    title="two head-ends over one store, which die and freeze in turn",
    orders=60,
    faults={"headend_freezes": 3, "headend_freezes_at": 6, "headend_dies": 4, "headend_dies_at": 4, "disk_away": 2,
            "reset": 3, "answer_lost": 3, "concentrator_dies": 1, "legacy_forgets": 1},
    headends=2,
)  # fmt: skip
WEATHER = Scenario(
    name="weather",
    title="PLC and radio with repeaters, absences and dips, behind GPRS that is cut and modems that hang",
    orders=60,
    faults={"headend_dies_at": 1, "concentrator_dies": 1, "answer_lost": 1, "meter_moves": 1, "legacy_forgets": 1},
    lines=("plc", "hybrid", "rf"),
    network="gprs",
)
SCENARIOS = {one.name: one for one in (STANDARD, CALM, CRASHES, NETWORK, DISK, MOVES, RUSH, SILENCE, PAIR, WEATHER)}
"""By name."""
