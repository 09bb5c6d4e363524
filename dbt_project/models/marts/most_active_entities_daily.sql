{{ config(
    upstreams=['fct_entity_activity_daily', 'int_touched_hours'],
    incremental_strategy='replace',
    unique_key=['tenant_id', 'event_date'],
    rebuilt_by='event_date',
) }}
{#
Grain: one row per tenant, day (UTC) and rank of the entities with the most events.
#}
{{ most_active(
    'entity',
    counted_in='fct_entity_activity_daily', named_in='dim_entities'
) }}
