from datetime import timedelta

from sqlalchemy import event, text

from portal.store.counted_attempts import find_attempts
from tests.factories import NOW, an_adopted_validation, an_onboarding

DAY = timedelta(days=1)


def test_attempts_are_found_by_index(repository, engine):
    for number in range(300):
        repository.add(an_onboarding(person=f"person-{number}", validation=an_adopted_validation(opened_at=NOW)))
    asking = repository.add(an_onboarding(person="person-7", validation=an_adopted_validation()))
    executed = []

    def note(_connection, _cursor, statement, values, _context, _many):
        executed.append((statement, values))

    with engine.connect() as connection:
        if engine.dialect.name == "postgresql":
            connection.execute(text("SET enable_seqscan = off"))

        event.listen(engine, "before_cursor_execute", note)
        found = find_attempts(connection, asking, "person-7", NOW - DAY, NOW + DAY)
        event.remove(engine, "before_cursor_execute", note)
        explain = "EXPLAIN" if engine.dialect.name == "postgresql" else "EXPLAIN QUERY PLAN"
        plans = [
            " ".join(map(str, line))
            for statement, values in executed
            for line in connection.exec_driver_sql(f"{explain} {statement}", values)
        ]
    assert [(it.at, it.is_own) for it in found] == [(NOW, False)]
    assert any("ix_onboardings_person" in line for line in plans), plans
    assert not any("SCAN validations" in line or "Seq Scan" in line for line in plans), plans
