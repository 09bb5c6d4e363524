-- Checks and locks before expiry and deletion remove rows.

-- was_ever_transformed --
select to_regclass('analytics.events') is not null;

-- is_transformed --
select num_nulls(
    to_regclass('marts.accounting'),
    to_regclass('analytics.int_event_key_values')
) = 0;

-- lock_models --
-- Never waits for a lock, to avoid deadlocks: dbt takes the same ones in another order.
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
        -- A full refresh was interrupted: the models that it hasn't reached would be
        -- rebuilt from what is left.
        models.is_stale
        or exists (
            select
            from ledger.applies
            where not applies.apply_id <@ models.applies
        )
    )
order by 1;
