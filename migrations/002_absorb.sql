-- What the writer and the sweeper call. The rows of calls and applications are
-- derived from steps, each step counted when it is inserted for the first time.

-- ivr.absorb takes the steps that the writer has copied into its temporary
-- table ivr_staging (call_id, seq, at, kind, node, detail) and gives, in the row
-- whose kind is null, how many of them were new, and in the others the
-- applications whose closing step was among them and which have an outcome now.
-- Steps that are here already change nothing, so a batch may be given twice; and
-- steps of one application may come in any order, and before or after
-- ivr.commit_order and ivr.resolve_order, which go before an app_closed step.
create function ivr.absorb(p_server text)
returns table (kind text, outcome text, detail text, test boolean, n bigint)
language plpgsql as $$
#variable_conflict use_column
declare
    v_day date;
begin
    -- What is committed leaves the spool: it must be on disk, whatever the database's default is.
    perform set_config('synchronous_commit', 'on', true);
    -- The day after as well, so that midnight finds its partition made.
    for v_day in select distinct (s.at at time zone 'UTC')::date + o.ahead from ivr_staging s, (values (0), (1)) o (ahead)
    loop
        perform ivr.make_partition(v_day);
    end loop;

    return query
    with fresh as (
        insert into ivr.steps as s (call_id, seq, at, kind, node, detail)
        select g.call_id, g.seq, g.at, g.kind, g.node,
               -- The caller's number goes to calls; a step has it masked only.
               case when g.kind = 'call_started' then g.detail - '{hash,enc}'::text[] else g.detail end
        from ivr_staging g
        on conflict do nothing
        returning s.call_id, s.seq, s.at, s.kind, s.node, s.detail
    ), call_facts as (
        -- A call gets a row from any step that matters, as its call_started may
        -- come later (or never, from a damaged spool).
        select f.call_id, min(f.at) as first_at,
               min(f.at) filter (where f.kind = 'call_started') as started_at,
               max(f.at) filter (where f.kind = 'call_ended') as ended_at,
               max(f.detail ->> 'reason') filter (where f.kind = 'call_ended') as end_reason,
               max(f.detail ->> 'server') filter (where f.kind = 'call_started') as server,
               (array_agg(f.detail ->> 'server' order by f.seq desc) filter (where f.kind = 'call_resumed'))[1] as resumed_by
        from fresh f
        where f.kind in ('call_started', 'call_resumed', 'call_ended', 'app_opened', 'app_bound', 'app_closed', 'app_left')
        group by f.call_id
    ), calls_merged as (
        insert into ivr.calls as c (call_id, started_at, ended_at, caller_masked, caller_hash, caller_enc,
                                    dialled, menu, menu_version, end_reason, test, server)
        select cf.call_id, coalesce(cf.started_at, cf.first_at), cf.ended_at, h.detail ->> 'caller',
               decode(h.detail ->> 'hash', 'hex'), decode(h.detail ->> 'enc', 'hex'),
               h.detail ->> 'dialled', h.detail ->> 'menu', h.detail ->> 'version', cf.end_reason,
               coalesce((h.detail ->> 'test')::boolean, false), coalesce(cf.resumed_by, cf.server, p_server)
        from call_facts cf
        -- From the staging table, as the step itself has lost the sealed number.
        left join lateral (select g.detail from ivr_staging g
            where cf.started_at is not null and g.call_id = cf.call_id and g.kind = 'call_started' limit 1) h on true
        order by cf.call_id
        on conflict (call_id) do update set
            started_at    = case when c.dialled is null then least(c.started_at, excluded.started_at) else c.started_at end,
            -- The call's own end replaces the one that a sweeper had to assume.
            ended_at      = coalesce(excluded.ended_at, c.ended_at),
            end_reason    = coalesce(excluded.end_reason, c.end_reason),
            caller_masked = coalesce(c.caller_masked, excluded.caller_masked),
            caller_hash   = coalesce(c.caller_hash, excluded.caller_hash),
            caller_enc    = coalesce(c.caller_enc, excluded.caller_enc),
            menu          = coalesce(c.menu, excluded.menu),
            menu_version  = coalesce(c.menu_version, excluded.menu_version),
            dialled       = coalesce(c.dialled, excluded.dialled),
            test          = c.test or excluded.test,
            -- Not excluded.server: a late step of the server that died does not make the call its own again.
            server        = coalesce((select cf.resumed_by from call_facts cf where cf.call_id = excluded.call_id), c.server)
    ), app_facts as (
        select f.call_id, f.call_id || '.' || (f.detail ->> 'app') as application_id,
               max(f.seq) filter (where f.kind = 'app_opened') as opened_seq,
               coalesce(max(f.at) filter (where f.kind = 'app_opened'), min(f.at)) as opened_at,
               (array_agg(f.detail) filter (where f.kind = 'app_opened'))[1] as o,
               coalesce(max(f.seq) filter (where f.kind = 'app_bound'), 0) as bound_seq,
               (array_agg(f.detail order by f.seq desc) filter (where f.kind = 'app_bound'))[1] as b,
               max(f.at) filter (where f.kind = 'app_closed') as closed_at,
               (array_agg(f.detail) filter (where f.kind = 'app_closed'))[1] as c,
               (array_agg(f.detail order by f.seq desc) filter (where f.kind in ('app_closed', 'app_left')))[1] as p,
               (array_agg(f.node order by f.seq desc))[1] as node,
               max(f.seq) as node_seq
        from fresh f
        where f.kind in ('app_opened', 'app_bound', 'app_closed', 'app_left')
        group by 1, 2
    ), apps_merged as (
        insert into ivr.applications as a (
            application_id, call_id, kind, service, action, bound_seq, opened_at, opened_seq,
            closed_at, outcome, outcome_detail, first_outcome, closed_by,
            node, prompt, prompt_ms, percent, no_input, invalid, replays, node_seq,
            menu_version, continues, test)
        select f.application_id, f.call_id, coalesce(f.b ->> 'kind', f.o ->> 'kind', 'undecided'),
               coalesce(f.b ->> 'service', ''), coalesce(f.b ->> 'action', ''), f.bound_seq, f.opened_at, f.opened_seq,
               f.closed_at, f.c ->> 'outcome', case when f.c is not null then coalesce(f.c ->> 'detail', '') end,
               f.c ->> 'outcome', case when f.c is not null then 'call' end,
               f.node, coalesce(f.p ->> 'prompt', ''), coalesce((f.p ->> 'ms')::int, 0), coalesce((f.p ->> 'percent')::int, 0),
               coalesce((f.c ->> 'no_input')::int, 0), coalesce((f.c ->> 'invalid')::int, 0), coalesce((f.c ->> 'replays')::int, 0),
               f.node_seq, coalesce(f.o ->> 'version', ''), f.call_id || '.' || (f.o ->> 'continues'),
               coalesce((f.o ->> 'test')::boolean, false)
        from app_facts f
        order by f.application_id
        on conflict (application_id) do update set
            kind = case when excluded.bound_seq > a.bound_seq then excluded.kind
                        -- What it opened as matters until it is bound, by the menu or by an order.
                        when excluded.opened_seq is not null and a.bound_seq = 0 and a.order_id is null then excluded.kind
                        else a.kind end,
            service = case when excluded.bound_seq > a.bound_seq then excluded.service else a.service end,
            action = case when excluded.bound_seq > a.bound_seq then excluded.action else a.action end,
            bound_seq = greatest(a.bound_seq, excluded.bound_seq),
            opened_at = case when excluded.opened_seq is not null then excluded.opened_at
                             when a.opened_seq is null then least(a.opened_at, excluded.opened_at)
                             else a.opened_at end,
            opened_seq = coalesce(excluded.opened_seq, a.opened_seq),
            menu_version = case when excluded.opened_seq is not null then excluded.menu_version else a.menu_version end,
            continues = coalesce(excluded.continues, a.continues),
            test = case when excluded.opened_seq is not null then excluded.test else a.test end,
            node = case when excluded.node_seq > a.node_seq then excluded.node else a.node end,
            node_seq = greatest(a.node_seq, excluded.node_seq),
            -- Closing steps alone carry these; a closed application has one of them.
            prompt = case when excluded.prompt <> '' then excluded.prompt else a.prompt end,
            prompt_ms = greatest(a.prompt_ms, excluded.prompt_ms),
            percent = greatest(a.percent, excluded.percent),
            no_input = greatest(a.no_input, excluded.no_input),
            invalid = greatest(a.invalid, excluded.invalid),
            replays = greatest(a.replays, excluded.replays),
            -- With an order, its Desk decides; without, the first that closed it.
            closed_at = case when a.order_id is null and a.outcome is null then excluded.closed_at else a.closed_at end,
            outcome = case when a.order_id is null and a.outcome is null then excluded.outcome else a.outcome end,
            outcome_detail = case when a.order_id is null and a.outcome is null then excluded.outcome_detail else a.outcome_detail end,
            first_outcome = case when a.order_id is null and a.outcome is null then excluded.first_outcome else a.first_outcome end,
            closed_by = case when a.order_id is null and a.outcome is null then excluded.closed_by else a.closed_by end
        returning a.application_id, a.kind, a.outcome, a.outcome_detail, a.test
    )
    select null::text, null::text, null::text, null::boolean, count(*) from fresh
    union all
    select m.kind, m.outcome, m.outcome_detail, m.test, count(*)
    from apps_merged m join app_facts f using (application_id)
    where f.p is not null and m.outcome is not null
    group by 1, 2, 3, 4;
end $$;

-- ivr.beat says that a server instance is there, and gives since when it has
-- said so without a gap of more than 45 s.
create function ivr.beat(p_server text) returns timestamptz language sql as $$
    insert into ivr.servers as s (server, since, beat_at) values (p_server, now(), now())
    on conflict (server) do update set
        since = case when s.beat_at < now() - interval '45 seconds' then now() else s.since end,
        beat_at = now()
    returning since
$$;

-- ivr.sweep closes what nobody will close any more: applications and calls that
-- are not among p_live and have had no step for p_quiet (or since before
-- p_booted, when their server's process started), of this server, and of those
-- whose beat has stopped. An application with an order takes its result or waits
-- for it. It gives what it closed, as ivr.absorb does, and in the row whose kind
-- is null the number of calls.
create function ivr.sweep(p_server text, p_live uuid[], p_quiet interval, p_booted timestamptz)
returns table (kind text, outcome text, detail text, test boolean, n bigint)
language plpgsql as $$
#variable_conflict use_column
declare
    v_steady boolean;
    v_lost uuid[];
    v_calls bigint;
begin
    -- Others are judged dead only by one that has had Postgres for a while itself:
    -- after an outage of Postgres every beat is old.
    select s.since < now() - interval '60 seconds' into v_steady from ivr.servers s where s.server = p_server;

    select coalesce(array_agg(c.call_id), '{}') into v_lost
    from ivr.calls c
    left join ivr.servers s on s.server = c.server
    cross join lateral (
        select coalesce(max(t.at), c.started_at) as at from ivr.steps t
        where t.call_id = c.call_id and t.at >= c.started_at - interval '1 day') last
    where c.call_id in (select u.call_id from ivr.calls u where u.ended_at is null
                        union select a.call_id from ivr.applications a where a.outcome is null)
      and c.call_id <> all (p_live)
      and case when c.server = p_server then last.at < greatest(now() - p_quiet, p_booted)
               else coalesce(v_steady, false) and last.at < now() - p_quiet
                    and coalesce(s.beat_at < now() - interval '45 seconds', true) end;

    return query
    with resolved as (
        update ivr.applications a
        set outcome = o.result_outcome, outcome_detail = o.result_detail, first_outcome = o.result_outcome,
            closed_at = now(), closed_by = 'sweeper'
        from ivr.orders o
        where a.outcome is null and a.order_id = o.order_id and o.state in ('done', 'rejected', 'failed')
          and a.call_id = any (v_lost)
        returning a.kind, a.outcome, a.outcome_detail, a.test
    ), lost as (
        update ivr.applications a
        set outcome = 'system_failed', outcome_detail = 'platform', first_outcome = 'system_failed',
            closed_at = now(), closed_by = 'sweeper'
        where a.outcome is null and a.order_id is null and a.call_id = any (v_lost)
        returning a.kind, a.outcome, a.outcome_detail, a.test
    )
    select r.kind, r.outcome, r.outcome_detail, r.test, count(*)
    from (select * from resolved union all select * from lost) r group by 1, 2, 3, 4;

    update ivr.calls c
    set end_reason = 'server_died',
        ended_at = coalesce((select max(t.at) from ivr.steps t
                             where t.call_id = c.call_id and t.at >= c.started_at - interval '1 day'), c.started_at)
    where c.call_id = any (v_lost) and c.ended_at is null;
    get diagnostics v_calls = row_count;
    return query select null::text, null::text, null::text, null::boolean, v_calls;
end $$;

-- ivr.steps_since is the begin of the oldest day whose steps are still here;
-- infinity where there are none.
create function ivr.steps_since() returns timestamptz language sql stable as $$
    select coalesce(min(to_date(substr(c.relname, 7), 'YYYYMMDD')::timestamp at time zone 'UTC'), 'infinity')
    from pg_inherits i join pg_class c on c.oid = i.inhrelid
    where i.inhparent = 'ivr.steps'::regclass
$$;

-- ivr.conservation proves that no application is lost: opened is counted from the
-- steps, closed and open from the applications. Period: [p_from, p_to) by opened_at.
-- difference must be 0. Days whose steps have been dropped are left out: they prove
-- nothing any more. overdue are applications still open, without an order, two
-- minutes after their call has ended: nobody sweeps. It must be 0 too.
create function ivr.conservation(p_from timestamptz, p_to timestamptz)
returns table (opened bigint, closed bigint, open bigint, difference bigint, overdue bigint)
language sql stable as $$
    with s as (
        select count(*) as opened from ivr.steps where kind = 'app_opened' and at >= p_from and at < p_to
    ), a as (
        select count(*) filter (where outcome is not null) as closed,
               count(*) filter (where outcome is null) as open,
               count(*) filter (where outcome is null and order_id is null and exists (
                   select 1 from ivr.calls c where c.call_id = a.call_id and c.ended_at < now() - interval '2 minutes')) as overdue
        from ivr.applications a
        where opened_seq is not null and opened_at >= greatest(p_from, ivr.steps_since()) and opened_at < p_to
    )
    select s.opened, a.closed, a.open, s.opened - a.closed - a.open, a.overdue from s, a
$$;
