"""Links of one object, whatever their qualifier."""

from conf.transaction import Transaction
from flows.store.links import COLUMNS, LinkRow, qualifiers


async def of_object(tx: Transaction, link_type: str, id: str, *, first: bool) -> list[LinkRow]:
    """Links of a type that have this id on their first, or else their second side."""
    column = "first_id" if first else "second_id"
    # with its qualifiers named, the unique index finds the rows
    names = tx.texts(await qualifiers(tx, link_type))
    rows = await tx.fetch(
        f"select {COLUMNS} from link where link_type = ? and qualifier {tx.among} and {column} = ? order by seq",
        (link_type, names, id),
    )
    return [LinkRow(*row) for row in rows]
