"""The report of a run, as a page and as CSV."""

import csv
import io
import re
from html.parser import HTMLParser
from typing import Any

from flows.reports.comparison import Pair, lines, telling
from flows.reports.content import attribute_pairs
from flows.store.two_way import TwoWayResult
from tests.reports.runs import BOTH, CONFIGURATION, HOSTILE, RESULTS, STARTED, add_run, configure
from tests.rest.conftest import Server

PAIRS = attribute_pairs(CONFIGURATION)


class Seen(HTMLParser):
    """Texts and tags of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.texts: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(page)

    def handle_data(self, data: str) -> None:
        self.texts.append(data)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))


async def report(server: Server, **parameters: str) -> str:
    answer = await server.call("GET", "reconciliation/hr/report", params=parameters)
    assert answer.status_code == 200, answer.text
    return str(answer.text)


async def rows(
    server: Server, path: str = "reconciliation/hr/report", **parameters: str
) -> list[dict[str, Any]]:
    answer = await server.call("GET", path, params={"format": "csv", **parameters})
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"].startswith("text/csv")
    return list(csv.DictReader(io.StringIO(answer.text, newline="")))


async def test_the_page_stands_alone(server: Server) -> None:
    await add_run(server.runtime.database)
    answer = await server.call("GET", "reconciliation/hr/report")
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.headers["content-security-policy"].startswith("default-src 'none'")
    assert answer.headers["content-disposition"] == 'inline; filename="hr-night-1.html"'
    page = Seen(answer.text)
    assert not {"script", "link", "img", "iframe"} & {tag for tag, _ in page.tags}
    assert not re.search(r"url\(|@import", answer.text)
    links = {given["href"] or "" for tag, given in page.tags if tag == "a"}
    assert {link for link in links if not link.startswith("#")} == {
        "https://recon.example.com/openidm/reconciliation/hr/report?run=night-1&format=html"
    }


async def test_what_others_wrote_cannot_steer_the_page(server: Server) -> None:
    await add_run(server.runtime.database, message=HOSTILE, user_id=HOSTILE)
    text = await report(server)
    assert "<script" not in text
    page = Seen(text)
    assert sum(HOSTILE in each for each in page.texts) >= 5


async def test_both_sides_stand_beside_each_other_where_they_differ(server: Server) -> None:
    await add_run(server.runtime.database)
    text = await report(server)
    article = next(each for each in text.split("<article>") if "<b>bjensen</b>" in each)
    assert article.count('class="differs"') == 2
    assert "<del>barbara@old.example.com</del> → <ins>bjensen@example.com</ins>" in article
    assert "mail / email" in article
    assert "Jensen</td>" not in article
    for words in ("Broken record", "IDM (deleted) and Resource (exists)", "Update Resource from IDM"):
        assert words in text
    assert "took <b>1 min 24 s</b>" in text


async def test_nothing_to_do_is_counted_and_listed_only_when_asked_for(server: Server) -> None:
    await add_run(server.runtime.database)
    assert "<b>quiet</b>" not in await report(server)
    assert "1 object with nothing to do is counted here" in await report(server)
    assert "<b>quiet</b>" in await report(server, doNothing="true")
    configure(server, sendReportAboutDoNothingCases=True)
    assert "<b>quiet</b>" in await report(server)
    assert "<b>quiet</b>" not in await report(server, doNothing="false")


async def test_the_csv_has_a_line_for_each_object(server: Server) -> None:
    await add_run(server.runtime.database)
    found = await rows(server)
    assert [row["CASE"] for row in found] == [each.category for each in RESULTS if each.principal != "quiet"]
    first = found[0]
    assert (first["mail / email (IDM)"], first["mail / email (RESOURCE)"]) == (
        "bjensen@example.com",
        "barbara@old.example.com",
    )
    assert first["CHANGES"].splitlines() == [
        "RESOURCE mail / email: barbara@old.example.com -> bjensen@example.com",
        "RESOURCE telephoneNumber / phone:  -> +1 408 555 1862",
    ]
    assert first["telephoneNumber / phone (IDM)"] == "+1 408 555 1862"
    assert found[1]["sn (RESOURCE)"] == "Carter-" + "x" * 500
    assert (found[2]["RESOURCE ID"], found[2]["mail / email (RESOURCE)"]) == (
        "'=cmd|' /C calc'!A0",
        "'+new@example.com",
    )
    assert found[2][f"{HOSTILE} (RESOURCE)"] == f"{HOSTILE}\n{HOSTILE}"
    assert "quiet" in {
        row["PRINCIPAL"] for row in await rows(server, "reconciliation/history/night-1/report")
    }
    some = await rows(server, "reconciliation/history/night-1/report", filter='attribute/sn eq "Doe"')
    assert [row["PRINCIPAL"] for row in some] == ["jdoe"]


async def test_the_last_run_is_reported_unless_another_is_named(server: Server) -> None:
    database = server.runtime.database
    await add_run(database, "old")
    await add_run(
        database,
        "new",
        started=STARTED + 1,
        results=(),
        status="FAILED",
        message="The directory gave 12 of 5,000 entries",
    )
    await add_run(database, "other", "groups")
    text = await report(server)
    assert "FAILED" in text
    assert "12 of 5,000" in text
    assert "No object was looked at" in text
    assert "bjensen" in await report(server, run="old")
    found = await server.get("reconciliation/hr/report", params={"format": "json", "run": "old"})
    assert (found["_id"], found["result"]) == ("old", "3 done, 2 failed, 1 waiting of 7")
    assert found["categories"]["MATCH_FOUND"] == 1


async def test_a_wrong_question_is_told_what_is_wrong(server: Server) -> None:
    await add_run(server.runtime.database)
    await add_run(server.runtime.database, "other", "groups")
    for path, status, message in (
        ("reconciliation/hr/report?run=nobody", 404, "There is no run nobody of the reconciliation hr"),
        ("reconciliation/hr/report?run=other", 404, "There is no run other of the reconciliation hr"),
        ("reconciliation/none/report", 404, "There is no run of the reconciliation none yet"),
        ("reconciliation/history/nobody/report", 404, "There is no run nobody"),
        ("reconciliation/hr/report?format=pdf", 400, "There is no report as 'pdf'; known: html, csv, json"),
        ("reconciliation/hr/report?doNothing=perhaps", 400, "doNothing must be true or false, not 'perhaps'"),
        ("reconciliation/hr/report?filter=case%20is", 400, "filter"),
    ):
        answer = await server.call("GET", path)
        assert answer.status_code == status, path
        assert message in answer.json()["message"]


async def test_the_configuration_names_the_usual_format(server: Server) -> None:
    await add_run(server.runtime.database)
    configure(server, report="CSV")
    answer = await server.call("GET", "reconciliation/hr/report")
    assert answer.headers["content-type"].startswith("text/csv")
    assert answer.headers["content-disposition"] == 'attachment; filename="hr-night-1.csv"'


async def test_whoever_follows_a_link_is_asked_who_he_is(server: Server) -> None:
    await add_run(server.runtime.database)
    path = "/openidm/reconciliation/hr/report"
    answer = await server.client.get(path, headers={"accept": "text/html"})
    assert (answer.status_code, answer.headers["www-authenticate"][:5]) == (401, "Basic")
    answer = await server.client.get(path)
    assert "www-authenticate" not in answer.headers
    answer = await server.client.get(path, auth=("openidm-admin", "openidm-admin"))
    assert answer.status_code == 200


async def test_a_large_report_is_read_in_pages(server: Server) -> None:
    many = [
        TwoWayResult(n, BOTH, "UPDATE_RES_FROM_IDM", "MATCH_FOUND_DIFFERENT", f"user{n:05}")
        for n in range(1, 2502)
    ]
    await add_run(server.runtime.database, results=many)
    text = await report(server)
    assert re.findall(r"<b>(user\d+)</b>", text) == [each.principal for each in many]
    assert len(await rows(server)) == 2501


def test_a_side_that_was_not_touched_is_as_it_was() -> None:
    _, failed, _, gone, *_ = RESULTS
    assert not any(line.idm.changed or line.resource.changed for line in lines(failed, PAIRS))
    assert [line.name for line in telling(failed, PAIRS)] == ["sn", "memberOf"]
    assert {line.resource.after for line in lines(gone, PAIRS)} == {None}
    assert {line.idm.changed for line in lines(gone, PAIRS)} == {False}


def test_attributes_may_lie_deeper() -> None:
    result = TwoWayResult(
        1,
        BOTH,
        "NOTHING",
        "MATCH_FOUND_DIFFERENT",
        "a",
        idm_before={"a": {"b": "x"}},
        resource_before={"c": "y"},
    )
    (line,) = lines(result, [Pair("a/b", "c")])
    assert (line.name, line.idm.before, line.resource.before, line.differs) == ("a/b / c", "x", "y", True)


def test_what_is_only_made_of_the_other_side_is_no_difference() -> None:
    found = TwoWayResult(
        1,
        BOTH,
        "NOTHING",
        "MATCH_FOUND_DIFFERENT",
        "a",
        idm_before={"userName": "a", "sn": "x", "status": "active"},
        resource_before={"id": "7", "sn": "y", "status": "A"},
    )
    map = [
        {"idm": "userName", "resource": "id", "onCreateOnly": True},
        {"idm": "status", "resource": "status", "toIdm": {"type": "text/javascript", "source": "source"}},
    ]
    pairs = attribute_pairs({"policyMap": map})
    assert [line.name for line in telling(found, pairs)] == ["sn"]
    assert [line.differs for line in lines(found, pairs)] == [False, False, True]


def test_very_many_values_are_cut() -> None:
    result = TwoWayResult(
        1,
        BOTH,
        "NOTHING",
        "NOT_EXIST_IN_IDM_DB",
        "a",
        resource_before={"member": [f"m{n}" for n in range(10_000)]},
    )
    (line,) = lines(result)
    assert line.resource.before is not None
    assert line.resource.before.endswith("m19\nand 9,980 more")
