"""Count of the transactions in a SQLite store: a row of the table `commits`, and the mark beside it."""

import uuid
from pathlib import Path

import structlog
from sqlalchemy import Connection, text

from sinks.store.errors import StoreError
from sinks.store.mark import Marked, MarkError, read_mark, write_mark

_log = structlog.get_logger(__name__)
_COUNTED = text("SELECT part, number FROM commits WHERE home = ''")
_BEGIN = text("INSERT INTO commits (home, part, number) VALUES ('', :id, :number)")


def begin_counting(connection: Connection, database: Path, revision: str) -> bool:
    """See to it that store and mark know each other; whether they do.

    What the two disagree about is left as it is: whoever starts the pipeline looks into it first.
    """
    counted = connection.execute(_COUNTED).first()
    known = True
    store_id, commits = (str(counted.part), counted.number) if counted else (uuid.uuid4().hex, 0)
    try:
        marked = read_mark(database)
        if marked is None or (counted is None and not marked.commits):
            # The mark comes first: a kill in between leaves one that promises nothing.
            write_mark(database, Marked(store_id, revision, commits, 0))
        elif marked.id != store_id:
            known = False
        elif marked.revision != revision:
            write_mark(database, marked._replace(revision=revision))
    except MarkError as error:
        _log.warning("the mark beside the store is damaged", error=str(error))
        return False
    except (OSError, StoreError) as error:
        _log.warning("no mark can be kept beside the store: what it loses would not show", error=str(error))
        return False
    if counted is None:
        connection.execute(_BEGIN, {"id": store_id, "number": commits})
    return known
