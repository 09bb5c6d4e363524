-- By which the first removal of an expiry is found.
create index removed_rows_expiry_id on ledger.removed_rows (expiry_id, removal_id)
where expiry_id is not null;

create function access.horizons()
returns table (model text, horizon timestamptz)
language sql stable
security definer
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
as $$
with expired as (
    select
        expiries.events_before,
        (
            select min(removed_rows.removal_id)
            from ledger.removed_rows
            where removed_rows.expiry_id = expiries.expiry_id
        ) as first_removal_id
    from ledger.expiries
    where expiries.events_before is not null
)

select
    lacking.model,
    max(lacking.events_before)::timestamptz
from (
    select 'events' as model, expired.events_before
    from expired
    where expired.first_removal_id is not null
    union all
    select models.model, expired.events_before
    from expired
    inner join ledger.models as models
        on expired.first_removal_id <= models.lacks_removal_id
) as lacking
group by lacking.model
$$;
comment on function access.horizons is
'The models that lack events from before a time: those of an expiry, which events lose
and a model that was made later never had. Facts and rollups that were there keep them.';

create function access.expired_by_tenant()
returns table (tenant_id text, model text, horizon timestamptz)
language plpgsql stable
security definer
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
as $$
begin
    if to_regclass('marts.tenant_events_daily') is not null then
        return query
        select first_days.tenant_id, horizons.model, horizons.horizon
        from access.horizons() as horizons
        inner join (
            select daily.tenant_id, min(daily.event_date) as first_date
            from marts.tenant_events_daily as daily
            group by 1
        ) as first_days
            on
                horizons.horizon > first_days.first_date
                or exists (
                    select from access.horizons() as missing
                    where missing.model = 'tenant_events_daily'
                );
    end if;
end
$$;
comment on function access.expired_by_tenant is
'The same of each tenant that had events before; of all if that is not known.';

revoke execute on function access.horizons, access.expired_by_tenant from public;
grant execute on function access.horizons
to warehouse_service, warehouse_tenant, warehouse_operator;
grant execute on function access.expired_by_tenant to warehouse_service;
