{{ config(
    upstreams=['reference_history'],
    forgets={'attributes': 'take_out'},
    incremental_strategy='replace',
    unique_key=['feed', 'tenant_id', 'entity_id'],
) }}
{# Grain: one row per reference record: its newest version. #}
with

touched as (
    select distinct
        reference_history.feed_id,
        reference_history.tenant_id,
        reference_history.entity_id
    from {{ ref('reference_history') }} as reference_history
    where {{ is_pending('reference_history') }}
)

select distinct on (
    reference_history.feed_id, reference_history.tenant_id, reference_history.entity_id
)
    stg_feeds.feed,
    reference_history.tenant_id,
    reference_history.entity_id,
    reference_history.version,
    reference_history.version_time,
    reference_history.attributes,
    reference_history.received_at
from touched
inner join {{ ref('reference_history') }} as reference_history
    using (feed_id, tenant_id, entity_id)
inner join {{ ref('stg_feeds') }} as stg_feeds using (feed_id)
order by
    reference_history.feed_id asc,
    reference_history.tenant_id asc,
    reference_history.entity_id asc,
    reference_history.version_time desc
