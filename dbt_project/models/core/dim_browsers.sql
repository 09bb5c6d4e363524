{{ config(
    upstreams=['int_new_buckets'],
    full_refresh=false,
    indexes=[{'columns': ['browser'], 'unique': true}],
) }}
{# Grain: one row per browser ever seen; its key never changes. #}
{{ dimension('browser_key', 'browser', seen_in='int_new_buckets') }}
