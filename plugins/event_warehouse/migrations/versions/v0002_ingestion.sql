-- The declaration is kept with the apply: the models of one apply run one after
-- another, and one that is mended meanwhile must not be read by half of them.
alter table ledger.applies add column declaration jsonb;
update ledger.applies as applies set declaration = feeds.declaration
from raw.loads as loads
inner join raw.feeds as feeds on loads.feed_id = feeds.feed_id
where applies.load_id = loads.load_id;
alter table ledger.applies alter column declaration set not null;
comment on column ledger.applies.declaration is
'The feed''s declaration that the apply''s records are cast by.';

alter table raw.loads
add column file_time timestamptz,
add column unknown_fields text[] not null default '{}',
add column missing_fields text[] not null default '{}',
add column header bytea,
add column replays_load_id bigint references raw.loads;
comment on column raw.loads.file_time is
'When the file was last changed where it came from.';
comment on column raw.loads.unknown_fields is
'Input fields that the feed does not declare; their values are in attributes.';
comment on column raw.loads.missing_fields is
'Declared input fields that no record of the file has.';
comment on column raw.loads.header is
'The first line of a CSV file, by which its rejected lines can be read again.';
comment on column raw.loads.replays_load_id is
'Where rejected lines were read again: the load that rejected them.';

alter table raw.rejected_lines add column replayed_by bigint references raw.loads;
comment on column raw.rejected_lines.replayed_by is
'The load that has the line as a row since; null while it is open.';
create index rejected_lines_replayed_by on raw.rejected_lines (replayed_by)
where replayed_by is not null;

create table raw.stripped_lines (
    load_id bigint not null,
    line_number integer not null,
    line bytea not null,
    received_at timestamptz not null default now(),
    primary key (load_id, line_number)
);
comment on table raw.stripped_lines is
'Records as they arrived, of which NUL characters were left out.
Grain: one row per line.';

create table raw.copies (
    feed_id smallint not null references raw.feeds,
    uri text not null,
    file_version text,
    load_id bigint not null references raw.loads,
    found_at timestamptz not null default now(),
    primary key (feed_id, uri)
);
comment on table raw.copies is
'Files whose content was loaded already, from another file or before they were touched.
Grain: one row per feed and file.';

grant select, insert, update on raw.copies to warehouse_loader;
grant select on raw.copies to warehouse_transformer;
grant select, insert on raw.stripped_lines to warehouse_loader;
grant update (replayed_by) on raw.rejected_lines to warehouse_loader;
grant select on raw.stripped_lines to warehouse_transformer;
