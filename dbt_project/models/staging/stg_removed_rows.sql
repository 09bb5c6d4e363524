{# Grain: one row per table, load, apply and kind of removal. #}
select
    removed_rows.table_name,
    removed_rows.load_id,
    removed_rows.apply_id,
    removed_rows.expiry_id is not null as is_expired,
    sum(removed_rows.row_count)::bigint as row_count
from {{ source('ledger', 'removed_rows') }} as removed_rows
where removed_rows.how = 'removed' and removed_rows.load_id is not null
group by 1, 2, 3, 4
