-- How fresh the answers are; run as the service's own role.

-- ledger_state --
select
    ledger_state.newest_load_at,
    ledger_state.pending_loads,
    ledger_state.rejected_changed_at
from access.ledger_state() as ledger_state;

-- pending --
select
    pending.load_id,
    coalesce(pending.tenant_id, '') as tenant_id,
    pending.record_count
from access.pending_by_tenant(%(loads)s) as pending;

-- rejected --
select
    coalesce(rejected.tenant_id, '') as tenant_id,
    rejected.received_date,
    rejected.event_count
from access.rejected_by_tenant() as rejected
order by 1, 2;

-- horizons --
select horizons.model, horizons.horizon
from access.horizons() as horizons
order by 1;

-- horizons_by_tenant --
select expired.tenant_id, expired.model, expired.horizon
from access.expired_by_tenant() as expired;
