{{ config(
    materialized='batch',
    contract={'enforced': false},
    upstreams=['int_event_batch'],
) }}
{#
Grain: one row per record of the batch that repeats an earlier one, in the batch or
before it. The first has the lowest apply, then the lowest line. Hashes find candidates,
values decide. A reference record repeats one with the same key and version.
#}
-- noqa: disable=LT02
-- Conditions here are macros of several lines.
{#
Not a ref, because dbt would see a cycle: both tables depend on what is decided here.
There is none, because only their rows of earlier applies count.
#}
{#-
A table being recreated was cast with other declarations, and its records are in the
batch again.
#}
{%- set kept_events = none if is_refreshed('events') else kept_relation('events') %}
{%- set kept_references = none if is_refreshed('reference_history')
    else kept_relation('reference_history') %}
with

batch as not materialized (
    select * from {{ ref('int_event_batch') }} as batch
    -- Kept rows are events already.
    where batch.rejected_column is null and not batch.is_kept
),

int_applies as (
    select * from {{ ref('int_applies') }}
),

-- Identities that may occur more than once in the batch: few, so their values are
-- compared.
repeated as (
    select
        batch.event_time,
        batch.identity_hash
    from batch
    group by 1, 2
    having count(*) > 1
),

numbered as (
    select
        batch.apply_id,
        batch.load_id,
        batch.line_number,
        row_number() over (
            partition by
                batch.tenant_id,
                batch.event_time,
                {{ event_identity('batch', 'int_applies') }}
            order by batch.apply_id, batch.line_number
        ) as occurrence
    from batch
    inner join repeated using (event_time, identity_hash)
    inner join int_applies using (apply_id)
)

select
    numbered.load_id,
    numbered.line_number
from numbered
where numbered.occurrence > 1
{%- if kept_events %}
union
select
    batch.load_id,
    batch.line_number
from batch
inner join {{ kept_events }} as kept
    on
        batch.tenant_id = kept.tenant_id
        and batch.event_time = kept.event_time
        and batch.identity_hash = kept.identity_hash
        and batch.feed_id = kept.feed_id
inner join int_applies on batch.apply_id = int_applies.apply_id
where
    (kept.apply_id, kept.line_number) < (batch.apply_id, batch.line_number)
    and {{ event_identity('batch', 'int_applies') }}
    = {{ event_identity('kept', 'int_applies') }}
{%- endif %}
{%- if kept_references %}
union
select
    batch.load_id,
    batch.line_number
from batch
inner join {{ kept_references }} as kept
    on
        batch.tenant_id = kept.tenant_id
        and batch.entity_id = kept.entity_id
        and batch.event_time = kept.version_time
        and batch.feed_id = kept.feed_id
where
    batch.is_reference
    and (kept.apply_id, kept.line_number) < (batch.apply_id, batch.line_number)
{%- endif %}
