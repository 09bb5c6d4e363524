{#
A view `analytics.<feed>` for each feed: its events, or of reference data the newest
records, with the attributes that it declares as columns of their types. A value that is
none, which came before the declaration was mended, is null. A view is made anew only when
its declaration has changed; its comment tells.
#}
{% macro create_feed_views() -%}
    {%- if execute -%}
        {% for feed in feeds_to_view().rows -%}
            {%- set relation = api.Relation.create(
                database=target.database, schema='analytics', identifier=feed[0]) -%}
            {%- set declaration = fromjson(feed[1]) -%}
            drop view if exists {{ relation }};
            create view {{ relation }} with (security_invoker = true) as
            {{ select_of_feed(declaration) }};
            comment on view {{ relation }} is
            {{ as_literal(declaration.description ~ ' (declaration ' ~ feed[2] ~ ')') }};
        {%- endfor %}
    {%- endif -%}
{%- endmacro %}


{# Name, declaration and its hash of each feed whose view is not of its declaration. #}
{% macro feeds_to_view() -%}
    {% set query -%}
        with

        feeds as (
            select
                feeds.feed,
                feeds.declaration,
                md5(feeds.declaration::text) as declaration_hash,
                to_regclass('analytics.' || quote_ident(feeds.feed)) as relation
            from {{ source('raw', 'feeds') }} as feeds
            where
                to_regclass('analytics.events') is not null
                and to_regclass('analytics.reference_latest') is not null
        )

        select
            feeds.feed,
            feeds.declaration::text,
            feeds.declaration_hash
        from feeds
        where
            coalesce(obj_description(feeds.relation, 'pg_class'), '')
            not like '%(declaration ' || feeds.declaration_hash || ')'
        order by feeds.feed
    {%- endset %}
    {{ return(run_query(query)) }}
{%- endmacro %}


{% macro select_of_feed(declaration) -%}
    {%- set is_reference = declaration.kind == 'reference' -%}
    {%- set columns = ['tenant_id', 'entity_id', 'version', 'version_time']
        if is_reference
        else ['event_time', 'tenant_id'] + var('identity_fields')
            + ['sample_rate', 'load_id', 'line_number', 'received_at'] -%}
    select
        {% for column in columns -%}
            source.{{ column }},
        {% endfor -%}
        {% for path, type in (declaration.attributes or {}).items() -%}
            {{ typed_attribute('source.attributes', as_literal(path), type) }}
                as {{ column_of_attribute(path, columns) }},
        {% endfor -%}
        source.attributes
    {% if is_reference -%}
        from analytics.reference_latest as source
        where source.feed = {{ as_literal(declaration.name) }}
    {%- else -%}
        from analytics.events as source
        where source.feed_id = (
            select feeds.feed_id from analytics.stg_feeds as feeds
            where feeds.feed = {{ as_literal(declaration.name) }}
        )
    {%- endif %}
{%- endmacro %}


{# An attribute as its type, or null if it is none or empty. #}
{% macro typed_attribute(attributes, path, type) -%}
    {%- set value = attribute_text(attributes, path) -%}
    {%- set types = {
        'integer': 'bigint', 'timestamp': 'timestamptz', 'json': 'jsonb'} -%}
    {%- if type == 'text' -%}
        {{ value }}
    {%- else -%}
        case
            when {{ value }} <> '' and {{ is_valid_attribute(value, "'" ~ type ~ "'") }}
                then {{ value }}::{{ types.get(type, type) }}
        end
    {%- endif -%}
{%- endmacro %}


{# A path as a column's name, told from the event fields and cut as Postgres cuts names. #}
{% macro column_of_attribute(path, taken) -%}
    {%- set name = path | replace('.', '_') -%}
    {{- adapter.quote(
        (('attribute_' ~ name) if name in taken or name == 'attributes' else name)
        | replace('"', '""')) -}}
{%- endmacro %}


{% macro as_literal(text) -%}
    '{{ text | replace("'", "''") }}'
{%- endmacro %}
