{{ config(materialized='view') }}
{# Grain: one row per tenant, day (UTC) and country of the products. #}
{{ entity_activity(
    'country',
    counted_in='fct_entity_activity_daily', at='event_date'
) }}
