-- Sessions and sequences count events of visitors and of users only, and lose those of
-- deleted users also where the events have expired before.
alter table ledger.removed_rows
add column removal_id bigint generated always as identity,
add column visitor_event_count bigint,
add column user_event_count bigint,
add column event_count bigint;
comment on column ledger.removed_rows.removal_id is
'The order in which rows went.';
comment on column ledger.removed_rows.visitor_event_count is
'Of events that have expired, those with a user or a device; null
where an older version did not count them.';
comment on column ledger.removed_rows.user_event_count is
'Of events that have expired, those with a user.';
comment on column ledger.removed_rows.event_count is
'Of sessions and sequences, how many events the rows had counted.';

-- A model that is made late lacks what deletions took before, too.
alter table ledger.models
add column lacks_removal_id bigint not null default 0;
comment on column ledger.models.lacks_removal_id is
'Removals up to this one took rows that the model never had: it was made later.';
update ledger.models set lacks_removal_id = (
    select coalesce(max(removed_rows.removal_id), 0)
    from ledger.removed_rows
    where removed_rows.expiry_id <= models.lacks_expiry_id
);
alter table ledger.models drop column lacks_expiry_id;

-- A horizon that nothing lay before has taken nothing that a full refresh would need.
create or replace function ledger.why_no_full_refresh() returns text
language sql stable
as $$
select
    'events or records have expired, which a full refresh could not make anew: '
    'facts and rollups would lose them. Make days anew from the events that are '
    'kept instead: warehouse rebuild --start '
    || coalesce(ledger.events_horizon(), date '1970-01-01')
from ledger.removed_rows
where expiry_id is not null
limit 1
$$;
