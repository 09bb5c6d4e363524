{{ config(
    upstreams=['int_new_buckets'],
    full_refresh=false,
    indexes=[{'columns': ['country'], 'unique': true}],
) }}
{# Grain: one row per country, ever seen; a key is given once and for ever. #}
{{ dimension('country_key', 'country', seen_in='int_new_buckets') }}
