{#
The first batch's rows that are not cast but read from events, in its column order.
#}
{% macro kept_events(condition) -%}
    select
        events.apply_id,
        events.load_id,
        events.event_time,
        events.received_at,
        events.identity_hash,
        events.line_number,
        events.sample_rate,
        events.feed_id,
        false as is_reference,
        false as is_of_deleted_user,
        true as is_kept,
        events.has_file_time,
        null::text as rejected_column,
        events.tenant_id,
        events.event_type,
        events.user_id,
        events.entity_id,
        events.device_id,
        events.session_id,
        events.country,
        events.browser,
        events.event_id,
        events.attributes,
        events.platform,
        events.environment,
        events.service,
        null::text as rejected_value,
        null::text as rejected_reason
    from {{ kept_relation('events') }} as events
    where {{ condition }}
{%- endmacro %}
