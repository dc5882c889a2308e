"""The SQL store: SQLite beside Home Assistant, PostgreSQL for many homes."""

from sinks.store.errors import (
    ForeignFileError,
    LeaseLostError,
    NewerStoreError,
    StoreDamagedError,
    StoreError,
    StoreUnavailableError,
)
from sinks.store.lease import Beat, Held, Leases
from sinks.store.quarantine import Extent, Waiting
from sinks.store.store import SqlStore, StoredSnapshot
from sinks.store.thread import StoreThread
from sinks.store.transaction import Transaction

__all__ = [
    "Beat",
    "Extent",
    "ForeignFileError",
    "Held",
    "LeaseLostError",
    "Leases",
    "NewerStoreError",
    "SqlStore",
    "StoreDamagedError",
    "StoreError",
    "StoreThread",
    "StoreUnavailableError",
    "StoredSnapshot",
    "Transaction",
    "Waiting",
]
