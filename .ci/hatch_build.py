"""Build hook that compiles the gettext catalogues, so that the installed bot needs no Babel."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from hatchling.builders.hooks.plugin.interface import BuildHookInterface

DATE = datetime(2026, 1, 1, tzinfo=UTC)


class CatalogueHook(BuildHookInterface):  # type: ignore[type-arg, misc, unused-ignore]
    """Write a `.mo` file next to each `.po` file."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Compile all catalogues of `bot/messages/locales`; the result depends on the `.po` files alone."""
        del version, build_data
        for source in sorted(Path(self.root, "bot", "messages", "locales").rglob("*.po")):
            with source.open("rb") as given:
                catalogue = read_po(given, locale=source.parts[-3])
            # Babel would write the minute of the build.
            catalogue.creation_date = catalogue.revision_date = DATE
            with source.with_suffix(".mo").open("wb") as target:
                write_mo(target, catalogue)
