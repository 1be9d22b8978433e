-- The journal's tables. Every closed set is enforced here, so that no program,
-- and no person with psql, can store a word that the reports do not know.

-- Reference: the pairs of outcome and detail (orders.Results). Detail '' stands
-- for "has none"; a null would slip through the foreign key.
create table ivr.outcomes (
    outcome text not null,
    detail  text not null,
    primary key (outcome, detail)
);
insert into ivr.outcomes (outcome, detail) values
    ('success', 'confirmed'), ('success', 'reconciled'),
    ('rejected', 'already_open'), ('rejected', 'not_open'), ('rejected', 'insufficient_balance'),
    ('rejected', 'ineligible'), ('rejected', 'other'),
    ('auth_failed', 'wrong_password'), ('auth_failed', 'locked'),
    ('input_failed', 'no_input'), ('input_failed', 'invalid'), ('input_failed', 'mixed'),
    ('abandoned', 'during_prompt'), ('abandoned', 'after_prompt'), ('abandoned', 'during_wait'),
    ('cancelled', ''),
    ('escalated', 'requested'), ('escalated', 'forced'),
    ('switched', ''),
    ('system_failed', 'boss_timeout'), ('system_failed', 'boss_error'), ('system_failed', 'boss_unavailable'),
    ('system_failed', 'media'), ('system_failed', 'switch'), ('system_failed', 'platform'),
    ('unknown', '');

-- One row per server instance that writes here. beat_at is renewed at every
-- sweep; since is the begin of an unbroken row of beats. Without both, the first
-- server back after an outage of Postgres would take all others for dead.
create table ivr.servers (
    server  text primary key,
    since   timestamptz not null,
    beat_at timestamptz not null
);

-- dialled, menu, menu_version and caller_masked are null until the call's
-- call_started step is here: a later step may have come by another spool.
create table ivr.calls (
    call_id       uuid primary key,
    started_at    timestamptz not null,
    ended_at      timestamptz,
    caller_masked text,
    caller_hash   bytea,
    caller_enc    bytea,
    dialled       text,
    menu          text,
    menu_version  text,
    end_reason    text check (end_reason in ('finished', 'hung_up', 'gave_up', 'transferred', 'timed_out',
                                             'media_lost', 'switch_lost', 'server_stopped', 'server_died')),
    test          boolean not null default false,
    server        text not null,
    check ((ended_at is null) = (end_reason is null))
);
create index calls_started_at on ivr.calls (started_at);
create index calls_unended on ivr.calls (server) where ended_at is null;
create index calls_caller on ivr.calls (caller_hash, started_at);

-- A step per event and effect, numbered from 1 without gaps within its call.
-- A foreign key or reference table for kind would cost a look-up a step.
create table ivr.steps (
    call_id uuid        not null,
    seq     integer     not null check (seq > 0),
    at      timestamptz not null,
    kind    text        not null check (kind in (
        'call_started', 'call_resumed',
        'started', 'key', 'played', 'timeout', 'committed', 'answered', 'refused', 'left', 'closing',
        'node', 'play', 'stop', 'timer', 'submit', 'ask', 'transfer',
        'app_opened', 'app_bound', 'app_closed', 'app_left', 'call_ended')),
    node    text        not null,
    detail  jsonb       not null,
    primary key (call_id, seq, at)
) partition by range (at);
-- For conservation: how many applications were opened, counted from the steps alone.
create index steps_app_opened on ivr.steps (at) where kind = 'app_opened';

-- ivr.make_partition makes the partition of one day (UTC) unless it is there.
-- Attaching a finished table takes a lock that inserts do not wait for.
create function ivr.make_partition(p_day date) returns void language plpgsql as $$
declare
    v_name text := 'steps_' || to_char(p_day, 'YYYYMMDD');
begin
    if to_regclass('ivr.' || v_name) is not null then
        return;
    end if;
    perform pg_advisory_xact_lock(hashtext('ivr.make_partition'));
    -- Another server may have made it while we waited. Not by to_regclass: the
    -- session may remember that there was none.
    perform from pg_catalog.pg_class where relname = v_name and relnamespace = 'ivr'::regnamespace;
    if found then
        return;
    end if;
    execute format('create table ivr.%I (like ivr.steps including defaults including constraints)', v_name);
    execute format('alter table ivr.steps attach partition ivr.%I for values from (%L) to (%L)', v_name,
        p_day::timestamp at time zone 'UTC', (p_day + 1)::timestamp at time zone 'UTC');
end $$;

-- An order's life: pending (the intent is durable) -> sent (the BOSS may act from
-- here on) -> done | rejected | failed, or unknown first and one of those later.
create table ivr.orders (
    order_id        uuid primary key,
    idempotency_key text        not null unique,
    call_id         uuid        not null,
    msisdn_masked   text        not null,
    msisdn_hash     bytea       not null,
    msisdn_enc      bytea       not null,
    service         text        not null,
    action          text        not null check (action in ('open', 'close', 'apply', 'change', 'reset')),
    price           bigint      not null, -- fen
    state           text        not null default 'pending'
                    check (state in ('pending', 'sent', 'unknown', 'done', 'rejected', 'failed')),
    result_outcome  text,
    result_detail   text,
    boss_ref        text        not null default '',
    attempts        integer     not null default 0,
    worker          text,        -- who holds the lease, until locked_until
    locked_until    timestamptz,
    next_try_at     timestamptz not null default now(),
    created_at      timestamptz not null default now(),
    resolved_at     timestamptz,
    test            boolean     not null default false,
    foreign key (result_outcome, result_detail) references ivr.outcomes (outcome, detail),
    check ((result_outcome is null) = (state in ('pending', 'sent'))),
    check ((result_outcome is null) = (result_detail is null)),
    check ((resolved_at is not null) = (state in ('done', 'rejected', 'failed')))
);
-- Joining: at most one unresolved order for a number, service and action.
create unique index orders_unresolved on ivr.orders (msisdn_hash, service, action)
    where state in ('pending', 'sent', 'unknown');
-- The reconciler's claim: ... where state in ('pending', 'sent', 'unknown') and next_try_at <= now()
-- and (locked_until is null or locked_until < now()) order by next_try_at for update skip locked.
create index orders_claim on ivr.orders (next_try_at) where state in ('pending', 'sent', 'unknown');

-- Applications. opened_seq, bound_seq and node_seq are the steps that the facts
-- come from: with them, steps may arrive in any order and give the same row.
create table ivr.applications (
    application_id text primary key, -- call_id || '.' || number within the call
    call_id        uuid        not null,
    order_id       uuid references ivr.orders,
    kind           text        not null check (kind in ('order', 'password', 'query', 'handling', 'undecided')),
    service        text        not null default '', -- or what a query looks up
    action         text        not null default ''
                   check (action in ('', 'open', 'close', 'query', 'status', 'apply', 'change', 'reset')),
    bound_seq      integer     not null default 0,
    opened_at      timestamptz not null,
    opened_seq     integer,    -- null while opened_at is a guess: app_opened has not arrived
    closed_at      timestamptz,
    resolved_at    timestamptz,
    outcome        text,
    outcome_detail text,
    first_outcome  text,
    closed_by      text check (closed_by in ('call', 'desk', 'sweeper')),
    category       text        not null default 'none'
                   check (category in ('system/guidance', 'system/boss', 'system/media', 'system/platform', 'operation', 'none')),
    rule           text        not null default '',
    node           text        not null default '',
    prompt         text        not null default '',
    prompt_ms      integer     not null default 0,
    percent        integer     not null default 0,
    no_input       integer     not null default 0,
    invalid        integer     not null default 0,
    replays        integer     not null default 0,
    node_seq       integer     not null default 0,
    menu_version   text        not null default '',
    continues      text,       -- application_id of the earlier one, in the same call
    test           boolean     not null default false,
    foreign key (outcome, outcome_detail) references ivr.outcomes (outcome, detail),
    check ((outcome is null) = (outcome_detail is null)),
    check ((outcome is null) = (closed_at is null)),
    check ((outcome is null) = (first_outcome is null)),
    check ((outcome is null) = (closed_by is null)),
    check (first_outcome = outcome or first_outcome = 'unknown'),
    check (outcome is null or (resolved_at is not null) = (first_outcome <> outcome)),
    check (resolved_at is null or outcome in ('success', 'rejected', 'system_failed'))
);
create index applications_opened_at on ivr.applications (opened_at);
create index applications_call on ivr.applications (call_id);
create index applications_open on ivr.applications (call_id) where outcome is null;
create index applications_order on ivr.applications (order_id) where order_id is not null;

-- Calls that no server got: from the PBX's own record.
create table ivr.unserved (
    uniqueid      text primary key,
    call_id       uuid,
    at            timestamptz not null,
    caller_masked text        not null,
    dialled       text        not null,
    disposition   text        not null check (disposition in ('fallback', 'refused')),
    test          boolean     not null default false
);
create index unserved_at on ivr.unserved (at);

-- The rules that give a failed application its category: first match by ord.
-- A null condition matches everything. The facts stay in applications, so
-- history is classified again by: update ivr.applications set rule = rule.
create table ivr.rules (
    ord         integer primary key,
    rule        text not null unique,
    category    text not null check (category in ('system/guidance', 'system/boss', 'system/media', 'system/platform', 'operation')),
    outcome     text not null,
    detail      text,
    kinds       text[],
    max_age_ms  bigint,  -- less than this from opened to closed
    min_percent integer, -- at least this much of the announcement was heard
    min_invalid integer,
    min_replays integer
);
insert into ivr.rules (ord, rule, category, outcome, detail, kinds, max_age_ms, min_percent, min_invalid, min_replays) values
    (10, 'boss-timeout',         'system/boss',     'system_failed', 'boss_timeout',         null, null, null, null, null),
    (11, 'boss-error',           'system/boss',     'system_failed', 'boss_error',           null, null, null, null, null),
    (12, 'boss-unavailable',     'system/boss',     'system_failed', 'boss_unavailable',     null, null, null, null, null),
    (13, 'media',                'system/media',    'system_failed', 'media',                null, null, null, null, null),
    (14, 'switch',               'system/platform', 'system_failed', 'switch',               null, null, null, null, null),
    (15, 'platform',             'system/platform', 'system_failed', 'platform',             null, null, null, null, null),
    -- An unknown outcome counts as a failure after 24 hours; its cause does not wait for that.
    (16, 'boss-no-result',       'system/boss',     'unknown',       null,                   null, null, null, null, null),
    (20, 'wrong-password',       'operation',       'auth_failed',   'wrong_password',       null, null, null, null, null),
    (21, 'password-locked',      'operation',       'auth_failed',   'locked',               null, null, null, null, null),
    (30, 'already-open',         'operation',       'rejected',      'already_open',         null, null, null, null, null),
    (31, 'not-open',             'operation',       'rejected',      'not_open',             null, null, null, null, null),
    (32, 'insufficient-balance', 'operation',       'rejected',      'insufficient_balance', null, null, null, null, null),
    (33, 'ineligible',           'operation',       'rejected',      'ineligible',           null, null, null, null, null),
    (34, 'rejected-other',       'system/boss',     'rejected',      null,                   null, null, null, null, null),
    -- Passwords are where callers enter numbers.
    (40, 'invalid-number',       'operation',       'input_failed',  'invalid',              '{password}', null, null, null, null),
    (41, 'no-input',             'system/guidance', 'input_failed',  'no_input',             null, null, null, null, null),
    (42, 'invalid-keys',         'system/guidance', 'input_failed',  null,                   null, null, null, null, null),
    (50, 'asked-for-person',     'system/guidance', 'escalated',     'requested',            null, null, null, null, null),
    (51, 'menu-gave-up',         'system/guidance', 'escalated',     null,                   null, null, null, null, null),
    (60, 'left-waiting',         'system/boss',     'abandoned',     'during_wait',          null, null, null, null, null),
    (61, 'early-hang-up',        'operation',       'abandoned',     null,                   null, 5000, null, null, null),
    (62, 'many-replays',         'system/guidance', 'abandoned',     null,                   null, null, null, null, 2),
    (63, 'many-invalid-keys',    'system/guidance', 'abandoned',     null,                   null, null, null, 2,    null),
    (64, 'prompt-heard',         'system/guidance', 'abandoned',     'after_prompt',         null, null, null, null, null),
    (65, 'most-of-prompt-heard', 'system/guidance', 'abandoned',     null,                   null, null, 51,   null, null),
    (66, 'never-chose',          'system/guidance', 'abandoned',     null, '{handling,undecided}', null, null, null, null),
    (67, 'hang-up',              'operation',       'abandoned',     null,                   null, null, null, null, null);

-- Before each change of an application: its outcome is decided once (unknown
-- once more), and its category follows from its facts. Both hold for whoever
-- writes, plain SQL included. SQLSTATE IV003 is a second outcome.
create function ivr.guard_application() returns trigger language plpgsql as $$
begin
    if tg_op = 'UPDATE' and old.outcome is not null
       and (new.outcome, new.outcome_detail, new.first_outcome, new.closed_at, new.resolved_at, new.closed_by)
           is distinct from (old.outcome, old.outcome_detail, old.first_outcome, old.closed_at, old.resolved_at, old.closed_by)
       and not coalesce(old.outcome = 'unknown' and new.outcome in ('success', 'rejected', 'system_failed')
                and new.resolved_at is not null
                and new.first_outcome = old.first_outcome and new.closed_at = old.closed_at, false) then
        raise exception 'application % has its outcome %/% already', old.application_id, old.outcome, old.outcome_detail
            using errcode = 'IV003';
    end if;
    new.category := 'none';
    new.rule := '';
    if new.outcome is not null then
        select r.category, r.rule into new.category, new.rule from ivr.rules r
        where r.outcome = new.outcome
          and (r.detail is null or r.detail = new.outcome_detail)
          and (r.kinds is null or new.kind = any (r.kinds))
          and (r.max_age_ms is null or new.closed_at - new.opened_at < r.max_age_ms * interval '1 millisecond')
          and (r.min_percent is null or new.percent >= r.min_percent)
          and (r.min_invalid is null or new.invalid >= r.min_invalid)
          and (r.min_replays is null or new.replays >= r.min_replays)
        order by r.ord limit 1;
        if not found then
            new.category := 'none';
            new.rule := '';
        end if;
    end if;
    return new;
end $$;
create trigger guard_application before insert or update on ivr.applications
    for each row execute function ivr.guard_application();

-- The result of a resolved order stands.
create function ivr.guard_order() returns trigger language plpgsql as $$
begin
    if (new.state, new.result_outcome, new.result_detail, new.resolved_at)
       is distinct from (old.state, old.result_outcome, old.result_detail, old.resolved_at) then
        raise exception 'order % is % (%/%) already', old.order_id, old.state, old.result_outcome, old.result_detail
            using errcode = 'IV002';
    end if;
    return new;
end $$;
create trigger guard_order before update on ivr.orders
    for each row when (old.state in ('done', 'rejected', 'failed')) execute function ivr.guard_order();

-- ivr.commit_order makes the intent of an order durable and links the
-- application to it. It gives the order's id: p_order, or the id of the
-- unresolved order for the same number, service and action, which is joined.
-- p_opened_at may be null; it only matters until the journal delivers app_opened.
-- Calling it again for the same application gives the same id.
-- SQLSTATE IV001: the application is closed already (the caller left before the
-- intent was stored, and the journal says so); nothing is stored, nothing may be sent.
create function ivr.commit_order(
    p_application text, p_call uuid, p_opened_at timestamptz, p_order uuid, p_key text,
    p_masked text, p_hash bytea, p_enc bytea, p_service text, p_action text, p_price bigint, p_test boolean
) returns uuid language plpgsql as $$
declare
    v_order uuid;
    v_linked uuid;
    v_outcome text;
begin
    -- Durable means on disk, whatever the database's default is.
    perform set_config('synchronous_commit', 'on', true);
    insert into ivr.applications (application_id, call_id, kind, service, action, opened_at, test)
    values (p_application, p_call, case when p_action in ('apply', 'change', 'reset') then 'password' else 'order' end,
            p_service, p_action, coalesce(p_opened_at, now()), p_test)
    on conflict (application_id) do nothing;
    select order_id, outcome into v_linked, v_outcome
    from ivr.applications where application_id = p_application for update;
    if v_linked is not null then
        return v_linked;
    end if;
    if v_outcome is not null then
        raise exception 'application % is closed already (%)', p_application, v_outcome using errcode = 'IV001';
    end if;
    loop
        -- The lock makes a resolve_order that runs now come before us or after us.
        select order_id into v_order from ivr.orders
        where msisdn_hash = p_hash and service = p_service and action = p_action
          and state in ('pending', 'sent', 'unknown')
        for update;
        exit when found;
        insert into ivr.orders (order_id, idempotency_key, call_id, msisdn_masked, msisdn_hash, msisdn_enc,
                                service, action, price, test)
        values (p_order, p_key, p_call, p_masked, p_hash, p_enc, p_service, p_action, p_price, p_test)
        on conflict (msisdn_hash, service, action) where state in ('pending', 'sent', 'unknown') do nothing
        returning order_id into v_order;
        exit when found;
    end loop;
    update ivr.applications
    set order_id = v_order,
        -- What the menu said (app_bound) goes before what can be told from the order.
        kind    = case when bound_seq > 0 then kind when p_action in ('apply', 'change', 'reset') then 'password' else 'order' end,
        service = case when bound_seq > 0 then service else p_service end,
        action  = case when bound_seq > 0 then action else p_action end
    where application_id = p_application;
    return v_order;
end $$;

-- ivr.resolve_order stores what came of an order and closes every application
-- linked to it, in one go. Outcomes: success, rejected, auth_failed,
-- system_failed, and unknown, which is not final. The same result again is no
-- error and closes what joined meanwhile; another result is SQLSTATE IV002, an
-- order that is not there P0002. Success of an order that was unknown is
-- reconciled, whatever p_detail says. It gives how many applications it closed or changed.
create function ivr.resolve_order(p_order uuid, p_outcome text, p_detail text, p_boss_ref text)
returns integer language plpgsql as $$
declare
    v_old ivr.orders;
    v_state text := case p_outcome when 'success' then 'done' when 'rejected' then 'rejected'
        when 'auth_failed' then 'rejected' when 'system_failed' then 'failed' when 'unknown' then 'unknown' end;
    v_detail text := coalesce(p_detail, '');
    v_count integer;
begin
    if v_state is null then
        raise exception 'an order cannot end as %', p_outcome using errcode = '22023';
    end if;
    perform set_config('synchronous_commit', 'on', true);
    select * into strict v_old from ivr.orders where order_id = p_order for update;
    if v_old.state = 'unknown' and p_outcome = 'success' then
        v_detail := 'reconciled';
    end if;
    if v_old.state in ('done', 'rejected', 'failed') then
        if v_old.result_outcome <> p_outcome
           or (v_old.result_detail <> v_detail and p_outcome <> 'success') then
            raise exception 'order % is %/% already, not %/%', p_order, v_old.result_outcome, v_old.result_detail,
                p_outcome, v_detail using errcode = 'IV002';
        end if;
        v_detail := v_old.result_detail;
    else
        update ivr.orders
        set state = v_state, result_outcome = p_outcome, result_detail = v_detail,
            boss_ref = coalesce(nullif(p_boss_ref, ''), boss_ref),
            resolved_at = case when v_state <> 'unknown' then now() end
        where order_id = p_order;
    end if;
    -- Locked in the order that the journal's writer locks them in, too.
    perform 1 from ivr.applications where order_id = p_order order by application_id for update;
    update ivr.applications
    set outcome = p_outcome,
        outcome_detail = case when outcome = 'unknown' and p_outcome = 'success' then 'reconciled' else v_detail end,
        first_outcome = coalesce(first_outcome, p_outcome),
        closed_at = coalesce(closed_at, now()),
        resolved_at = case when outcome = 'unknown' then now() end,
        closed_by = coalesce(closed_by, 'desk')
    where order_id = p_order
      and (outcome is null or (outcome = 'unknown' and p_outcome <> 'unknown'));
    get diagnostics v_count = row_count;
    return v_count;
end $$;
