-- The sandbox BOSS. It keeps real numbers, as a BOSS does; nothing outside
-- this schema refers to it, and it can be dropped with everything in it.

create table sandbox.subscribers (
    msisdn        text primary key check (msisdn ~ '^[0-9]{3,15}$'),
    brand         text not null default '神州行' check (brand in ('全球通', '动感地带', '神州行')),
    star          smallint not null default 3 check (star between 1 and 5),
    balance_fen   bigint not null default 5000,
    last_bill_fen bigint not null check (last_bill_fen >= 0),
    first_seen    timestamptz not null default now()
);

-- family joins services that are asked about, and closed, under one name
-- (mobile_data, e_bill). In an exclusive family a new plan takes the place of
-- the old one. brands null: every brand may have it.
create table sandbox.catalogue (
    service   text primary key,
    family    text not null,
    exclusive boolean not null default false,
    price_fen bigint not null check (price_fen >= 0),
    brands    text[]
);

create table sandbox.subscriptions (
    msisdn    text not null references sandbox.subscribers,
    service   text not null references sandbox.catalogue,
    opened_at timestamptz not null default now(),
    primary key (msisdn, service)
);

-- Every key the BOSS has answered, with its answer: the primary key is what
-- makes an order that comes twice act once. Its effects are the rows with
-- outcome success.
create table sandbox.ledger (
    key         text primary key,
    ref         text not null unique,
    msisdn      text not null references sandbox.subscribers,
    service     text not null,
    action      text not null,
    price_fen   bigint not null,
    outcome     text not null,
    detail      text not null,
    charged_fen bigint not null default 0,
    at          timestamptz not null default clock_timestamp()
);
create index on sandbox.ledger (msisdn, at);
create sequence sandbox.refs;

-- remaining null: until cleared; 0: used up, kept so that people see it was.
-- msisdn null: everybody.
create table sandbox.faults (
    id        bigint generated always as identity primary key,
    operation text not null check (operation in ('submit', 'query', 'lookup')),
    mode      text not null check (mode in ('delay', 'error', 'unavailable', 'lose_answer', 'lose_request')),
    delay_ms  integer not null default 0 check (delay_ms >= 0),
    remaining integer check (remaining >= 0),
    msisdn    text,
    made_at   timestamptz not null default now()
);

-- Prices per month. The largest plan is not sold to 神州行, so that a caller who
-- may not have something can be tried.
insert into sandbox.catalogue (service, family, exclusive, price_fen, brands) values
    ('caller_id',            'caller_id',        false,   600, null),
    ('ringback_tone',        'ringback_tone',    false,   500, null),
    ('mobile_data_standard', 'mobile_data',      true,      0, null),
    ('mobile_data_5',        'mobile_data',      true,    500, null),
    ('mobile_data_20',       'mobile_data',      true,   2000, null),
    ('mobile_data_50',       'mobile_data',      true,   5000, null),
    ('mobile_data_100',      'mobile_data',      true,  10000, null),
    ('mobile_data_200',      'mobile_data',      true,  20000, '{全球通,动感地带}'),
    ('balance_reminder',     'balance_reminder', false,     0, null),
    ('sms_bill',             'e_bill',           false,     0, null),
    ('mms_bill',             'e_bill',           false,     0, null),
    ('my_10086',             'my_10086',         false,     0, null),
    ('call_reminder',        'call_reminder',    false,   300, null),
    ('fetion',               'fetion',           false,     0, null);

insert into sandbox.subscribers (msisdn, brand, star, balance_fen, last_bill_fen) values
    ('13800000001', '全球通',   5, 100000000, 28800),
    ('13800000002', '神州行',   1,        50,  1800),
    ('13800000003', '全球通',   4,     20000,  8850),
    ('13800000004', '动感地带', 3,     10000,  5800),
    ('13800000005', '神州行',   3,     10000,  3600);

insert into sandbox.subscriptions (msisdn, service) values
    ('13800000003', 'caller_id'),
    ('13800000004', 'mobile_data_20');

---- create above / drop below ----

drop table sandbox.faults, sandbox.ledger, sandbox.subscriptions, sandbox.catalogue, sandbox.subscribers;
drop sequence sandbox.refs;
