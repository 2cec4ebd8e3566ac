"""The meter models that come with the product, and those of a folder of the operator's."""

from importlib import resources
from pathlib import Path

from aforo.dclink.codec import NAME_OCTETS_MAX
from aforo.dlms.errors import LocalProtocolError
from aforo.dlms.obis import obis
from aforo.domain.meter_models import MeterModel, ModelError, parse_model

FILE_OCTETS_MAX = 65_536


def load_models(folder: Path | None = None) -> dict[str, MeterModel]:
    """By name. A model of the operator's replaces one of ours of the same name. Raises ModelError."""
    shipped = resources.files("aforo.adapters") / "meter_models"
    files = [entry for entry in shipped.iterdir() if entry.name.endswith(".toml")]
    models = [_read(file.read_text(encoding="utf-8"), file.name) for file in files]
    if folder is not None:
        models += [load_model(file) for file in sorted(folder.glob("*.toml"))]
    return {model.name: model for model in models}


def load_model(file: Path) -> MeterModel:
    """Raises ModelError, with one line for each fault."""
    try:
        if file.stat().st_size > FILE_OCTETS_MAX:
            raise ModelError(f"{file}: a model file has at most {FILE_OCTETS_MAX} octets")
        text = file.read_text(encoding="utf-8")
    except OSError as wrong:
        raise ModelError(f"{file}: {wrong.strerror}") from wrong
    except UnicodeDecodeError as wrong:
        raise ModelError(f"{file}: it is not UTF-8") from wrong
    return _read(text, str(file))


def _read(text: str, origin: str) -> MeterModel:
    """What would else break the first session that meets it is refused here."""
    model, faults = parse_model(text, origin), list[str]()
    if not model.name.isascii() or not 0 < len(model.name) <= NAME_OCTETS_MAX:
        faults.append(f"name has 1 to {NAME_OCTETS_MAX} ASCII characters")
    codes = dict[bytes, str]()
    for code in model.codes:
        try:
            octets = obis(code)
        except LocalProtocolError as wrong:
            faults.append(str(wrong))
            continue
        if octets in codes:
            faults.append(f"{codes[octets]} and {code} are the same object")
        codes[octets] = code
    for layout in (model.profile, model.events):
        for column in () if layout is None else layout.columns:
            try:
                obis(column)
            except LocalProtocolError as wrong:
                faults.append(str(wrong))
    if faults:
        raise ModelError("\n".join(f"{origin}: {fault}" for fault in faults))
    return model
