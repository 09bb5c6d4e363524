-- Added up here, and not made anew by the next run as other tables whose columns have
-- changed: what has expired could not be made anew.
do $$
begin
    if not exists (
        select from information_schema.columns
        where
            table_schema = 'analytics'
            and table_name = 'fct_entity_activity_monthly'
            and column_name = 'event_type_key'
    ) then
        return;
    end if;
    create temporary table months on commit drop as
    select tenant_id, event_month, entity_key, sum(event_count)::bigint as event_count
    from analytics.fct_entity_activity_monthly
    group by 1, 2, 3;
    truncate analytics.fct_entity_activity_monthly;
    -- Takes the primary key along.
    alter table analytics.fct_entity_activity_monthly drop column event_type_key;
    alter table analytics.fct_entity_activity_monthly
    add constraint fct_entity_activity_monthly_pkey
    primary key (tenant_id, event_month, entity_key);
    insert into analytics.fct_entity_activity_monthly (
        tenant_id, event_month, entity_key, event_count
    )
    select tenant_id, event_month, entity_key, event_count
    from months
    order by tenant_id, event_month;
end
$$;
