"""What a source query may answer: rows twice, rows without an id, pages; and what reading each of them is measured as."""

import pytest

from tests.rest.reconciling import Json, Reconciling, javascript, small

pytestmark = pytest.mark.asyncio(loop_scope="module")

PEOPLE = {f"p{n}": {"mail": f"p{n}@example.com"} for n in range(5)}
ELSEWHERE: Json = {"resourceName": "endpoint/people", "_queryFilter": "true"}


async def answered_by(recon: Reconciling, rows: str, **more: object) -> None:
    """A mapping whose source query goes to an address of ours that answers these rows."""
    await recon.must(
        "PUT", "config/endpoint/people", javascript(f"request.method === 'query' ? {rows} : null")
    )
    await recon.begin(small(enableSync=False, sourceQuery=ELSEWHERE, **more), sources=PEOPLE)


async def test_a_row_that_comes_twice_counts_once_and_its_double_fails(recon: Reconciling) -> None:
    await answered_by(recon, "[{_id: 'p0'}, {_id: 'p1'}, {_id: 'p0'}, {_id: 'p2'}, {_id: 'p0'}]")
    run = await recon.run()
    assert (run["state"], run["situationSummary"]["ABSENT"]) == ("SUCCESS", 3)
    assert run["statusSummary"] == {"SUCCESS": 3, "FAILURE": 2}
    assert run["progress"]["source"]["existing"]["processed"] == len(await recon.ids("dst")) == 3
    failed = [entry for entry in await recon.entries(run) if entry["status"] == "FAILURE"]
    assert {entry["message"].partition(":")[0] for entry in failed} == {"DUPLICATE_SOURCE_ID"}


@pytest.mark.parametrize("row", ["{_id: null}", "{mail: 'nobody'}"])
async def test_a_row_without_an_id_is_passed_over(recon: Reconciling, row: str) -> None:
    await answered_by(recon, f"[{{_id: 'p0'}}, {row}, {{_id: 'p1'}}]")
    run = await recon.run()
    assert run["state"] == "SUCCESS", run
    assert run["situationSummary"]["ABSENT"] == 2
    assert len(await recon.ids("dst")) == 2


async def test_a_paged_source_is_read_to_its_end(recon: Reconciling) -> None:
    await recon.begin(small(reconSourceQueryPaging=True, reconSourceQueryPageSize=2), sources=PEOPLE)
    run = await recon.run()
    assert run["progress"]["source"]["existing"] == {"processed": 5, "total": "5"}
    assert run["durationSummary"]["sourceQuery"]["count"] >= 3


async def test_a_clustered_run_tells_which_node_did_how_much(recon: Reconciling) -> None:
    await recon.begin(small(clusteredSourceReconEnabled=True, reconSourceQueryPageSize=2), sources=PEOPLE)
    _, answer = await recon.launch()
    run = await recon.ended(answer["_id"])
    assert (run["state"], run["progress"]["target"]["created"]) == ("SUCCESS", 5)
    assert sum(run["sourceProcessedByNode"].values()) == 5
    assert run["durationSummary"]["sourcePagePhase"]["count"] >= 1


async def test_single_look_ups_are_measured_where_they_happen(recon: Reconciling) -> None:
    finds = javascript("[{_id: 'c'}]")
    await recon.begin(
        small(
            correlationScript=finds,
            prefetchLinks=False,
            sourceQuery={"_queryFilter": "true", "_fields": "_id"},
        ),
        sources={"a": {"mail": "a"}, "l": {"mail": "l"}},
        targets={"c": {"mail": "c"}, "t": {"mail": "t"}, "o": {"mail": "o"}},
        linked=[("l", "t"), ("gone", "o")],
    )
    run = await recon.run()
    assert run["statusSummary"]["FAILURE"] == 0
    measured = run["durationSummary"]
    assert {
        "sourceLinkQuery",
        "targetLinkQuery",
        "sourceObjectQuery",
        "targetObjectQuery",
        "correlationScript",
    } <= measured.keys()
    assert "linkQuery" not in measured


async def test_linked_targets_are_recognised_in_any_letter_case_where_the_mapping_says_so(
    recon: Reconciling,
) -> None:
    for matters, situation in ((False, "CONFIRMED"), (True, "MISSING")):
        await recon.begin(
            small(targetIdsCaseSensitive=matters, enableSync=False),
            sources={"a": {"mail": "a"}},
            targets={"ADA": {"mail": "old"}},
            linked=[("a", "ada")],
        )
        run = await recon.run()
        assert run["situationSummary"][situation] == 1, run["situationSummary"]
        assert run["situationSummary"]["UNASSIGNED"] == (1 if matters else 0)
