-- What calls leave behind for afterwards: how content callers are, whom to call
-- back, and which language a number was spoken to in last. All of it comes from steps.

-- A superset of what holds already, so what is here need not be read again.
alter table ivr.steps drop constraint steps_kind_check;
alter table ivr.steps add constraint steps_kind_check check (kind in (
    'call_started', 'call_resumed',
    'started', 'key', 'played', 'timeout', 'committed', 'answered', 'seen', 'returned', 'left', 'closing',
    'refused', -- of earlier versions; returned now
    'node', 'play', 'stop', 'timer', 'submit', 'ask', 'verify', 'look', 'transfer', 'speak', 'rated', 'call_back',
    'app_opened', 'app_bound', 'app_closed', 'app_left', 'call_ended')) not valid;

-- How content callers are (satisfaction, 1 to 5): once for each survey of a call.
-- service is what the call was about last, '' for nothing.
create table ivr.ratings (
    call_id      uuid        not null,
    seq          integer     not null, -- the step
    at           timestamptz not null,
    service      text        not null,
    score        smallint    not null check (score between 1 and 5),
    menu_version text        not null,
    test         boolean     not null default false,
    primary key (call_id, seq)
);
create index ratings_at on ivr.ratings (at);

-- Whom to call back, by the queue whose people do it. One who has done so sets
-- done_at. caller_hash and caller_enc are null where the number was withheld.
create table ivr.callbacks (
    id            text        primary key, -- call_id || '.' || number of the step
    call_id       uuid        not null,
    at            timestamptz not null,
    queue         text        not null,
    service       text        not null,
    caller_masked text        not null,
    caller_hash   bytea,
    caller_enc    bytea,
    test          boolean     not null default false,
    done_at       timestamptz check (done_at >= at)
);
create index callbacks_waiting on ivr.callbacks (queue, at) where done_at is null;

-- The language that a number's caller chose last.
create table ivr.remembered (
    caller_hash bytea       primary key,
    language    text        not null,
    at          timestamptz not null
);

-- ivr.absorb is what it was, and takes those three from the batch before. The
-- caller's number goes into their rows; the steps keep it masked only. A batch may
-- be given twice, and batches in any order.
alter function ivr.absorb(text) rename to absorb_calls;
create function ivr.absorb(p_server text)
returns table (kind text, outcome text, detail text, test boolean, n bigint)
language plpgsql as $$
#variable_conflict use_column
begin
    -- Durable before the spool lets go of it, as in absorb_calls.
    perform set_config('synchronous_commit', 'on', true);
    perform from ivr_staging g where g.kind in ('speak', 'rated', 'call_back');
    if found then
        insert into ivr.ratings (call_id, seq, at, service, score, menu_version, test)
        select g.call_id, g.seq, g.at, g.detail ->> 'service', (g.detail ->> 'score')::smallint,
               g.detail ->> 'version', (g.detail ->> 'test')::boolean
        from ivr_staging g where g.kind = 'rated'
        order by g.call_id, g.seq
        on conflict do nothing;

        insert into ivr.callbacks (id, call_id, at, queue, service, caller_masked, caller_hash, caller_enc, test)
        select g.call_id || '.' || g.seq, g.call_id, g.at, g.detail ->> 'queue', g.detail ->> 'service', g.detail ->> 'caller',
               decode(g.detail ->> 'hash', 'hex'), decode(g.detail ->> 'enc', 'hex'), (g.detail ->> 'test')::boolean
        from ivr_staging g where g.kind = 'call_back'
        order by 1
        on conflict do nothing;

        insert into ivr.remembered as r (caller_hash, language, at)
        select distinct on (1) decode(g.detail ->> 'hash', 'hex'), g.detail ->> 'language', g.at
        from ivr_staging g where g.kind = 'speak' and g.detail ? 'hash'
        order by 1, g.at desc, g.seq desc
        on conflict (caller_hash) do update set language = excluded.language, at = excluded.at
        where r.at < excluded.at;

        update ivr_staging g set detail = g.detail - '{hash,enc}'::text[] where g.kind in ('speak', 'call_back');
    end if;
    return query select a.kind, a.outcome, a.detail, a.test, a.n from ivr.absorb_calls(p_server) a;
end $$;
