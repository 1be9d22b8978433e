-- What a caller typed for an order, by parameter and in its canonical form:
-- {"amount": "10.00"}. Never a password, an identity number or a telephone number:
-- the desk gives those to the BOSS and to nobody else.
alter table ivr.orders add params jsonb not null default '{}';

-- ivr.commit_order with parameters. An order that is joined keeps its own.
create function ivr.commit_order(
    p_application text, p_call uuid, p_opened_at timestamptz, p_order uuid, p_key text,
    p_masked text, p_hash bytea, p_enc bytea, p_service text, p_action text, p_price bigint, p_test boolean, p_params jsonb
) returns uuid language plpgsql as $$
declare
    v_order uuid := ivr.commit_order(p_application, p_call, p_opened_at, p_order, p_key,
                                     p_masked, p_hash, p_enc, p_service, p_action, p_price, p_test);
begin
    if p_params <> '{}' then
        update ivr.orders set params = p_params where order_id = v_order and v_order = p_order;
    end if;
    return v_order;
end $$;
