-- Steps are kept for a while and applications for ever. Where the steps of a day
-- have been dropped, they cannot prove any more how many applications were opened.

-- ivr.steps_since is the begin of the oldest day whose steps are still here;
-- infinity where there are none.
create function ivr.steps_since() returns timestamptz language sql stable as $$
    select coalesce(min(to_date(substr(c.relname, 7), 'YYYYMMDD')::timestamp at time zone 'UTC'), 'infinity')
    from pg_inherits i join pg_class c on c.oid = i.inhrelid
    where i.inhparent = 'ivr.steps'::regclass
$$;

-- As before, but of the days only whose steps are here.
create or replace function ivr.conservation(p_from timestamptz, p_to timestamptz)
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

---- create above / drop below ----

drop function ivr.steps_since();
