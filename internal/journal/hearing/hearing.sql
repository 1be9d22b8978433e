-- How prompts are understood (see the package comment for what the figures mean).
--   $1 from, $2 to, $3 test, $4 begin of the version, $5 until when their steps come,
--   $6 menus and $7 the first language of each, $8 endings, $9 milliseconds a frame
-- An announcement has a dozen prompts and is said thousands of times: what does not need
-- to be known of each call is counted by announcement, and by prompt only then.
with call as materialized (
    select c.call_id, c.started_at, row_number() over ()::int as call, dense_rank() over (order by coalesce(encode(c.caller_hash, 'hex'), c.call_id::text))::int as caller,
           coalesce(f.language, '') as spoken,
           -- What was live when the call began is what it hears to its end.
           (select p.release from ivr.publications p where p.at <= c.started_at order by p.at desc, p.seq desc limit 1) as release
    from ivr.calls c left join unnest($6::text[], $7::text[]) f (menu, language) on f.menu = c.menu
    where c.started_at >= $1 and c.started_at < $2 and c.test = $3 and ($4 = '' or starts_with(c.menu_version, $4))
),
-- Each step with the announcement before it (play: its seq and id in one number, so that the
-- newest is the largest) and the language at that time.
step as (
    select c.call, c.spoken, s.seq, s.kind, s.node, s.detail,
           max(s.seq::bigint << 32 | (s.detail ->> 'id')::bigint) filter (where s.kind = 'play') over w as play,
           substr(max(lpad(s.seq::text, 10, '0') || (s.detail ->> 'language')) filter (where s.kind = 'speak') over w, 11) as chosen
    from ivr.steps s join call c on c.call_id = s.call_id
    where s.at >= $1 and s.at < $5
      and s.kind in ('play', 'key', 'played', 'missed', 'replayed', 'left', 'closing', 'call_resumed', 'speak', 'app_closed')
    window w as (partition by c.call order by s.seq)
),
-- What came between an announcement and the next one. at is how far it was heard last: step,
-- which of its refs (from 0), milliseconds of that.
part as (
    select call, play,
           max(node) filter (where kind = 'play') as node,
           max(coalesce(chosen, spoken)) filter (where kind = 'play') as language,
           (array_agg(detail -> 'refs') filter (where kind = 'play'))[1] as refs,
           bool_or(kind = 'play' and detail ? 'asks') as asks,
           bool_or(kind = 'played' and (detail ->> 'id')::bigint = play & 4294967295 and not detail ? 'failed') as whole,
           bool_or(kind = 'played' and (detail ->> 'id')::bigint = play & 4294967295 and detail ? 'failed') as failed,
           max(array[seq, (detail ->> 'ref')::int, (detail ->> 'ms')::int])
               filter (where kind in ('key', 'played', 'left', 'closing') and (detail ->> 'play')::bigint = play & 4294967295) as at,
           (array_agg(detail ->> 'why' order by seq) filter (where kind = 'missed'))[1] as missed,
           bool_or(kind = 'key') as pressed,
           bool_or(kind = 'replayed') as replayed,
           bool_or(kind in ('closing', 'call_resumed')) as cut,
           -- Who leaves with nothing open was done.
           bool_or(kind = 'left') and bool_or(kind = 'app_closed' and detail ->> 'outcome' = 'abandoned') as hung_up
    from step
    where play is not null
    group by call, play
),
-- How much of it was begun, how much heard to the end (refs, counted from 1), and the
-- milliseconds of the one that was heard last. answer: 0 valid, 1 no key, 2 keys that mean
-- nothing, 3 hung up; null for none.
hearing as materialized (
    select p.call, c.release, p.play, p.node, p.language, p.refs, hashtextextended(p.language || p.refs::text, 0) as announcement, p.asks,
           case when p.whole then jsonb_array_length(p.refs) else coalesce(p.at[2], 0) + 1 end as begun,
           case when p.whole then jsonb_array_length(p.refs) else coalesce(p.at[2], 0) end as ended,
           p.at[2] + 1 as last, p.at[3] as ms,
           case when p.cut or p.failed then null
                when p.hung_up and p.missed is null then 3
                when not p.asks then null
                when p.missed = 'no_input' then 1
                when p.missed = 'no_match' then 2
                when p.pressed and lead(p.play) over w is not null then 0
           end as answer,
           -- One that failed is said once more, for the same reason as before.
           coalesce(lag(p.replayed) over w or lag(p.failed) over w and lag(p.replayed, 2) over w, false) as again,
           coalesce(lag(p.missed) over w is not null or lag(p.failed) over w and lag(p.missed, 2) over w is not null, false) as after_error
    from part p join call c using (call)
    window w as (partition by p.call order by p.play)
),
-- What each announcement says; values such as money(650) are no prompts.
said as materialized (
    select a.announcement, o.i::int as i,
           case when o.ref like '%:%' then split_part(o.ref, ':', 1) else a.language end as language,
           case when o.ref like '%:%' then split_part(o.ref, ':', 2) else o.ref end as id
    from (select announcement, language, refs from hearing group by 1, 2, 3) a
    cross join jsonb_array_elements_text(a.refs) with ordinality o (ref, i)
    where o.ref not like '%(%'
),
prompt as materialized (
    select language, id, row_number() over ()::int as prompt, id = any ($8::text[]) as ending
    from said group by language, id
),
word as materialized (
    select s.announcement, s.i, p.prompt, p.ending from said s join prompt p using (language, id)
),
alike as materialized (
    select release, announcement, node, begun, ended, again, count(*) as n from hearing group by 1, 2, 3, 4, 5, 6
),
-- How long prompts are, and what they say: as the version says that the call heard, else the most that was heard.
most as materialized (
    select w.prompt, nullif(max(h.ms), 0) as ms
    from (select announcement, last, max(ms) as ms from hearing group by 1, 2) h
    join word w on w.announcement = h.announcement and w.i = h.last
    group by 1
),
length as materialized (
    select r.release, r.last, p.prompt, coalesce(l.ms, m.ms) as ms, l.text
    from (select release, max(started_at) as last from call group by 1) r cross join prompt p
    left join most m using (prompt)
    left join (select r.release, l.key as language, e.key as id, (e.value ->> 'ms')::int as ms, e.value ->> 'text' as text
               from ivr.releases r cross join jsonb_each(coalesce(r.manifest, '{}')) l cross join jsonb_each(l.value) e
               where r.release in (select release from call)) l
        on l.release = r.release and l.language = p.language and l.id = p.id
),
listened as (
    select w.prompt, t.ms, sum(a.n)::bigint as n
    from alike a join word w on w.announcement = a.announcement and w.i <= a.ended
    join length t on t.prompt = w.prompt and t.release is not distinct from a.release
    where t.ms is not null
    group by 1, 2
    union all
    select w.prompt, h.ms, h.n
    from (select announcement, begun, ms, count(*) as n from hearing where ended < begun and ms is not null group by 1, 2, 3) h
    join word w on w.announcement = h.announcement and w.i = h.begun
),
-- The prompt that each failed answer is put down to: the last that is no ending.
failure as materialized (
    select f.prompt, h.node, h.answer, case when f.i <= h.ended then t.ms else h.ms end as ms
    from hearing h
    join (select distinct on (b.announcement, b.begun) b.announcement, b.begun, w.i, w.prompt
          from (select distinct announcement, begun from hearing where answer > 0) b
          join word w on w.announcement = b.announcement and w.i <= b.begun and not w.ending
          order by b.announcement, b.begun, w.i desc) f on f.announcement = h.announcement and f.begun = h.begun
    join length t on t.prompt = f.prompt and t.release is not distinct from h.release
    where h.answer > 0
),
of_call as (
    select w.prompt, h.call,
           -- The first hearing that was answered (its seq), and in the last two bits its answer.
           min((h.play >> 32) * 4 + h.answer) filter (where h.asks and not h.after_error) & 3 as first
    from hearing h join word w on w.announcement = h.announcement and w.i <= h.begun
    group by w.prompt, h.call
),
of_prompt as (
    select o.prompt, count(distinct c.caller) as callers,
           count(*) filter (where o.first = 0) as valid, count(*) filter (where o.first = 1) as no_input,
           count(*) filter (where o.first = 2) as no_match, count(*) filter (where o.first = 3) as hung_up
    from of_call o join call c using (call)
    group by o.prompt
),
total as (
    select w.prompt, sum(a.n)::bigint as heard, coalesce(sum(a.n) filter (where a.again), 0)::bigint as replays
    from alike a join word w on w.announcement = a.announcement and w.i <= a.begun
    group by w.prompt
),
middle as (
    select prompt, min(ms) filter (where 2 * so_far >= of_all) as median, min(ms) filter (where 10 * so_far >= 9 * of_all) as p90
    from (select prompt, ms, sum(n) over (partition by prompt order by ms) as so_far, sum(n) over (partition by prompt) as of_all
          from listened) s
    group by prompt
),
longest as (
    select prompt, max(ms) as ms, coalesce((array_agg(text order by last desc) filter (where text is not null))[1], '') as text,
           count(distinct text) as texts
    from length group by prompt
),
failed as (
    select prompt, count(*) as all, count(*) filter (where answer = 1) as no_input,
           count(*) filter (where answer = 2) as no_match, count(*) filter (where answer = 3) as hung_up
    from failure group by prompt
),
frame as (
    select prompt, array_agg(frame order by frame) as frames, array_agg(n order by frame) as counts
    from (select prompt, (ms / $9)::bigint as frame, count(*) as n from failure where ms is not null group by 1, 2) f
    group by prompt
),
node as (
    select prompt, array_agg(node order by failed desc, heard desc, node) as nodes,
           array_agg(heard order by failed desc, heard desc, node) as heard,
           array_agg(failed order by failed desc, heard desc, node) as failed
    from (select prompt, node, sum(heard)::bigint as heard, sum(failed)::bigint as failed
          from (select w.prompt, a.node, sum(a.n) as heard, 0 as failed
                from alike a join word w on w.announcement = a.announcement and w.i <= a.begun group by 1, 2
                union all select prompt, node, 0, count(*) from failure group by 1, 2) b
          group by 1, 2) n
    group by prompt
)
select d.language, d.id, l.text, l.texts, t.heard, p.callers, t.replays, p.valid, p.no_input, p.no_match, p.hung_up,
       coalesce(f.no_input, 0), coalesce(f.no_match, 0), coalesce(f.hung_up, 0),
       m.median, m.p90, l.ms, coalesce(r.frames, '{}'), coalesce(r.counts, '{}'), n.nodes, n.heard, n.failed
from prompt d
join of_prompt p using (prompt)
join total t using (prompt)
join node n using (prompt)
join longest l using (prompt)
left join middle m using (prompt)
left join failed f using (prompt)
left join frame r using (prompt)
order by coalesce(f.all, 0) desc, d.language, d.id
