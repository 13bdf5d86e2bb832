"""How much work a query is for SQLite, whatever else the machine does."""

from __future__ import annotations

from collections import Counter

from sqlalchemy import event


def steps_of(engine, work):
    """How many steps SQLite's virtual machine takes for it."""
    counted = Counter()

    def start(connection, *_statement):
        connection.connection.driver_connection.set_progress_handler(lambda: counted.update(["steps"]), 1)

    event.listen(engine, "before_cursor_execute", start)
    work()
    event.remove(engine, "before_cursor_execute", start)
    engine.dispose()  # so that no connection goes on counting
    return counted["steps"]
