-- What expiry and deletion need before they take rows away.

-- was_ever_transformed --
select to_regclass('analytics.events') is not null;

-- is_transformed --
select num_nulls(
    to_regclass('marts.accounting'),
    to_regclass('analytics.int_event_key_values')
) = 0;

-- lock_models --
-- Tried, never waited for: dbt takes the same locks in another order.
select models.model
from ledger.models
where
    models.model <> 'ledger.applies'
    and not pg_try_advisory_xact_lock(hashtextextended('model ' || models.model, 0));

-- behind --
select models.model
from ledger.models
where
    models.model <> 'ledger.applies'
    and (
        -- A full refresh was ended: what it has not come to is made of what is there.
        models.is_stale
        or exists (
            select
            from ledger.applies
            where not applies.apply_id <@ models.applies
        )
    )
order by 1;
