-- How prompts are understood (see the package comment for what the figures mean).
--   $1 from, $2 to, $3 test, $4 begin of the version, $5 until when their steps come,
--   $6 menus and $7 the first language of each, $8 endings, $9 milliseconds a frame
with call as materialized (
    select c.call_id, coalesce(encode(c.caller_hash, 'hex'), c.call_id::text) as caller, coalesce(f.language, '') as spoken
    from ivr.calls c left join unnest($6::text[], $7::text[]) f (menu, language) on f.menu = c.menu
    where c.started_at >= $1 and c.started_at < $2 and c.test = $3 and starts_with(coalesce(c.menu_version, ''), $4)
),
-- Each step with the announcement before it (play: its seq and id in one number, so that the
-- newest is the largest) and the language at that time.
step as (
    select s.call_id, s.seq, s.at, s.kind, s.node, s.detail,
           max(s.seq::bigint << 32 | (s.detail ->> 'id')::bigint) filter (where s.kind = 'play') over w as play,
           coalesce(substr(max(lpad(s.seq::text, 10, '0') || (s.detail ->> 'language')) filter (where s.kind = 'speak') over w, 11),
                    c.spoken) as language
    from ivr.steps s join call c on c.call_id = s.call_id
    where s.at >= $1 and s.at < $5
      and s.kind in ('play', 'key', 'played', 'missed', 'replayed', 'left', 'closing', 'call_resumed', 'speak', 'app_closed')
    window w as (partition by s.call_id order by s.seq)
),
-- What came between an announcement and the next one. at is how far it was heard last: step,
-- which of its refs (from 0), milliseconds of that.
part as (
    select call_id, play,
           min(s.at) as begun,
           max(node) filter (where kind = 'play') as node,
           max(language) filter (where kind = 'play') as language,
           (array_agg(detail -> 'refs') filter (where kind = 'play'))[1] as refs,
           bool_or(kind = 'play' and detail ? 'asks') as asks,
           bool_or(kind = 'played' and (detail ->> 'id')::bigint = play & 4294967295 and not detail ? 'failed') as whole,
           max(array[seq, (detail ->> 'ref')::int, (detail ->> 'ms')::int])
               filter (where kind in ('key', 'played', 'left', 'closing') and (detail ->> 'play')::bigint = play & 4294967295) as at,
           (array_agg(detail ->> 'why' order by seq) filter (where kind = 'missed'))[1] as missed,
           bool_or(kind = 'key') as pressed,
           bool_or(kind = 'replayed') as replayed,
           bool_or(kind in ('closing', 'call_resumed')) as cut,
           bool_or(kind = 'left' and detail ->> 'why' = 'caller')
               and bool_or(kind = 'app_closed' and detail ->> 'outcome' = 'abandoned') as hung_up
    from step s
    where play is not null
    group by call_id, play
),
-- answer: 0 valid, 1 no key, 2 keys that mean nothing, 3 hung up; null for none.
hearing as (
    select *, coalesce(at[2], 0) as ref,
           case when cut then null
                when hung_up and missed is null then 3
                when not asks then null
                when missed = 'no_input' then 1
                when missed = 'no_match' then 2
                when pressed and lead(play) over w is not null then 0
           end as answer,
           coalesce(lag(replayed) over w, false) as again,
           coalesce(lag(missed) over w is not null, false) as after_error
    from part
    window w as (partition by call_id order by play)
),
-- The prompts that were begun in each, in their order; values such as money(650) are none.
piece as (
    select h.call_id, h.play, h.begun, h.node, h.asks, h.answer, h.again, h.after_error, o.i,
           case when o.ref like '%:%' then split_part(o.ref, ':', 1) else h.language end as language,
           case when o.ref like '%:%' then split_part(o.ref, ':', 2) else o.ref end as prompt,
           h.whole or o.i <= h.ref as to_end,
           case when h.at is not null and o.i = h.ref + 1 then h.at[3] end as ms
    from hearing h cross join jsonb_array_elements_text(h.refs) with ordinality o (ref, i)
    where (h.whole or o.i <= h.ref + 1) and o.ref not like '%(%'
),
-- How long prompts are: as the version says that was live, else the most that was heard.
live as materialized (
    select p.since, p.until, l.key as language, e.key as prompt, (e.value ->> 'ms')::int as ms
    from (select release, at as since, lead(at) over (order by seq) as until from ivr.publications) p
    join ivr.releases r using (release)
    cross join jsonb_each(coalesce(r.manifest, '{}')) l cross join jsonb_each(l.value) e
    where p.since < $5 and (p.until is null or p.until > $1)
),
most as (
    select language, prompt, max(ms) as ms from piece group by 1, 2
),
heard as materialized (
    select p.*, p.prompt = any ($8::text[]) as ending, coalesce(l.ms, m.ms) as length,
           case when p.to_end then coalesce(l.ms, m.ms) else p.ms end as listened
    from piece p
    left join live l on l.language = p.language and l.prompt = p.prompt
        and p.begun >= l.since and (l.until is null or p.begun < l.until)
    left join most m on m.language = p.language and m.prompt = p.prompt
),
-- The prompt that each failed answer is put down to: the last that is no ending.
failure as (
    select distinct on (call_id, play) language, prompt, node, answer, listened
    from heard where answer > 0 and not ending
    order by call_id, play, i desc
),
of_call as (
    select language, prompt, call_id, count(*) as heard, count(*) filter (where again) as replays,
           -- (the first hearing that was answered, its answer)
           min(array[play, answer]) filter (where asks and answer is not null and not after_error) as first
    from heard group by language, prompt, call_id
),
of_prompt as (
    select language, prompt, sum(heard)::bigint as heard, count(distinct caller) as callers, sum(replays)::bigint as replays,
           count(*) filter (where first[2] = 0) as valid, count(*) filter (where first[2] = 1) as no_input,
           count(*) filter (where first[2] = 2) as no_match, count(*) filter (where first[2] = 3) as hung_up
    from of_call join call using (call_id)
    group by language, prompt
),
listened as (
    select language, prompt, percentile_disc(0.5) within group (order by listened) as median,
           percentile_disc(0.9) within group (order by listened) as p90, max(length) as length
    from heard group by language, prompt
),
failed as (
    select language, prompt, count(*) as all, count(*) filter (where answer = 1) as no_input,
           count(*) filter (where answer = 2) as no_match, count(*) filter (where answer = 3) as hung_up
    from failure group by language, prompt
),
frame as (
    select language, prompt, array_agg(frame order by frame) as frames, array_agg(n order by frame) as counts
    from (select language, prompt, (listened / $9)::bigint as frame, count(*) as n
          from failure where listened is not null group by 1, 2, 3) f
    group by language, prompt
),
node as (
    select language, prompt, array_agg(node order by failed desc, heard desc, node) as nodes,
           array_agg(heard order by failed desc, heard desc, node) as heard,
           array_agg(failed order by failed desc, heard desc, node) as failed
    from (select language, prompt, node, sum(heard)::bigint as heard, sum(failed)::bigint as failed
          from (select language, prompt, node, count(*) as heard, 0 as failed from heard group by 1, 2, 3
                union all select language, prompt, node, 0, count(*) from failure group by 1, 2, 3) b
          group by 1, 2, 3) n
    group by language, prompt
)
select language, prompt, p.heard, p.callers, p.replays, p.valid, p.no_input, p.no_match, p.hung_up,
       coalesce(f.no_input, 0), coalesce(f.no_match, 0), coalesce(f.hung_up, 0),
       l.median, l.p90, l.length, coalesce(r.frames, '{}'), coalesce(r.counts, '{}'), n.nodes, n.heard, n.failed
from of_prompt p
join listened l using (language, prompt)
join node n using (language, prompt)
left join failed f using (language, prompt)
left join frame r using (language, prompt)
order by coalesce(f.all, 0) desc, language, prompt
