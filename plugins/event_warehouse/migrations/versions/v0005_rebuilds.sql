create table ledger.rebuilds (
    rebuild_id bigint generated always as identity primary key,
    days datemultirange not null check (not isempty(days)),
    tenant_id text,
    requested_by text not null default session_user,
    requested_at timestamptz not null default now(),
    finished_at timestamptz
);
comment on table ledger.rebuilds is
'Grain: one row per rebuild of facts, rollups and marts from the events of some days.';
comment on column ledger.rebuilds.days is 'Days (UTC) that are made anew.';
comment on column ledger.rebuilds.tenant_id is 'Whose; null means every tenant''s.';
comment on column ledger.rebuilds.finished_at is
'Null while it runs, and for ever if it was ended: each model commits by itself.';
grant select, insert, update on ledger.rebuilds to warehouse_transformer;

alter table ledger.batches add rebuild_id bigint;
comment on column ledger.batches.rebuild_id is
'The rebuild whose events the batch holds; null if it holds applies.';
