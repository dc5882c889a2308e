"""Migration script that Alembic runs: on the connection it is given, in that connection's transaction."""

from alembic import context

from schemas.tables import METADATA


def run() -> None:
    """Run the revisions."""
    context.configure(
        connection=context.config.attributes["connection"], target_metadata=METADATA, render_as_batch=True
    )
    context.run_migrations()


# Alembic's name for this file; whoever else imports it, such as a collector of doctests, migrates nothing.
if __name__ == "env_py":
    run()
