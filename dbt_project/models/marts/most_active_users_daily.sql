{{ config(
    upstreams=['fct_entity_activity_daily', 'int_touched_hours'],
    incremental_strategy='replace',
    unique_key=['tenant_id', 'event_date'],
    rebuilt_by='event_date',
    forgets={'user_id': 'delete'},
) }}
{# Grain: one row per tenant, day (UTC) and rank of the users with the most events. #}
{{ most_active(
    'user',
    counted_in='fct_entity_activity_daily', named_in='dim_users'
) }}
