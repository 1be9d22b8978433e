-- Why calls are not taken, and how often a number orders.

-- The server's reasons (ivr.Refusals), from the PBX's record. '' is of no refusal, or of a
-- record from before there were reasons; unknown is a word that this schema does not have.
alter table ivr.unserved
    add column reason text not null default ''
        check (reason in ('', 'full', 'rate', 'unnamed', 'number_live', 'number_minute', 'number_hour', 'stopping', 'other', 'unknown')),
    add check (reason = '' or disposition = 'refused');

-- ivr.commit_order with the most orders that a number may make within 24 hours, null for
-- any: SQLSTATE IV005 beyond that, and nothing is stored. Those that failed are none of the
-- caller's doing and do not count; an order that is joined is no further one. One that is running
-- at another price, or with something else typed for it, is not what this caller has
-- confirmed: SQLSTATE IV006, and nothing is stored. What is private cannot be compared.
create function ivr.commit_order(
    p_application text, p_call uuid, p_opened_at timestamptz, p_order uuid, p_key text,
    p_masked text, p_hash bytea, p_enc bytea, p_service text, p_action text, p_price bigint, p_test boolean,
    p_params jsonb, p_kinds jsonb, p_private boolean, p_boss_price bigint,
    p_deadline interval, p_settle interval, p_join interval, p_most integer
) returns uuid language plpgsql as $$
declare
    v_order uuid := ivr.commit_order(p_application, p_call, p_opened_at, p_order, p_key, p_masked, p_hash, p_enc,
        p_service, p_action, p_price, p_test, p_params, p_kinds, p_private, p_boss_price, p_deadline, p_settle, p_join);
begin
    if v_order <> p_order and exists (
        select from ivr.orders
        where order_id = v_order and state in ('pending', 'sent', 'unknown') and (price <> p_price or params <> p_params)) then
        raise exception 'order % is running with other terms', v_order using errcode = 'IV006';
    end if;
    -- It holds the lock of the number's intents by now: no other order of it is being counted.
    if v_order = p_order and p_most <= (
        select count(*) from ivr.orders
        where msisdn_hash = p_hash and created_at > now() - interval '24 hours' and state <> 'failed' and order_id <> p_order) then
        raise exception 'the number has made % orders within 24 hours', p_most using errcode = 'IV005';
    end if;
    return v_order;
end $$;
