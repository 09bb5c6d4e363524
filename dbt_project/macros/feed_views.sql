{#
A view `analytics.<feed>` for each feed: its events or, for reference data, the latest
records, with the declared attributes as typed columns. A value that does not match its
type, from before the declaration was corrected, is null. A view is replaced only when
its declaration has changed; its comment contains the declaration's hash.

It is replaced in place, with new columns after the existing ones. If a column goes or
changes its type, this is impossible, and the view is dropped. If other views depend on
it, it is kept instead, with a message, because they would be dropped with it.
#}
{% macro create_feed_views() -%}
    {%- if execute -%}
        {% for feed in feeds_to_view().rows -%}
            {%- set relation = api.Relation.create(
                database=target.database, schema='analytics', identifier=feed[0]) -%}
            {%- set declaration = fromjson(feed[1]) -%}
            {%- set columns = columns_of_feed(declaration) -%}
            {%- set before = fromjson(feed[3]) -%}
            {%- set is_kept = not columns_that_go(before, columns) -%}
            {%- if is_kept or not feed[4] -%}
                {% if not is_kept -%} drop view {{ relation }}; {%- endif %}
                create or replace view {{ relation }} with (security_invoker = true) as
                {{ select_of_feed(
                    declaration, columns, first=before if is_kept else []) }};
                comment on view {{ relation }} is
                {{ as_literal(declaration.description ~ ' (declaration ' ~ feed[2] ~ ')') }};
            {%- else -%}
                {% do print(
                    relation ~ ' stays as it was: views stand on it, and of its columns '
                    ~ columns_that_go(before, columns) | join(', ') ~ ' would go or have '
                    ~ 'another type. Drop those views and it; the next run makes it anew') %}
                comment on view {{ relation }} is {{ as_literal(
                    'As an older declaration said (declaration ' ~ feed[2] ~ ')') }};
            {%- endif %}
        {%- endfor %}
    {%- endif -%}
{%- endmacro %}


{#
For each feed whose view does not match its declaration: name, declaration and its hash;
the view's columns with their types; and whether anything depends on it.
#}
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
                -- A newer version of the project uses the name for a table.
                and not exists (
                    select from pg_class
                    where
                        pg_class.oid
                        = to_regclass('analytics.' || quote_ident(feeds.feed))
                        and pg_class.relkind <> 'v'
                )
        )

        select
            feeds.feed,
            feeds.declaration::text,
            feeds.declaration_hash,
            (
                select
                    coalesce(jsonb_agg(jsonb_build_array(
                        pg_attribute.attname, format_type(pg_attribute.atttypid, null)
                    ) order by pg_attribute.attnum), '[]')::text
                from pg_attribute
                where
                    pg_attribute.attrelid = feeds.relation
                    and pg_attribute.attnum > 0
                    and not pg_attribute.attisdropped
            ),
            exists (
                select
                from pg_depend
                left join pg_rewrite
                    on
                        pg_depend.classid = 'pg_rewrite'::regclass
                        and pg_depend.objid = pg_rewrite.oid
                where
                    pg_depend.refclassid = 'pg_class'::regclass
                    and pg_depend.refobjid = feeds.relation
                    and pg_depend.deptype = 'n'
                    and pg_rewrite.ev_class is distinct from feeds.relation
            )
        from feeds
        where
            coalesce(obj_description(feeds.relation, 'pg_class'), '')
            not like '%(declaration ' || feeds.declaration_hash || ')'
        order by feeds.feed
    {%- endset %}
    {{ return(run_query(query)) }}
{%- endmacro %}


{#
The columns of a feed's view by name: what each one is, and the type of an attribute.
#}
{% macro columns_of_feed(declaration) -%}
    {%- set fields = ['tenant_id', 'entity_id', 'version', 'version_time']
        if declaration.kind == 'reference'
        else ['event_time', 'tenant_id'] + var('identity_fields')
            + ['sample_rate', 'load_id', 'line_number', 'received_at'] -%}
    {%- set columns = {} -%}
    {%- for field in fields -%}
        {%- do columns.update({field: {'select': 'source.' ~ field}}) -%}
    {%- endfor -%}
    {%- for path, type in (declaration.attributes or {}).items() -%}
        {%- do columns.update({column_of_attribute(path, fields): {
            'select': typed_attribute('source.attributes', as_literal(path), type),
            'type': type_of_attribute(type),
        }}) -%}
    {%- endfor -%}
    {%- do columns.update({'attributes': {'select': 'source.attributes'}}) -%}
    {{ return(columns) }}
{%- endmacro %}


{# The columns of a view that its declaration lacks, or declares differently. #}
{% macro columns_that_go(before, columns) -%}
    {%- set gone = [] -%}
    {%- for name, type in before
            if name not in columns or columns[name].get('type', type) != type -%}
        {%- do gone.append(name) -%}
    {%- endfor -%}
    {{ return(gone) }}
{%- endmacro %}


{# A feed's rows. The view's existing columns come first, in their order. #}
{% macro select_of_feed(declaration, columns, first) -%}
    {%- set names = first | map('first') | list -%}
    {%- for name in columns if name not in names -%}
        {%- do names.append(name) -%}
    {%- endfor -%}
    select
        {% for name in names -%}
            {{ columns[name].select }} as {{ adapter.quote(name | replace('"', '""')) }}
            {{- ',' if not loop.last }}
        {% endfor -%}
    {% if declaration.kind == 'reference' -%}
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


{# An attribute cast to its type; null if it is invalid or empty. #}
{% macro typed_attribute(attributes, path, type) -%}
    {%- set value = attribute_text(attributes, path) -%}
    {%- if type == 'text' -%}
        {{ value }}
    {%- else -%}
        case
            when {{ value }} <> '' and {{ is_valid_attribute(value, "'" ~ type ~ "'") }}
                then {{ value }}::{{ type_of_attribute(type) }}
        end
    {%- endif -%}
{%- endmacro %}


{# Postgres's name of an attribute's type. #}
{% macro type_of_attribute(type) -%}
    {{ return({
        'integer': 'bigint', 'timestamp': 'timestamp with time zone', 'json': 'jsonb',
    }.get(type, type)) }}
{%- endmacro %}


{# A path as a column name that differs from the event fields. #}
{% macro column_of_attribute(path, taken) -%}
    {%- set name = path | replace('.', '_') -%}
    {{ return(('attribute_' ~ name) if name in taken or name == 'attributes' else name) }}
{%- endmacro %}


{% macro as_literal(text) -%}
    '{{ text | replace("'", "''") }}'
{%- endmacro %}
