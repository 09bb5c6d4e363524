{{ config(materialized='view') }}
{# Grain: one row per tenant, day (UTC) and user with events, for marts.funnel. #}
select
    fct_user_sequences_daily.user_key,
    fct_user_sequences_daily.event_date,
    fct_user_sequences_daily.tenant_id,
    fct_user_sequences_daily.event_times,
    fct_user_sequences_daily.event_type_keys
from {{ ref('fct_user_sequences_daily') }} as fct_user_sequences_daily
