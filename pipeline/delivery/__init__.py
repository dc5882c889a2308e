"""The delivery protocol: durable intake, group commit, acknowledge after commit, idempotent outbox."""
