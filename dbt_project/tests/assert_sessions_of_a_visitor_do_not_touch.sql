{# Sessions by inactivity that begin within the timeout of the previous one. #}
with

neighbours as (
    select
        fct_sessions.tenant_id,
        fct_sessions.visitor_key,
        fct_sessions.session_start,
        lag(fct_sessions.session_end) over (
            partition by fct_sessions.visitor_key
            order by fct_sessions.session_start
        ) as previous_end
    from {{ ref('fct_sessions') }} as fct_sessions
    where fct_sessions.session_id = ''
)

select *
from neighbours
where
    session_start
    <= previous_end + interval '{{ var("session_timeout_minutes") }} minutes'
