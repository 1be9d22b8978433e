-- What the admin API and the keys of stored numbers need.

-- Every request to the admin API that reads a number or would change something: written
-- before it is carried out, so that nothing happens unseen. status is the answer (HTTP); null: the
-- server died before it gave one, and what came of the request shows in what it was about.
create table ivr.admin_audit (
    id        bigint      generated always as identity primary key,
    at        timestamptz not null default now(),
    who       text        not null check (who <> ''),
    role      text        not null check (role in ('reader', 'operator', 'decider')),
    client    text        not null, -- address that it came from
    action    text        not null, -- operationId of the OpenAPI document: 'decideOrder'
    object    text        not null default '', -- order, notification; or a number, masked
    why       text        not null default '',
    status    integer,
    answered  timestamptz,
    check ((status is null) = (answered is null))
);
create index admin_audit_at on ivr.admin_audit (at desc);

create index orders_created on ivr.orders (created_at, order_id);

-- The key under which numbers are hashed, as a fingerprint: with another one, a server
-- would not find any caller again. One row at most.
create table ivr.number_key (
    one         boolean     primary key default true check (one),
    fingerprint bytea       not null check (length(fingerprint) = 8),
    at          timestamptz not null default now()
);

-- ivr.key_of tells the id of the key that a number is encrypted with. Up to 43
-- bytes are of the time when there was one key, which is 0 now.
create function ivr.key_of(p_enc bytea) returns integer language sql immutable strict as $$
    select case when length(p_enc) <= 43 then 0 else get_byte(p_enc, 1) end
$$;
