"""How a CSV file writes its rows, learnt from its header."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from conf.errors import BadRequest
from flows.connectors.csv_layout import CsvConfig


@dataclass(frozen=True)
class Style:
    """Quotes, the space after a delimiter, and the line end."""

    config: CsvConfig
    all_quoted: bool
    spaced: bool
    newline: str

    @classmethod
    def of(cls, header: str, config: CsvConfig) -> Style:
        body = header.rstrip("\r\n")
        parts = body.split(config.delimiter)
        return cls(
            config,
            all_quoted=all(
                len(p.strip()) > 1 and p.strip()[0] == p.strip()[-1] == config.quote for p in parts
            ),
            spaced=len(parts) > 1 and all(part.startswith(" ") for part in parts[1:]),
            newline=header[len(body) :] or config.newline,
        )

    def text(self, name: str, value: Any) -> str:
        """A member's value as it stands in the file; BadRequest for what a column cannot hold."""
        if value is None:
            return ""
        if isinstance(value, bool):
            return "true" if value else "false"
        if not isinstance(value, str | int | float):
            raise BadRequest(f"'{name}' is a column of {self.config.path} and holds one text, not {value!r}.")
        shown = str(value).strip()
        try:
            shown.encode(self.config.encoding)
        except UnicodeEncodeError as cause:
            raise BadRequest(
                f"'{name}' cannot be written in {self.config.encoding}: {cause.reason}."
            ) from cause
        if "\0" in shown:
            raise BadRequest(f"'{name}' holds a NUL character, which a CSV file cannot.")
        return shown

    def line(self, values: list[str]) -> str:
        separator = self.config.delimiter + (" " if self.spaced else "")
        return separator.join(map(self._quoted, values)) + self.newline

    def _quoted(self, value: str) -> str:
        quote, escape = self.config.quote, self.config.escape
        special = {self.config.delimiter, quote, escape or quote, "\r", "\n"}
        if not self.all_quoted and special.isdisjoint(value):
            return value
        if escape:
            value = value.replace(escape, escape * 2)
        return f"{quote}{value.replace(quote, quote * 2)}{quote}"
