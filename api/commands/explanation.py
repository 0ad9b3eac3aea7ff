"""An explanation of one object, as a person reads it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from api.commands.printing import say, say_table


def show(answer: Mapping[str, Any]) -> None:
    """Each link qualifier by itself: the sentences, then the attributes."""
    for found in answer["explanations"]:
        say(
            f"{found['situation'] or 'no situation'} -> {found['action'] or 'no action'}  ({found['subject']})"
        )
        for sentence in found["sentences"]:
            say(f"  - {sentence}")
        if found["attributes"]:
            say()
            say_table(
                ("  TARGET", "SOURCE", "SOURCE VALUE", "TRANSFORM", "OLD", "NEW"),
                (
                    (
                        f"{'*' if row['changes'] else ' '} {row['target']}",
                        row["source"],
                        _shown(row["sourceValue"]),
                        row["rule"],
                        _shown(row["old"]),
                        _shown(row["new"]),
                    )
                    for row in found["attributes"]
                ),
            )
        say()


def _shown(value: Any) -> str:
    text = "" if value is None else value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 40 else f"{text[:39]}…"
