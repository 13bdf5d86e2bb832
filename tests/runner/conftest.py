from tests.services.conftest import (
    begin,
    create_for_customer,
    customers,
    database_kind,
    other_process,
    pass_time,
    prepared,
    start,
)

__all__ = [
    "begin",
    "create_for_customer",
    "customers",
    "database_kind",
    "other_process",
    "pass_time",
    "prepared",
    "start",
]
