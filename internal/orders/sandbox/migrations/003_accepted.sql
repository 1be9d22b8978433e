-- Orders that the BOSS has taken and not carried out yet. A row goes into the ledger,
-- under the reference that it was given here, in the transaction that removes it here.
create table sandbox.accepted (
    key         text primary key,
    ref         text not null unique,
    msisdn      text not null references sandbox.subscribers,
    service     text not null,
    action      text not null,
    price_fen   bigint not null,
    typed       jsonb not null default '{}', -- {"amount": {"kind": "amount", "text": "20.00"}}, nothing secret
    accepted_at timestamptz not null default clock_timestamp(),
    due_at      timestamptz not null
);
create index on sandbox.accepted (due_at);

---- create above / drop below ----

drop table sandbox.accepted;
