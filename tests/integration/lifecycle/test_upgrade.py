"""What a newer version of the schema does with rows that an older one has."""

import psycopg

from event_warehouse.migrate import migrate
from event_warehouse.settings import Settings
from tests.fixture_types import Query
from tests.older_versions import VERSIONS, bring_to

MONTHS = "analytics.fct_entity_activity_monthly"
INDEXES = """
    select regexp_replace(indexdef, 'INDEX \\S+ ON', 'INDEX ON')
    from pg_indexes
    where tablename in ('fct_sessions', 'fct_visitor_activity_daily')
    order by 1
"""


def test_months_of_entities_are_added_up_over_their_types(empty_dsn: str) -> None:
    before = VERSIONS.index("v0014_months_without_types") - 1
    bring_to(empty_dsn, VERSIONS[before])
    with psycopg.connect(empty_dsn) as connection:
        # As dbt made it: another's, and guarded by policies that hold for all.
        connection.execute(f"""
            set local role warehouse_transformer;
            create table {MONTHS} (
                tenant_id text not null,
                event_month date not null,
                entity_key integer not null,
                event_type_key integer not null,
                event_count bigint not null,
                primary key (tenant_id, event_month, entity_key, event_type_key)
            );
            insert into {MONTHS} values
            ('a', '2025-01-01', 1, 1, 2),
            ('a', '2025-01-01', 1, 2, 3),
            ('a', '2025-02-01', 1, 1, 5),
            ('b', '2025-01-01', 2, 0, 7);
            select access.guard_tables();
        """)

    assert migrate(empty_dsn) is True

    with psycopg.connect(empty_dsn) as connection:
        kept = connection.execute(f"select * from {MONTHS} order by 1, 2, 3").fetchall()
        key = connection.execute(f"""
            select pg_get_constraintdef(oid) from pg_constraint
            where conrelid = '{MONTHS}'::regclass and contype = 'p'
        """).fetchall()
    assert [(tenant, str(month), *rest) for tenant, month, *rest in kept] == [
        ("a", "2025-01-01", 1, 5),
        ("a", "2025-02-01", 1, 5),
        ("b", "2025-01-01", 2, 7),
    ]
    assert key == [("PRIMARY KEY (tenant_id, event_month, entity_key)",)]


def test_tables_of_visitors_get_the_indexes_that_their_models_make(
    settings: Settings, query: Query
) -> None:
    made = query(settings, INDEXES)
    with psycopg.connect(settings.dsn) as connection:
        connection.execute("""
            set local role warehouse_transformer;
            do $$
            declare
                made regclass;
            begin
                for made in
                    select indexrelid from pg_index
                    where indrelid in (
                        'analytics.fct_sessions'::regclass,
                        'analytics.fct_visitor_activity_daily'::regclass
                    )
                    and (indisunique or indpred is not null)
                loop
                    execute format('drop index %s', made);
                end loop;
            end
            $$;
            alter table analytics.fct_sessions add primary key (
                tenant_id, visitor_key, feed_id, session_id, session_end
            );
            alter table analytics.fct_visitor_activity_daily add primary key (
                tenant_id, visitor_key, event_date
            );
            reset role;
            update ledger.migration set version_num = 'v0017_ended_refreshes';
        """)
    assert query(settings, INDEXES) != made

    assert migrate(settings.dsn) is True

    assert query(settings, INDEXES) == made
