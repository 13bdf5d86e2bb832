from datetime import timedelta

from sqlalchemy import text

from portal.store.counted_attempts import find_attempts
from tests.factories import NOW, an_adopted_validation, an_onboarding

DAY = timedelta(days=1)


def test_attempts_are_found_by_index(repository, engine):
    for number in range(300):
        repository.add(an_onboarding(person=f"person-{number}", validation=an_adopted_validation(opened_at=NOW)))
    asking = repository.add(an_onboarding(person="person-7", validation=an_adopted_validation()))
    plans = []
    with engine.connect() as connection:
        if engine.dialect.name == "postgresql":
            connection.execute(text("SET enable_seqscan = off"))

        class Explaining:
            dialect = engine.dialect

            def execute(self, statement):
                compiled = statement.compile(engine, compile_kwargs={"render_postcompile": True})
                explain = "EXPLAIN" if engine.dialect.name == "postgresql" else "EXPLAIN QUERY PLAN"
                plan = connection.exec_driver_sql(f"{explain} {compiled}", _parameters(compiled, engine))
                plans.extend(" ".join(map(str, row)) for row in plan)
                return connection.execute(statement)

        found = find_attempts(Explaining(), asking, "person-7", NOW - DAY, NOW + DAY)
    assert [(it.at, it.is_own) for it in found] == [(NOW, False)]
    assert any("ix_onboardings_person" in line for line in plans), plans
    assert not any("SCAN validations" in line or "Seq Scan" in line for line in plans), plans


def _parameters(compiled, engine):
    values = compiled.construct_params()
    values = {
        name: compiled._bind_processors[name](value) if name in compiled._bind_processors else value
        for name, value in values.items()
    }
    return values if engine.dialect.name == "postgresql" else tuple(values[name] for name in compiled.positiontup)
