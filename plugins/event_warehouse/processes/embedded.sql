-- Run in the embedded Postgres as its superuser.

-- missing --
-- The statements still needed to set up its roles and databases.
select steps.statement
from (
    values
    (
        1,
        'create role warehouse login createrole',
        'warehouse' <> all(select rolname from pg_roles)
    ),
    (
        2,
        'create role airflow login',
        'airflow' <> all(select rolname from pg_roles)
    ),
    (
        3,
        'alter role airflow nocreaterole',
        ('airflow', true) in (select rolname, rolcreaterole from pg_roles)
    ),
    (
        4,
        'create database warehouse owner warehouse',
        'warehouse' <> all(select datname from pg_database)
    ),
    (
        5,
        'create database airflow owner airflow',
        'airflow' <> all(select datname from pg_database)
    ),
    (
        6,
        'revoke connect on database airflow from public',
        ('airflow', false) not in (
            select datname, has_database_privilege('public', oid, 'connect')
            from pg_database
        )
    )
) as steps (place, statement, is_missing)
where steps.is_missing
order by steps.place;

-- others --
-- Other clients; parallel workers and Postgres's own processes are left out.
select pid
from pg_stat_activity
where backend_type = 'client backend' and pid <> pg_backend_pid();
