"""The kinds of households of a town, as data: what runs when, in summer and in winter."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Appliance:
    """Runs once a day for `minutes`, beginning between the hours `earliest` and `latest`, on so many percent of the
    days in the middle of summer and of winter; in between, in between. working_days: on no Saturday and no Sunday.
    """

    watts: int
    minutes: int
    earliest: int
    latest: int
    summer_percent: int
    winter_percent: int
    working_days: bool = False


_KITCHEN = (
    Appliance(1_900, 4, 6, 9, 95, 95),  # kettle
    Appliance(1_100, 8, 12, 14, 70, 70),  # microwave oven
    Appliance(1_900, 5, 19, 21, 75, 85),  # kettle again
)
_HOUSE = (
    *_KITCHEN,
    Appliance(2_100, 40, 18, 20, 40, 50),  # oven
    Appliance(2_000, 25, 9, 17, 40, 40),  # washing machine, while it heats
    Appliance(1_500, 90, 19, 22, 5, 85),  # heater
    Appliance(900, 150, 14, 18, 35, 0),  # air conditioner
    Appliance(1_200, 20, 20, 22, 35, 35),  # iron
)
_HEATING = (
    Appliance(2_500, 110, 5, 7, 0, 95),
    Appliance(2_500, 200, 18, 20, 0, 95),
    Appliance(1_800, 60, 6, 9, 90, 95),  # water
)
_WORKSHOP = (
    Appliance(4_000, 150, 8, 10, 90, 90, working_days=True),
    Appliance(2_800, 110, 10, 12, 80, 80, working_days=True),
    Appliance(4_500, 160, 13, 15, 90, 90, working_days=True),
    Appliance(3_000, 70, 15, 17, 70, 70, working_days=True),
    Appliance(1_500, 480, 8, 9, 20, 80, working_days=True),  # heating of the hall
)

_HOME_BASE_W = (
    *(120, 105, 95, 90, 90, 110, 200, 300, 260, 200, 180, 190),
    *(260, 280, 220, 200, 210, 250, 360, 460, 520, 480, 360, 200),
)
"""Lighting, standby and small devices by hour of the day: low at night, a little hill at noon, the evening's peak."""

_WORKSHOP_BASE_W = (*(150,) * 7, 300, *(700,) * 10, 300, *(150,) * 5)


@dataclass(frozen=True, slots=True, kw_only=True)
class HouseholdKind:
    """base_w: by local hour, without what runs once; a tenth less in summer, a tenth more in winter.
    smallest, largest: percent of it.   solar_w: of its panels, when the sun stands straight above.
    """

    appliances: tuple[Appliance, ...]
    base_w: tuple[int, ...] = _HOME_BASE_W
    smallest: int = 70
    largest: int = 150
    solar_w: int = 0


HOUSEHOLDS: dict[str, HouseholdKind] = {
    "house": HouseholdKind(appliances=_HOUSE),
    "flat": HouseholdKind(appliances=(*_KITCHEN, _HOUSE[5], _HOUSE[7]), smallest=40, largest=90),
    "electric-heating": HouseholdKind(appliances=(*_HOUSE, *_HEATING)),
    "solar": HouseholdKind(appliances=_HOUSE, solar_w=3_000),
    "workshop": HouseholdKind(appliances=_WORKSHOP, base_w=_WORKSHOP_BASE_W),
}
"""By name. Shapes and figures are ours: of a house they give 5 to 16 kWh a day."""
