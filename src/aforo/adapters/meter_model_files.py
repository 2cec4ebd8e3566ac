"""The meter models that come with the product, and those of a folder of the operator's."""

from importlib import resources
from pathlib import Path

from aforo.dclink.codec import NAME_OCTETS_MAX
from aforo.dlms.errors import LocalProtocolError
from aforo.dlms.obis import obis
from aforo.domain.meter_models import MeterModel, ModelError, parse_model


def load_models(folder: Path | None = None) -> dict[str, MeterModel]:
    """By name. A model of the operator's replaces one of ours of the same name. Raises ModelError."""
    shipped = resources.files("aforo.adapters") / "meter_models"
    files = [entry for entry in shipped.iterdir() if entry.name.endswith(".toml")]
    models = [_read(file.read_text(encoding="utf-8"), file.name) for file in files]
    if folder is not None:
        own = sorted(folder.glob("*.toml"))
        models += [_read(file.read_text(encoding="utf-8"), str(file)) for file in own]
    return {model.name: model for model in models}


def _read(text: str, origin: str) -> MeterModel:
    """What would else break the first session that meets it is refused here."""
    model = parse_model(text, origin)
    if not model.name.isascii() or not 0 < len(model.name) <= NAME_OCTETS_MAX:
        raise ModelError(f"{origin}: name has 1 to {NAME_OCTETS_MAX} ASCII characters")
    for code in filter(None, (model.limiter, model.breaker)):
        try:
            obis(code)
        except LocalProtocolError as wrong:
            raise ModelError(f"{origin}: {wrong}") from wrong
    return model
