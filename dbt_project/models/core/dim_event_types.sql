{{ config(
    upstreams=['int_event_batch'],
    full_refresh=false,
    indexes=[{'columns': ['event_type'], 'unique': true}],
) }}
{# Grain: one row per event type ever seen; its key never changes. #}
{{ dimension('event_type_key', 'event_type', seen_in='int_event_batch') }}
