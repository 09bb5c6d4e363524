create table ledger.project (
    is_only_row boolean primary key default true check (is_only_row),
    project_hash text not null,
    transformed_at timestamptz not null default now()
);
comment on table ledger.project is
'Grain: one row, which says what version of the dbt project all views are of; none while
that is not known.';
comment on column ledger.project.project_hash is
'SHA-256 of the files that dbt reads.';
grant select, insert, update, delete on ledger.project to warehouse_transformer;
