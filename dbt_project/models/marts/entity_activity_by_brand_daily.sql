{{ config(materialized='view') }}
{# Grain: one row per tenant, day (UTC) and brand of the products. #}
{{ entity_activity(
    'brand',
    counted_in='fct_entity_activity_daily', at='event_date'
) }}
