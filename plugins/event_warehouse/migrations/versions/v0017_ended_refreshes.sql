-- A full refresh makes model after model anew, each in a transaction of its own. Where
-- it is ended in between, the next run makes the others anew.
alter table ledger.models
add column is_stale boolean not null default false;
comment on column ledger.models.is_stale is
'True until the model is made anew: a full refresh has begun, or a setting changed.';

-- What a deletion or an expiry took of a recast's records is, once they are cast with
-- their load again, gone from the load's own apply.
create or replace function ledger.forget_recasts() returns void
language sql
security definer
set search_path = pg_catalog, pg_temp
as $$
update ledger.removed_rows set apply_id = firsts.apply_id
from ledger.applies as recasts
inner join ledger.applies as firsts
    on recasts.load_id = firsts.load_id and firsts.kind <> 'recast'
where recasts.kind = 'recast' and removed_rows.apply_id = recasts.apply_id;
delete from ledger.applies where kind = 'recast'
$$;
