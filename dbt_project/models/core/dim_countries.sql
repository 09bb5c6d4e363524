{{ config(
    upstreams=['int_new_buckets'],
    full_refresh=false,
    indexes=[{'columns': ['country'], 'unique': true}],
) }}
{# Grain: one row per country ever seen; its key never changes. #}
{{ dimension('country_key', 'country', seen_in='int_new_buckets') }}
