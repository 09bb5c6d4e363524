{{ config(
    upstreams=['int_new_buckets'],
    full_refresh=false,
    indexes=[{'columns': ['browser'], 'unique': true}],
) }}
{# Grain: one row per browser, ever seen; a key is given once and for ever. #}
{{ dimension('browser_key', 'browser', seen_in='int_new_buckets') }}
