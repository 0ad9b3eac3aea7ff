"""People are told of a run: by a real mail server, once, however often it fails."""

import asyncio
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest

from flows.call import Runtime
from flows.reports import notify
from flows.reports.notify import after_run
from flows.store import two_way
from tests.reports.post import Post, channel, post_office
from tests.reports.runs import HOSTILE, RESULTS, STARTED, add_run, configure, mail_state
from tests.rest.conftest import Server

TO = "operators@example.com"


def body(mail: EmailMessage, kind: str) -> str:
    part = mail.get_body((kind,))
    assert part is not None
    return str(part.get_content()).replace("\r\n", "\n")


async def post_to(server: Server, post: Post, **members: Any) -> Runtime:
    """Let mail of this server go to that post office."""
    document = {"host": "localhost", "port": post.port, "from": "Recon <recon@example.com>", **members}
    await server.put("config/external.email", document)
    return server.runtime


async def test_the_mail_says_the_result_and_leads_to_the_report(server: Server) -> None:
    configure(server, emailAddressForNotification=f"{TO}; boss@example.com")
    await add_run(server.runtime.database)
    async with post_office() as post:
        await after_run(await post_to(server, post), "night-1")
    mail, other = post.mails
    assert other["To"] == "boss@example.com"
    assert mail["Subject"] == "Reconciliation hr: 3 done, 2 failed, 1 waiting of 7"
    assert (mail["From"], mail["To"]) == ("Recon <recon@example.com>", TO)
    assert mail["Message-ID"].startswith("<night-1.")
    text, html = body(mail, "plain"), body(mail, "html")
    link = "https://recon.example.com/openidm/reconciliation/hr/report?run=night-1&format=html"
    assert link in text
    assert link.replace("&", "&amp;") in html
    row = next(line for line in text.splitlines() if "Delete from Resource" in line)
    assert row.split("  ")[0] == "IDM (deleted) and Resource (exists)"
    assert row.split()[-5:] == ["1", "1", "0", "0", "0"]
    assert "- scarter: Update IDM from Resource, failed. sn: the value is longer" in text
    assert "<td" in html
    assert "quiet" not in text + html
    run = await mail_state(server.runtime.database)
    assert run.mail is not None
    assert (run.mail["state"], run.mail["attempts"], run.mail_due) == ("SENT", 1, None)
    assert (await server.get("reconciliation/history/night-1"))["notification"]["state"] == "SENT"


async def test_nothing_to_do_is_named_when_asked_for(server: Server) -> None:
    configure(server, emailAddressForNotification=TO, sendReportAboutDoNothingCases=True)
    await add_run(server.runtime.database)
    async with post_office() as post:
        await after_run(await post_to(server, post), "night-1")
    assert "Nothing to do\n- quiet: Do Nothing, nothing to do\n" in body(post.mails[0], "plain")
    assert "<b>quiet</b>" in body(post.mails[0], "html")


async def test_a_failed_run_says_so_first(server: Server) -> None:
    configure(server, emailAddressForNotification=TO)
    reason = f"The directory gave 12 of 5,000 entries\n{HOSTILE}"
    await add_run(server.runtime.database, results=(), status="FAILED", message=reason, name="hr")
    async with post_office() as post:
        await after_run(await post_to(server, post), "night-1")
    (mail,) = post.mails
    assert mail["Subject"] == "Reconciliation hr: FAILED, no object was looked at"
    assert reason in body(mail, "plain")
    assert "<script" not in body(mail, "html")


async def test_telling_twice_or_at_once_sends_one_mail(server: Server) -> None:
    configure(server, emailAddressForNotification=TO)
    await add_run(server.runtime.database)
    async with post_office() as post:
        runtime = await post_to(server, post)
        await asyncio.gather(*(after_run(runtime, "night-1") for _ in range(5)))
        await after_run(runtime, "night-1")
        assert not await notify.tell_due(runtime)
    assert len(post.mails) == 1


async def test_a_run_that_goes_on_and_one_that_is_not_there_are_left_alone(server: Server) -> None:
    configure(server, emailAddressForNotification=TO)
    await add_run(server.runtime.database, ended=None, status="STARTED")
    async with post_office() as post:
        runtime = await post_to(server, post)
        await after_run(runtime, "night-1")
        await after_run(runtime, "nobody")
    assert post.mails == []
    assert (await mail_state(runtime.database)).mail is None


async def test_nobody_to_tell_is_settled_at_once(server: Server) -> None:
    await add_run(server.runtime.database)
    assert await notify.tell_due(server.runtime)
    run = await mail_state(server.runtime.database)
    assert run.mail == {"state": "NONE", "attempts": 1, "deliveries": []}
    assert run.mail_due is None


async def test_what_the_mail_server_refuses_is_tried_again_later(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    configure(server, emailAddressForNotification=TO)
    await add_run(server.runtime.database)
    now = STARTED + 100_000
    monkeypatch.setattr(server.runtime, "clock", lambda: now)
    async with post_office() as post:
        runtime = await post_to(server, post)
        post.refused = 2
        for pause in (30_000, 60_000):
            await notify.tell_due(runtime)
            run = await mail_state(runtime.database)
            assert run.mail is not None
            assert (run.mail["state"], run.mail_due) == ("WAITING", now + pause)
            assert "try again later" in run.mail["deliveries"][0]["error"]
            await after_run(runtime, "night-1")
            now += pause
        await notify.tell_due(runtime)
    assert len(post.mails) == 1
    run = await mail_state(runtime.database)
    assert run.status == "FINISHED"
    assert run.mail is not None
    assert (run.mail["state"], run.mail["attempts"]) == ("SENT", 3)


async def test_who_dies_while_telling_leaves_it_to_another(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    configure(server, emailAddressForNotification=TO)
    await add_run(server.runtime.database)
    now = STARTED + 100_000
    monkeypatch.setattr(server.runtime, "clock", lambda: now)
    async with post_office() as post:
        runtime = await post_to(server, post)
        async with runtime.database.write() as tx:
            assert await two_way.claim_notification(tx, "night-1", now, now + notify.CLAIM_MS)
        assert not await notify.tell_due(runtime)
        now += notify.CLAIM_MS
        assert await notify.tell_due(runtime)
    assert len(post.mails) == 1


async def test_it_is_given_up_in_the_end(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    configure(server, emailAddressForNotification=TO)
    await add_run(server.runtime.database)
    now = STARTED + 100_000
    monkeypatch.setattr(server.runtime, "clock", lambda: now)
    async with post_office() as post:
        runtime = await post_to(server, post)
        nothing_listens = post.port
    tries = 0
    while await notify.tell_due(runtime):
        tries += 1
        now += notify.LONGEST_PAUSE_MS
    run = await mail_state(runtime.database)
    assert tries == notify.MOST_ATTEMPTS
    assert run.mail is not None
    assert (run.mail["state"], run.mail_due) == ("FAILED", None)
    assert f"localhost:{nothing_listens}" in run.mail["deliveries"][0]["error"]


async def test_without_a_mail_server_the_run_says_what_is_missing(server: Server) -> None:
    configure(server, emailAddressForNotification=TO)
    await add_run(server.runtime.database)
    await after_run(server.runtime, "night-1")
    run = await mail_state(server.runtime.database)
    assert run.mail is not None
    assert (run.mail["state"], run.mail_due) == ("FAILED", None)
    assert "conf has no external.email.json" in run.mail["deliveries"][0]["error"]


async def test_an_unknown_address_does_not_keep_the_mail_from_the_others(server: Server) -> None:
    configure(server, emailAddressForNotification=f"{TO}, gone@example.com")
    await add_run(server.runtime.database)
    async with post_office() as post:
        post.unknown = {"gone@example.com"}
        await after_run(await post_to(server, post), "night-1")
    run = await mail_state(server.runtime.database)
    assert len(post.mails) == 1
    assert run.mail is not None
    assert [(each["to"], each["state"]) for each in run.mail["deliveries"]] == [
        (TO, "SENT"),
        ("gone@example.com", "WAITING"),
    ]


async def test_password_and_start_tls(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    configure(server, emailAddressForNotification=TO)
    await add_run(server.runtime.database)
    await add_run(server.runtime.database, "night-2", started=STARTED + 1)
    auth = {"enable": True, "username": "recon", "password": "right"}
    async with post_office(password="right", tls=tmp_path) as post:
        runtime = await post_to(server, post, starttls={"enable": True}, auth=auth)
        await after_run(runtime, "night-1")
        run = await mail_state(runtime.database)
        assert run.mail is not None
        assert "certificate verify failed" in run.mail["deliveries"][0]["error"]
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "authority.pem"))
        await after_run(runtime, "night-2")
        assert len(post.mails) == 1
        await post_to(server, post, starttls={"enable": True}, auth=auth | {"password": "wrong"})
        await add_run(runtime.database, "night-3", started=STARTED + 2)
        await after_run(runtime, "night-3")
        run = await mail_state(runtime.database, "night-3")
        assert run.mail is not None
        assert "Authentication" in run.mail["deliveries"][0]["error"]
        assert "wrong" not in str(run.mail)
    assert len(post.mails) == 1


async def test_a_situation_has_recipients_of_its_own(server: Server) -> None:
    """Somebody makes an account Domain Admin: it is taken over, and security is told."""
    domain_admin = {
        "name": "New Domain Admin",
        "situation": "IDM (exists) and Resource (exists)",
        "condition": 'resourceBefore/memberOf eq "a" and !(idmBefore/memberOf eq "a")',
        "to": "security@example.com",
        "message": "Look at these at once.",
    }
    nobody = {"name": "Never", "condition": 'principal eq "nobody"', "to": "never@example.com"}
    situations = {"IDM_DELETED__SYS_EXISTS": {"notification": "leavers@example.com"}}
    configure(server, notifications=[domain_admin, nobody], situations=situations)
    await add_run(server.runtime.database)
    async with post_office() as post:
        await after_run(await post_to(server, post), "night-1")
    security, leavers = post.mails
    assert security["To"] == "security@example.com"
    assert security["Subject"] == "Reconciliation hr: New Domain Admin, 1 object"
    assert "Look at these at once." in body(security, "plain")
    assert "memberOf: IDM staff; resource b, a" in body(security, "plain")
    assert leavers["Subject"] == "Reconciliation hr: IDM (deleted) and Resource (exists), 1 object"
    assert "jdoe" in body(leavers, "html")


@pytest.mark.filterwarnings("ignore:.*imghdr:DeprecationWarning")  # an import of the library
async def test_other_channels_are_told_without_their_secrets_being_shown(server: Server) -> None:
    async with channel() as (address, told), channel(500) as (broken, _), post_office() as post:
        to = [address, broken, "nonsense://x"]
        configure(server, notifications=[{"name": "Failures", "condition": 'status eq "FAILURE"', "to": to}])
        await add_run(server.runtime.database)
        runtime = await post_to(server, post)
        await after_run(runtime, "night-1")
        run = await mail_state(runtime.database)
        assert run.mail is not None
        states = [(each["to"], each["state"], each.get("error")) for each in run.mail["deliveries"]]
        assert states == [
            ("json://…", "SENT", None),
            ("json://…", "WAITING", "json://… did not take the message"),
            ("nonsense://…", "WAITING", "nonsense://… is not the address of a channel that Apprise knows"),
        ]
        assert "secret-token" not in str(run.mail)
        async with runtime.database.write() as tx:
            await tx.run("update two_way_run set mail_due = 0")
        await after_run(runtime, "night-1")
        assert [each["title"] for each in told] == ["Reconciliation hr: Failures, 2 objects"]
        assert "scarter" in told[0]["message"]


async def test_a_broken_notification_keeps_nobody_from_being_told(server: Server) -> None:
    wrong = [{"condition": "case is", "to": TO}, {"to": 7}, 5, {"situation": "NONE", "to": TO}]
    configure(server, emailAddressForNotification=TO, notifications=wrong)
    await add_run(server.runtime.database, results=RESULTS[:1])
    async with post_office() as post:
        await after_run(await post_to(server, post), "night-1")
    assert [mail["Subject"] for mail in post.mails] == ["Reconciliation hr: 1 done of 1"]
