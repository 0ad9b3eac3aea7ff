"""A story played twice: by the oracle and by the engine, compared after every run."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from copy import deepcopy
from dataclasses import fields

from hypothesis import note

from tests.oracle.answer import Answer
from tests.oracle.engine import Engine
from tests.oracle.oracle import World
from tests.oracle.strategies import Changes, Story
from tests.oracle.terms import Json


async def play(
    story: Story, engines: Sequence[Engine], *, stops: Sequence[int] = (), kills: Sequence[int] = ()
) -> None:
    """Raises AssertionError where an engine answers otherwise; `stops` and `kills` interrupt each of its runs."""
    note(repr(story))
    world = World()
    world.mapping = story.mapping
    world.sources, world.targets = deepcopy(story.sources), deepcopy(story.targets)
    world.links = dict(story.links)
    engines[0].configure(story.mapping, sequential=story.sequential)
    for engine in engines:
        await engine.begin(story.sources, story.targets, story.links)
    for changes, asked in story.chapters:
        if changes.mapping is not None:
            world.mapping = changes.mapping
            engines[0].configure(changes.mapping, sequential=story.sequential)
        await change(changes, world, engines)
        expected = world.run(asked)
        for engine in engines:
            before = await engine.revisions() if asked.analysis else {}
            answer = await engine.run(asked, stops=stops, kills=kills)
            agree(answer, expected, engine.runtime.settings.page_size)
            targets, links = await engine.state()
            assert canonical(targets) == canonical(world.targets)
            assert links == world.links
            if asked.analysis:
                assert await engine.revisions() == before


async def change(changes: Changes, world: World, engines: Sequence[Engine]) -> None:
    """What others do between two runs; made objects are changed only where there are any."""
    for side, mine, made in (
        ("src", world.sources, changes.sources),
        ("dst", world.targets, changes.targets),
    ):
        known = {id: body for id, body in made.items() if id in mine or not id.startswith("new")}
        for engine in engines:
            await engine.write(side, {engine.real(id): body for id, body in known.items()})
        for id, body in known.items():
            if body is None:
                mine.pop(id, None)
            else:
                mine[id] = deepcopy(body)


def agree(answer: Answer, expected: Answer, page_size: int) -> None:
    """Entries in any order, everything else exactly."""
    where = f"with pages of {page_size}"
    assert sorted(map(canonical, answer.entries)) == sorted(map(canonical, expected.entries)), where
    for field in fields(Answer):
        one, other = getattr(answer, field.name), getattr(expected, field.name)
        if isinstance(one, Counter):
            one, other = +one, +other
        if field.name != "entries":
            assert one == other, f"{field.name} {where}"


def canonical(value: Json) -> str:
    """JSON tells 1 from 1.0 and from true; comparing in Python does not."""
    return json.dumps(value, sort_keys=True)
