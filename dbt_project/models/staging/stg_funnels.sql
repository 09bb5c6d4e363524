{# Grain: one row per declared funnel. #}
select
    funnels.funnel,
    funnels.declaration
from {{ source('raw', 'funnels') }} as funnels
