-- Stand-ins for Citus on plain PostgreSQL: the table by which the service recognizes it, and the functions that the
-- service and migrations/scale call. The calls for tables are recorded.

set allow_system_table_mods = on;
create table pg_catalog.pg_dist_node (
    nodeid           integer primary key,
    nodename         text    not null,
    nodeport         integer not null,
    shouldhaveshards boolean not null,
    -- Of the stand-in only: whether the node answers, and the unsafe settings that are off there.
    answers          boolean not null default true,
    off              text    not null default ''
);
reset allow_system_table_mods;
insert into pg_dist_node (nodeid, nodename, nodeport, shouldhaveshards)
values (1, 'coordinator', 5432, false), (2, 'worker-1', 5432, true), (3, 'worker-2', 5432, true);
grant select on pg_dist_node to public;

create schema stand_in;
create table stand_in.asked (what text, name text, by_column text, beside text);
grant usage on schema stand_in to public;
grant insert on stand_in.asked to public;

create function create_distributed_table(name regclass, by_column text, colocate_with text default null)
returns void language sql as $$
    insert into stand_in.asked values ('distributed', name, by_column, colocate_with)
$$;
create function create_reference_table(name regclass) returns void language sql as $$
    insert into stand_in.asked values ('reference', name)
$$;
create function undistribute_table(name regclass) returns void language sql as $$
    insert into stand_in.asked values ('local', name)
$$;
create function create_distributed_function(name regprocedure) returns void language sql as $$
    insert into stand_in.asked values ('function', name)
$$;
create function run_command_on_all_nodes(command text)
returns table (nodeid integer, success boolean, result text) language plpgsql as $$
#variable_conflict use_column
declare
    here text;
begin
    execute command into here;
    return query select nodeid, answers, case when answers then trim(here || ' ' || off) else 'connection refused' end
                 from pg_dist_node;
end
$$;
