"""A report as one HTML file that needs nothing else: no script, no picture, no address of another host."""

from __future__ import annotations

from collections.abc import AsyncIterator
from functools import cache, partial
from typing import Final

from jinja2 import Environment, PackageLoader
from markupsafe import Markup, escape

from flows.reports import summary, words
from flows.reports.comparison import Value, telling
from flows.reports.content import Report

CONTENT_TYPE: Final = "text/html; charset=utf-8"
POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
"""What a browser may load for it: nothing."""
_NONE: Final = Markup('<span class="none">–</span>')


async def html(report: Report) -> AsyncIterator[bytes]:
    """The file in pieces; only one page of results is in memory at a time."""
    yield _head(report).encode()
    objects = environment().get_template("objects.html")
    for code in report.categories:
        if not (shown := report.shown.get(code, 0)):
            continue
        yield _section(code, shown).encode()
        async for results in report.pages(code):
            found = objects.render(results=results, telling=partial(telling, pairs=report.pairs))
            yield found.encode(errors="replace")
        yield b"</section>\n"
    yield _foot(report).encode()


def _head(report: Report) -> str:
    figures = summary.summarize(report.counts)
    return (
        environment()
        .get_template("head.html")
        .render(
            run=report.run,
            line=summary.result_line(report.run, report.counts),
            summary=figures,
            css=_css(),
            categories=[
                (words.category(code), count, report.shown.get(code, 0))
                for code, count in report.categories.items()
            ],
            hidden=sum(report.categories.values()) - sum(report.shown.values()),
        )
    )


def _section(code: str, shown: int) -> str:
    title = words.category(code).title
    return Markup('<section class="case c-{0}" id="{0}"><h2>{1} <small>{2}</small></h2>\n').format(
        code, title, number(shown)
    )


def _foot(report: Report) -> str:
    return Markup('<footer>Run {0} · <a href="{1}">{1}</a></footer>\n</body>\n</html>\n').format(
        report.run.id, report.link
    )


def number(count: int) -> str:
    return f"{count:,}"


def side(value: Value) -> Markup:
    """A value, and what it was where it changed."""
    after = _NONE if value.after is None else escape(value.after)
    if not value.changed:
        return after
    if value.after is not None:
        after = Markup("<ins>{}</ins>").format(value.after)
    before = _NONE if value.before is None else Markup("<del>{}</del>").format(value.before)
    return Markup("{} → {}").format(before, after)


@cache
def environment() -> Environment:
    """The templates of this package; everything that is put into them is escaped."""
    found = Environment(
        loader=PackageLoader("flows.reports"), autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
    found.globals.update(number=number, side=side, done=words.done)
    found.filters.update(
        when=summary.when,
        took=summary.took,
        situation=words.situation,
        response=words.response,
        status=words.status,
        direction=lambda code: words.DIRECTIONS.get(code, code),
    )
    return found


@cache
def _css() -> Markup:
    light = "".join(f".c-{each.code}{{--c:{each.light}}}" for each in words.CATEGORIES)
    dark = "".join(f".c-{each.code}{{--c:{each.dark}}}" for each in words.CATEGORIES)
    other = words.Category("", "")
    colours = (
        f"[class*=c-]{{--c:{other.light}}}{light}\n"
        f"@media (prefers-color-scheme: dark){{[class*=c-]{{--c:{other.dark}}}{dark}}}\n"
        f"@media print{{[class*=c-]{{--c:{other.light}}}{light}}}"
    )
    return Markup(environment().get_template("report.css").render(colours=Markup(colours)))
