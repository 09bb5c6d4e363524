-- Exchanged here, as the models' tables keep the indexes that they are made with. Where
-- there is no table yet, or the view that a build begins with, its model makes it with
-- those that it has now.
do $$
begin
    if exists (
        select from pg_class
        where oid = to_regclass('analytics.fct_sessions') and relkind = 'r'
    ) then
        alter table analytics.fct_sessions drop constraint if exists fct_sessions_pkey;
        create unique index on analytics.fct_sessions (
            tenant_id,
            (date_trunc('week', session_end at time zone 'UTC')),
            visitor_key,
            feed_id,
            session_id,
            session_end
        );
        create index on analytics.fct_sessions (
            tenant_id, visitor_key, feed_id, session_id, session_end
        )
        where (session_id <> '' or duration_seconds > 86400);
    end if;
    if exists (
        select from pg_class
        where oid = to_regclass('analytics.fct_visitor_activity_daily') and relkind = 'r'
    ) then
        alter table analytics.fct_visitor_activity_daily
        drop constraint if exists fct_visitor_activity_daily_pkey;
        create unique index on analytics.fct_visitor_activity_daily (
            tenant_id,
            (date_trunc('week', event_date::timestamp)::date),
            visitor_key,
            event_date
        );
        create index on analytics.fct_visitor_activity_daily (
            tenant_id, visitor_key, event_date
        )
        where (known_first_date is null or event_date < known_first_date);
    end if;
end
$$;
