"""How long runs are remembered."""

from __future__ import annotations

from conf.transaction import Transaction


async def purge(tx: Transaction, mapping: str, keep_analysis: int | None, keep_runs: int | None) -> list[str]:
    """Forget the associations of a mapping's older runs, of analyses and others apart; None keeps all.

    Runs themselves and their audit stay. Answers the ids of the runs whose associations went.
    """
    purged: list[str] = []
    for is_analysis, keep in ((True, keep_analysis), (False, keep_runs)):
        if keep is None:
            continue
        rows = await tx.fetch(
            "select seq, id from recon_run where mapping = ? and is_analysis = ? and persist_associations = ? "
            "and state <> 'ACTIVE' order by seq desc limit ? offset ?",
            (mapping, is_analysis, True, 2**62, max(keep, 0)),
        )
        for seq, run_id in rows:
            await tx.run("delete from recon_entry where run = ?", (seq,))
            await tx.run("update recon_run set persist_associations = ? where seq = ?", (False, seq))
            purged.append(run_id)
    return purged


async def delete(tx: Transaction, id: str) -> bool:
    """Delete an ended run with its pages and associations; the audit stays. False when there is none."""
    rows = await tx.fetch("select seq from recon_run where id = ? and state <> 'ACTIVE'", (id,))
    for (seq,) in rows:
        await tx.run("delete from recon_entry where run = ?", (seq,))
        await tx.run("delete from recon_page where run = ?", (seq,))
        await tx.run("delete from recon_run where seq = ?", (seq,))
    return bool(rows)


async def trim_topic(tx: Transaction, topic: str, before: int, most: int = 5000) -> int:
    """Delete the oldest events of a topic that are older than a moment, `most` at a time; answers how many."""
    table, where = ("audit_recon", "true") if topic == "recon" else ("audit_event", "topic = ?")
    parameters = () if topic == "recon" else (topic,)
    rows = await tx.fetch(
        f"select seq, at from {table} where {where} order by seq limit ?", (*parameters, most)
    )
    old = [seq for seq, at in rows if at < before]
    if not old:
        return 0
    return await tx.run(
        f"delete from {table} where {where} and seq <= ? and at < ?", (*parameters, max(old), before)
    )
