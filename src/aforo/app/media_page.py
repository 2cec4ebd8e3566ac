"""docs/reference/town-media.md: the kinds of lines and networks that a town may have."""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any, get_type_hints

from aforo.simulator.media import KEYS, LINES, NETWORKS, LinePlan, NetworkPlan
from aforo.simulator.town_plan import BOUNDS

_INTRO = """\
A concentrator names its `line` and its `network`, a direct meter its `network` ([town-file.md](town-file.md)). Three
lines and two networks are shipped. A town file changes one by a table of its name, or makes another that is `like` it;
keys that it leaves out are as there.

```toml
[[line]]
name = "old cables"
like = "plc"
loss = 0.02
repeaters = [0.3, 0.3, 0.2, 0.2]   # share of meters behind none, one, two, three others
```

Everything follows from the town's `seed`, the device's number and the time, and is worked out when somebody asks: a
town of 100,000 meters has no timers for them. Shares are of one. A direct meter with framing `udp` has the network too.
What is told as away is one of `away`, `dead`, `dip`, `repeater`; of a network `cut`, `modem fault`, `SIM fault`.
"""


def media(made: str) -> str:
    lines = ["# The media of a town", made, *_INTRO.splitlines(), "", "## `[[line]]`", *_table(LinePlan, LINES)]
    return "\n".join([*lines, "", "## `[[network]]`", *_table(NetworkPlan, NETWORKS)]) + "\n"


def _table(kind: type, shipped: Mapping[str, Any]) -> list[str]:
    hints = get_type_hints(kind)
    names = "".join(f" `{name}` |" for name in shipped)
    rows = ["", f"| key | type | meaning |{names} source |", "|---|---|---|" + "---|" * (len(shipped) + 1)]
    for field in fields(kind):
        if field.name == "name":
            rows.append("| `name` | text | needed |" + " |" * (len(shipped) + 1))
            continue
        meaning, source = KEYS[field.name]
        values = "".join(f" {_shown(getattr(one, field.name))} |" for one in shipped.values())
        rows.append(f"| `{field.name}` | {_type(hints[field.name], field.name)} | {meaning} |{values} {source} |")
    return rows


def _type(hint: Any, key: str) -> str:
    words = {int: "whole number", float: "number", str: "text", tuple[int, ...]: "whole numbers"}
    bounds = BOUNDS.get(key)
    return words.get(hint, "numbers") + ("" if bounds is None else f", {bounds[0]} to {bounds[1]}")


def _shown(value: object) -> str:
    if isinstance(value, tuple):
        return ", ".join(str(one) for one in value) if len(set(value)) > 1 else f"{value[0]} throughout"
    return str(value) or "none"
