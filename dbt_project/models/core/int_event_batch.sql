{{ config(
    materialized='batch',
    contract={'enforced': false},
    planned_by=[
        'apply_id', 'load_id', 'line_number', 'feed_id', 'tenant_id', 'event_time',
        'identity_hash', 'is_reference', 'is_kept', 'rejected_column',
    ],
    post_hook=record_event_months(this),
    planner_off=['enable_nestloop'],
) }}
-- noqa: disable=LT02,LT05
{#
Grain: one row per raw record of the pending applies, cast, or with the reason why it
can't be. For applies that all models of records have, it holds only the kept events,
for the other models (materialization_batch.sql).

Records are cast once, here, and read by every model that processes events. Every cast
is guarded by its check in the same case, so a bad value only sets its own row aside.
Records of reference feeds are cast in the same way; their event_time is their version.
For a recast it holds only the records that were rejected; such a record belongs to the
last recast that took it.

Records of deleted users, and events from before the horizon, are set aside; both are
checked only if there are any. A reference record belongs to its entity and loses only
the user.

New loads have no statistics. Hash joins planned for few rows, as loads are, are right
for many as well, and can run in parallel.
#}
{%- set horizon = events_horizon() %}
{%- set has_deleted = has_deleted_users() %}
{%- set bad_attribute = "substr(checked.rejected_column, length('attributes.') + 1)" %}
{% if is_rebuild() %}
{{ kept_events(in_rebuild('events', 'event_time')) }}
{% else %}
with

stg_events as (
    select * from {{ ref('stg_events') }} as stg_events
    where ledger.is_pending_load(stg_events.load_id, stg_events.received_at)
),

pending_applies as (
    -- Already distinct, but with `distinct` the flags are computed once per apply
    -- instead of once per record.
    select distinct int_applies.*
    from {{ ref('int_applies') }} as int_applies
    where {{ is_pending('int_applies') }}
),

-- Not materialized: a materialized CTE is read by one process only.
recast_events as not materialized (
    select
        recast_events.load_id,
        recast_events.line_number,
        max(recast_events.apply_id) as apply_id
    from {{ source('ledger', 'recast_events') }} as recast_events
    where {{ is_pending('recast_events') }}
    group by 1, 2
),

{% if has_deleted -%}
deleted_users as (
    select
        users.tenant_id,
        users.user_id
    from (
        select distinct
            stg_events.tenant_id,
            stg_events.user_id
        from {{ ref('stg_events') }} as stg_events
        where ledger.is_pending_load(stg_events.load_id, stg_events.received_at)
        -- A fence: the hash is computed once per user instead of once per record.
        offset 0  -- noqa: AM09
    ) as users
    where ledger.is_deleted(users.tenant_id, users.user_id)
),

{% endif -%}
-- Everything expensive, once and in one step: what can't be cast is null, and only for
-- those few the reason is determined.
cast_events as (
    select
        stg_events.*,
        pending_applies.apply_id,
        pending_applies.feed_id,
        pending_applies.is_reference,
        pending_applies.time_format,
        pending_applies.attribute_types,
        pending_applies.earliest,
        stg_events.received_at + pending_applies.latest_ahead as latest,
        {{ 'deleted_users.user_id is not null' if has_deleted else 'false' }}
            as is_of_deleted_user,
        stg_events.event_time is null
        and pending_applies.default_event_time is not null as has_file_time,
        hash_array_extended(
            {{ event_identity(
                'stg_events', 'pending_applies', attributes="case
                    when pg_input_is_valid(stg_events.attributes, 'jsonb')
                        then stg_events.attributes::jsonb
                end"
            ) }},
            0
        ) as identity_hash,
        case
            when stg_events.event_time is null then pending_applies.default_event_time
            else {{ cast_time('stg_events.event_time', 'pending_applies.time_format') }}
        end as cast_event_time,
        case
            when stg_events.sample_rate is null or stg_events.sample_rate = '1' then 1
            when stg_events.sample_rate ~ '^[1-9][0-9]{0,8}$'
                then stg_events.sample_rate::integer
        end as cast_sample_rate,
        case
            when pg_input_is_valid(stg_events.attributes, 'jsonb')
                then stg_events.attributes::jsonb
        end as cast_attributes
    from stg_events
    inner join pending_applies using (load_id)
    {%- if has_deleted %}
        left join deleted_users
            on
                stg_events.tenant_id = deleted_users.tenant_id
                and stg_events.user_id = deleted_users.user_id
    {%- endif %}
    where
        case
            when pending_applies.is_recast
                then (pending_applies.apply_id, stg_events.line_number) in (
                    select
                        recast_events.apply_id,
                        recast_events.line_number
                    from recast_events
                )
            else (stg_events.load_id, stg_events.line_number) not in (
                select
                    recast_events.load_id,
                    recast_events.line_number
                from recast_events
            )
        end
    -- A fence: without it the planner repeats the cast wherever a result is used.
    offset 0  -- noqa: AM09
),

checked as (
    select
        cast_events.*,
        case
            when cast_events.is_of_deleted_user and not cast_events.is_reference
                then 'user_id'
            when cast_events.tenant_id is null then 'tenant_id'
            when cast_events.is_reference and cast_events.entity_id is null
                then 'entity_id'
            {% for field in var('key_fields') -%}
                when octet_length(cast_events.{{ field }}) > {{ var('max_key_bytes') }}
                    then '{{ field }}'
            {% endfor -%}
            when
                cast_events.cast_event_time is null
                or cast_events.cast_event_time < cast_events.earliest
                or cast_events.cast_event_time > cast_events.latest
                {% if horizon -%}
                    or cast_events.cast_event_time < '{{ horizon }} 00:00Z'
                    and not cast_events.is_reference
                {% endif -%}
                then 'event_time'
            when cast_events.cast_sample_rate is null then 'sample_rate'
            when
                cast_events.attributes is not null
                and cast_events.cast_attributes is null
                then 'attributes'
            when cast_events.attribute_types is not null
                then (
                    select 'attributes.' || min(types.key)
                    from jsonb_each_text(cast_events.attribute_types) as types
                    where
                        {{ attribute_text('cast_events.cast_attributes', 'types.key') }}
                        <> ''
                        and not {{ is_valid_attribute(
                            attribute_text('cast_events.cast_attributes', 'types.key'),
                            'types.value',
                        ) }}
                )
        end as rejected_column
    from cast_events
    offset 0  -- noqa: AM09
)

-- Columns that readers filter by come first, then those that most readers need: reading
-- a column means skipping those before it, in every row.
select
    checked.apply_id,
    checked.load_id,
    case when checked.rejected_column is null then checked.cast_event_time end
        as event_time,
    checked.received_at,
    checked.identity_hash,
    checked.line_number,
    case when checked.rejected_column is null then checked.cast_sample_rate end
        as sample_rate,
    checked.feed_id,
    checked.is_reference,
    checked.is_of_deleted_user,
    false as is_kept,
    checked.has_file_time,
    checked.rejected_column,
    checked.tenant_id,
    checked.event_type,
    case when not checked.is_of_deleted_user then checked.user_id end as user_id,
    checked.entity_id,
    checked.device_id,
    checked.session_id,
    checked.country,
    checked.browser,
    checked.event_id,
    case when checked.rejected_column is null then checked.cast_attributes end
        as attributes,
    checked.platform,
    checked.environment,
    checked.service,
    -- Checked again first, because almost no record is rejected: this saves the
    -- comparisons below.
    case
        when
            checked.rejected_column is not null
            and (checked.is_reference or not checked.is_of_deleted_user)
            then case checked.rejected_column
                when 'event_time' then checked.event_time
                when 'sample_rate' then checked.sample_rate
                when 'attributes' then checked.attributes
                {% for field in var('key_fields') -%}
                    when '{{ field }}' then checked.{{ field }}
                {% endfor -%}
                else {{ attribute_text('checked.cast_attributes', bad_attribute) }}
            end
    end as rejected_value,
    case
        when checked.rejected_column is null then null
        when checked.is_of_deleted_user and not checked.is_reference
            then 'is deleted'
        when
            checked.rejected_column = 'tenant_id' and checked.tenant_id is null
            or checked.rejected_column = 'entity_id' and checked.entity_id is null
            then 'is missing'
        when checked.rejected_column = 'event_time'
            then coalesce(
                {% if horizon -%}
                    case
                        when
                            checked.cast_event_time
                            between coalesce(checked.earliest, '-infinity')
                            and coalesce(checked.latest, 'infinity')
                            then 'is expired'
                    end,
                {% endif -%}
                {{ problem_of_time('checked.event_time', 'checked.time_format') }},
                'is outside the times the feed allows'
            )
        when checked.rejected_column = 'sample_rate'
            then 'is not a whole number above 0'
        when checked.rejected_column = 'attributes'
            then 'is not JSON that Postgres can store'
        when
            checked.attribute_types ->> {{ bad_attribute }} = 'json'
            and {{ is_nested_too_deep(
                attribute_text('checked.cast_attributes', bad_attribute)
            ) }}
            then 'is JSON nested too deep'
        when checked.rejected_column like 'attributes.%'
            then 'is not of type ' || (checked.attribute_types ->> {{ bad_attribute }})
        else 'is longer than {{ var('max_key_bytes') }} bytes'
    end as rejected_reason
from checked
{% endif %}
