"""The meter models that come with the product, and those of a folder of the operator's."""

from importlib import resources
from pathlib import Path

from aforo.domain.meter_models import MeterModel, parse_model


def load_models(folder: Path | None = None) -> dict[str, MeterModel]:
    """By name. A model of the operator's replaces one of ours of the same name. Raises ModelError."""
    shipped = resources.files("aforo.adapters") / "meter_models"
    files = [entry for entry in shipped.iterdir() if entry.name.endswith(".toml")]
    models = [parse_model(file.read_text(encoding="utf-8"), file.name) for file in files]
    if folder is not None:
        own = sorted(folder.glob("*.toml"))
        models += [parse_model(file.read_text(encoding="utf-8"), str(file)) for file in own]
    return {model.name: model for model in models}
