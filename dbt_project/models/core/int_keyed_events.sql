{{ config(
    materialized='batch',
    contract={'enforced': false},
    upstreams=[
        'int_event_batch', 'int_repeats', 'dim_users', 'dim_devices', 'dim_entities',
        'dim_event_types',
    ],
    planned_by=[
        'apply_id', 'event_time', 'event_date', 'visitor_key', 'user_key', 'device_key',
        'entity_key', 'event_type_key', 'tenant_id',
    ],
) }}
{#
Grain: one row per event of the batch, with the keys that facts have in place of ids.
Sequences and sessions sort it by visitor and time; sorting what is almost in order
takes half the time.
#}
{{ keyed_events(ref('int_new_events')) }}
-- The columns as they are: with a collation, the id would be sorted a second time.
order by visitor_key, event_time, event_id
