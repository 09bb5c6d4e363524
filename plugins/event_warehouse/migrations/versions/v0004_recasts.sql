alter table ledger.applies drop constraint applies_kind_check;
alter table ledger.applies add constraint applies_kind_check
check (kind in ('load', 'replay', 'recast'));
comment on column ledger.applies.kind is
'load: of a file; replay: of lines that were read again, a load of their own;
recast: of the load''s rejected events alone, cast by a newer declaration.';

create table ledger.recast_events (
    apply_id bigint not null references ledger.applies on delete cascade,
    load_id bigint not null references raw.loads,
    line_number integer not null,
    primary key (apply_id, line_number)
);
comment on table ledger.recast_events is
'The records that a recast takes in, as they were open when it was asked for.
Grain: one row per recast and record.';
create index recast_events_load_id on ledger.recast_events (load_id, line_number);

create function ledger.forget_recasts() returns void
language sql
security definer
set search_path = pg_catalog, pg_temp
as $$
delete from ledger.applies where kind = 'recast'
$$;
comment on function ledger.forget_recasts is
'For a full refresh, which casts all records anew; no other apply can be taken away.';

revoke execute on function ledger.forget_recasts from public;
grant execute on function ledger.forget_recasts to warehouse_transformer;
grant select, insert on ledger.recast_events to warehouse_transformer;
