-- Orders that survive everything: how long each may take, who may still write its
-- result, what a person has decided, and the results that callers are told later.

-- boss_price is in fen; null: the BOSS does not tell. param_kinds says what each of params
-- is ({"amount": "amount"}), and private that something typed is not among them: such an order
-- cannot be sent again. Until deadline its first sender asks the BOSS; from settles_at on it can be on
-- its way to the BOSS no more. fence counts the workers that had it: the last one may write.
-- person_since and person_why: nothing but a person can tell what came of it.
alter table ivr.orders
    add boss_price   bigint,
    add param_kinds  jsonb       not null default '{}',
    add private      boolean     not null default false,
    add deadline     timestamptz,
    add settles_at   timestamptz,
    add fence        bigint      not null default 0,
    add sends        integer     not null default 0,
    add sent_at      timestamptz,
    add person_since timestamptz,
    add person_why   text check (person_why in ('cannot_be_asked', 'cannot_be_sent_again', 'no_answer', 'overdue')),
    add decided_by   text check (decided_by <> ''),
    add decided_at   timestamptz,
    add decided_why  text check (decided_why <> ''),
    add check ((person_since is null) = (person_why is null)),
    add check (num_nulls(decided_by, decided_at, decided_why) in (0, 3));

create index orders_number on ivr.orders (msisdn_hash, created_at desc);
create index orders_person on ivr.orders (person_since)
    where person_since is not null and state in ('pending', 'sent', 'unknown');

-- Whoever is to decide, looks here: the oldest first.
create view ivr.orders_for_a_person as
select order_id, created_at, person_since, person_why, msisdn_masked, service, action, price, boss_price,
       attempts, sends, sent_at, boss_ref, test
from ivr.orders
where person_since is not null and state in ('pending', 'sent', 'unknown')
order by person_since;

-- ivr.commit_order with all that an order needs to be finished by others, and with the
-- window in which the same wish is answered by the order that has just fulfilled it. That one
-- is joined if it succeeded less than p_join ago, at the same price, with the same parameters
-- (none of them private), and nothing else has been ordered for the number since: who has closed a
-- service meanwhile, and opens it again, wants another order.
create function ivr.commit_order(
    p_application text, p_call uuid, p_opened_at timestamptz, p_order uuid, p_key text,
    p_masked text, p_hash bytea, p_enc bytea, p_service text, p_action text, p_price bigint, p_test boolean,
    p_params jsonb, p_kinds jsonb, p_private boolean, p_boss_price bigint,
    p_deadline interval, p_settle interval, p_join interval
) returns uuid language plpgsql as $$
declare
    v_order uuid;
    v_linked uuid;
    v_outcome text;
    v_last ivr.orders;
begin
    -- One intent of a number at a time: between "nothing is running" and "nothing has just
    -- been done" no other may begin and be done.
    perform pg_advisory_xact_lock(hashtextextended('ivr.commit_order ' || encode(p_hash, 'hex'), 0));
    select order_id, outcome into v_linked, v_outcome from ivr.applications where application_id = p_application;
    if v_linked is null and v_outcome is null and not p_private then
        select * into v_last from ivr.orders where msisdn_hash = p_hash order by created_at desc, order_id desc limit 1 for update;
        if v_last.state = 'done' and v_last.resolved_at > now() - p_join and v_last.test = p_test
           and v_last.service = p_service and v_last.action = p_action and v_last.price = p_price
           and v_last.params = p_params and not v_last.private then
            return ivr.join_order(p_application, p_call, p_opened_at, v_last.order_id, p_test);
        end if;
    end if;
    v_order := ivr.commit_order(p_application, p_call, p_opened_at, p_order, p_key,
                                p_masked, p_hash, p_enc, p_service, p_action, p_price, p_test);
    update ivr.orders
    set params = p_params, param_kinds = p_kinds, private = p_private, boss_price = p_boss_price,
        deadline = now() + p_deadline, settles_at = now() + p_deadline + p_settle
    where order_id = v_order and v_order = p_order and state = 'pending' and deadline is null;
    return v_order;
end $$;

-- ivr.join_order gives an application the result of an order that is done.
create function ivr.join_order(p_application text, p_call uuid, p_opened_at timestamptz, p_order uuid, p_test boolean)
returns uuid language plpgsql as $$
declare
    v_done ivr.orders;
    v_count integer;
begin
    perform set_config('synchronous_commit', 'on', true);
    select * into strict v_done from ivr.orders where order_id = p_order;
    insert into ivr.applications (application_id, call_id, kind, service, action, opened_at, test)
    values (p_application, p_call, case when v_done.action in ('apply', 'change', 'reset') then 'password' else 'order' end,
            v_done.service, v_done.action, coalesce(p_opened_at, now()), p_test)
    on conflict (application_id) do nothing;
    update ivr.applications
    set order_id = p_order,
        kind    = case when bound_seq > 0 then kind when v_done.action in ('apply', 'change', 'reset') then 'password' else 'order' end,
        service = case when bound_seq > 0 then service else v_done.service end,
        action  = case when bound_seq > 0 then action else v_done.action end
    where application_id = p_application and outcome is null;
    get diagnostics v_count = row_count;
    if v_count = 0 then
        raise exception 'application % is closed already', p_application using errcode = 'IV001';
    end if;
    perform ivr.resolve_order(p_order, v_done.result_outcome, v_done.result_detail, '');
    return p_order;
end $$;

-- ivr.resolve_order for a worker: SQLSTATE IV004 where another has had the order since, so
-- that one whose lease ran out cannot write over what the next one does. An order that is resolved
-- needs no fence: its result stands.
create function ivr.resolve_order(p_order uuid, p_fence bigint, p_outcome text, p_detail text, p_boss_ref text)
returns integer language plpgsql as $$
declare
    v_old ivr.orders;
begin
    select * into strict v_old from ivr.orders where order_id = p_order for update;
    if v_old.fence <> p_fence and v_old.state in ('pending', 'sent', 'unknown') then
        raise exception 'order % has been taken over: fence % is %', p_order, p_fence, v_old.fence using errcode = 'IV004';
    end if;
    return ivr.resolve_order(p_order, p_outcome, p_detail, p_boss_ref);
end $$;

-- Results on their way to callers, one for each resolved order: written with the result, so that
-- none is forgotten, and held until it is known whether the caller has heard it in the call.
--   held -> heard | due -> sent | given_up
-- With no notifier configured, whoever delivers takes what is due and sets it sent. id is
-- the same for every attempt: a receiver may get one twice. text names the message: 'open.success',
-- 'open.rejected.already_open'. The number is with the order.
create table ivr.notifications (
    id           uuid        primary key default gen_random_uuid(),
    order_id     uuid        not null references ivr.orders,
    kind         text        not null default 'order_result' check (kind in ('order_result')),
    text         text        not null,
    state        text        not null default 'held' check (state in ('held', 'heard', 'due', 'sent', 'given_up')),
    attempts     integer     not null default 0,
    fence        bigint      not null default 0,
    worker       text,
    locked_until timestamptz,
    next_try_at  timestamptz not null default now(),
    last_error   text        not null default '',
    created_at   timestamptz not null default now(),
    sent_at      timestamptz,
    unique (order_id, kind),
    check ((sent_at is not null) = (state = 'sent'))
);
create index notifications_claim on ivr.notifications (next_try_at) where state in ('held', 'due');

create function ivr.notify_result() returns trigger language plpgsql as $$
begin
    insert into ivr.notifications (order_id, text)
    values (new.order_id, concat_ws('.', new.action, new.result_outcome,
            case when new.result_outcome <> 'success' then nullif(new.result_detail, '') end))
    on conflict (order_id, kind) do nothing;
    return null;
end $$;
create trigger notify_result after update of state on ivr.orders
    for each row when (old.state in ('pending', 'sent', 'unknown') and new.state in ('done', 'rejected', 'failed'))
    execute function ivr.notify_result();

-- ivr.heard tells whether the callers of an order have heard its result in their calls: 'heard'
-- (all of them), 'unheard' (one of them has not, and will not), 'open' (one still may). A result is
-- heard when the announcement that follows the application's closing, with that outcome, came to its
-- end, or the caller pressed a key after half of it. In doubt it is not: told twice is better than never.
create function ivr.heard(p_order uuid) returns text language plpgsql stable as $$
declare
    v_order ivr.orders;
    v_app record;
    v_told ivr.steps;
    v_play ivr.steps;
    v_open boolean := false;
begin
    select * into strict v_order from ivr.orders where order_id = p_order;
    for v_app in
        select split_part(a.application_id, '.', 2) as n, a.call_id, c.ended_at is not null as ended,
               coalesce(c.started_at, a.opened_at) - interval '1 hour' as since
        from ivr.applications a left join ivr.calls c using (call_id)
        where a.order_id = p_order
    loop
        select * into v_told from ivr.steps s
        where s.call_id = v_app.call_id and s.at >= v_app.since and s.kind = 'app_closed' and s.detail ->> 'app' = v_app.n
        order by s.seq limit 1;
        if v_told.seq is not null and v_told.detail ->> 'outcome' is distinct from v_order.result_outcome then
            return 'unheard'; -- was told something else, as that it is being worked on
        end if;
        select * into v_play from ivr.steps s
        where s.call_id = v_app.call_id and s.at >= v_app.since and s.seq > v_told.seq and s.kind = 'play'
        order by s.seq limit 1;
        continue when exists (
            select from ivr.steps s
            where s.call_id = v_app.call_id and s.at >= v_app.since and s.seq > v_play.seq
              and (s.kind = 'played' and s.detail ->> 'id' = v_play.detail ->> 'id' and not s.detail ? 'failed'
                   or s.kind = 'key' and s.detail ->> 'play' = v_play.detail ->> 'id' and (s.detail ->> 'percent')::int >= 50));
        if v_app.ended then
            return 'unheard';
        end if;
        v_open := true;
    end loop;
    return case when v_open then 'open' else 'heard' end;
end $$;
