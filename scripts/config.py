"""`chronicle config`: every setting, and where it came from."""

import re
from typing import Final

from pydantic_settings import DotEnvSettingsSource, EnvSettingsSource

from api.settings import Settings
from scripts.console import Json, application, example, run, show_json, show_table

app = application()

_PASSWORD: Final = re.compile(r"(://[^:/?#]*:).*(?=@)|([?&]\w*password=)[^&]*", re.IGNORECASE)


@app.command(epilog=example("chronicle config", "CHRONICLE_MAX_BODY=4MiB chronicle config"))
def config(*, json: Json = False) -> None:
    """Print every setting with its value, secrets masked, and where it came from."""
    rows = settings_in_force(Settings())
    if json:
        show_json(rows)
    else:
        show_table(["setting", "value", "from", "meaning"], [list(row.values()) for row in rows])


def settings_in_force(settings: Settings) -> list[dict[str, str | None]]:
    """Return each setting's name, value, source and meaning. The environment beats the file."""
    environment = EnvSettingsSource(Settings)()
    file = DotEnvSettingsSource(Settings)()
    return [
        {
            "setting": f"CHRONICLE_{name.upper()}",
            "value": masked(getattr(settings, name)),
            "source": "environment"
            if name in environment
            else ".env"
            if name in file
            else "default",
            "meaning": field.description,
        }
        for name, field in Settings.model_fields.items()
    ]


def masked(value: object) -> str | None:
    """Spell a value without the password that a URL may hold."""
    return None if value is None else _PASSWORD.sub(r"\1\2***", str(value))


if __name__ == "__main__":
    run(app)
