{{ config(materialized='view') }}
{# Grain: one row per tenant, day (UTC) and owner of the products. #}
{{ entity_activity(
    'owner',
    counted_in='fct_entity_activity_daily', at='event_date'
) }}
