{{ config(materialized='view') }}
{# Grain: one row per event type ever seen. #}
select
    dim_event_types.event_type_key,
    dim_event_types.event_type
from {{ ref('dim_event_types') }} as dim_event_types
