{{ config(materialized='view') }}
{# Grain: one row per tenant, month (UTC) and brand of the products. #}
{{ entity_activity(
    'brand',
    counted_in='fct_entity_activity_monthly', at='event_month', is_by_entity=true
) }}
