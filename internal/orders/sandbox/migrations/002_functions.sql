-- What the rest of the operator's functions ask about, and the service password.

-- Secrets are kept as pbkdf2-sha256:<iterations>:<salt>:<key>. The plan is a word of the
-- tariff query. The defaults are those of a number that is seen for the first time.
alter table sandbox.subscribers
    add password     text,
    add identity     text,
    add plan         text    not null default 'easyown_standard'
                     check (plan in ('gotone_88', 'gotone_58', 'mzone_25', 'easyown_standard')),
    add valid_until  date    not null default current_date + 180,
    add credit_fen   bigint  not null default 0 check (credit_fen >= 0),
    add points       integer not null default 120 check (points >= 0),
    add discount_fen bigint  not null default 300 check (discount_fen >= 0),
    add minutes      integer not null default 20 check (minutes >= 0),
    add sms          integer not null default 5 check (sms >= 0),
    add vnet         integer not null default 0 check (vnet >= 0),
    add data_mb      integer not null default 35 check (data_mb >= 0);

-- What a service was opened with: the threshold of a reminder.
alter table sandbox.subscriptions add amount_fen bigint check (amount_fen > 0);

-- Wrong passwords and identity numbers of the day on which the last one was shown.
create table sandbox.wrong_proofs (
    msisdn text     not null references sandbox.subscribers,
    proof  text     not null check (proof in ('password', 'identity')),
    day    date     not null,
    times  smallint not null check (times > 0),
    primary key (msisdn, proof)
);

create table sandbox.payments (
    id         bigint generated always as identity primary key,
    msisdn     text   not null references sandbox.subscribers,
    paid_on    date   not null,
    amount_fen bigint not null check (amount_fen > 0)
);
create index on sandbox.payments (msisdn, paid_on);

-- Whatever makes a subscriber with money on the account, somebody has paid it.
create function sandbox.first_payment() returns trigger language plpgsql as $$
begin
    insert into sandbox.payments (msisdn, paid_on, amount_fen)
    select new.msisdn, new.first_seen at time zone 'Asia/Shanghai', new.balance_fen where new.balance_fen > 0;
    return new;
end $$;
create trigger first_payment after insert on sandbox.subscribers
    for each row execute function sandbox.first_payment();
insert into sandbox.payments (msisdn, paid_on, amount_fen)
select msisdn, first_seen at time zone 'Asia/Shanghai', balance_fen from sandbox.subscribers where balance_fen > 0;

-- Where numbers are at home, by their longest prefix here. Numbers of nets or
-- ranges that are not here belong to nobody.
create table sandbox.homes (
    prefix text primary key check (prefix ~ '^1[0-9]+$'),
    region text not null check (region in ('beijing', 'shanghai', 'guangdong', 'jiangsu', 'zhejiang', 'sichuan', 'hubei', 'shaanxi'))
);
insert into sandbox.homes (prefix, region)
select net || digit, region
from unnest('{134,135,136,137,138,139,147,150,151,152,157,158,159,178,182,183,184,187,188,198}'::text[]) net,
     (values ('0', 'beijing'), ('1', 'shanghai'), ('2', 'guangdong'), ('3', 'jiangsu'),
             ('4', 'zhejiang'), ('5', 'sichuan'), ('6', 'hubei'), ('7', 'shaanxi')) at (digit, region);
-- The ranges that were given out first are by area code.
insert into sandbox.homes (prefix, region) values
    ('1380010', 'beijing'), ('1380021', 'shanghai'), ('1380020', 'guangdong'), ('1380025', 'jiangsu'),
    ('1380571', 'zhejiang'), ('1380028', 'sichuan'), ('1380027', 'hubei'), ('1380029', 'shaanxi');

alter table sandbox.faults drop constraint faults_operation_check;
alter table sandbox.faults add constraint faults_operation_check
    check (operation in ('submit', 'query', 'lookup', 'verify'));

update sandbox.catalogue set price_fen = 100 where service in ('call_reminder', 'mms_bill');

-- The demonstration's subscribers: their passwords and identity numbers are in
-- the help of "ivr sandbox". The numbers are of people born in 1900.
update sandbox.subscribers s
set password = d.password, identity = d.identity, plan = d.plan, valid_until = current_date + d.days,
    credit_fen = d.credit, points = d.points, discount_fen = d.discount,
    minutes = d.minutes, sms = d.sms, vnet = d.vnet, data_mb = d.data
from (values
    ('13800000001', 'gotone_88', 720, 100000, 28650, 4600, 412, 86, 130, 1536,
     'pbkdf2-sha256:1000:98da3e72571425467c2f3537818adbda:2235cb20f4689bf1c9375776f7906f3b3f7fde5901d2237950e8a79edac28716',
     'pbkdf2-sha256:1000:150a3f4e7e4f178faaa252821473ed29:0e1b1dccd1ba02a58e0e810f168defd16b22d5904cdba80c5e097eb547a836ec'),
    ('13800000002', 'easyown_standard', 12, 0, 40, 0, 3, 1, 0, 2,
     'pbkdf2-sha256:1000:2b26f9bb2737c9be709488964e97dfef:688a362e02373a28df43bd773e925c08f7de06ee81a4af646489cd536cc1ca3d',
     'pbkdf2-sha256:1000:cb2ad2557bb6703c75fc04bb4b49b8bf:8ecd14b7a996664b934fc43c4bbdbf754bdc954158aaa965d1280110c03d3878'),
    ('13800000003', 'gotone_58', 365, 50000, 9320, 1250, 188, 40, 60, 420,
     'pbkdf2-sha256:1000:5073aeb90793333d3b297f0c82264df6:27c48b5a3e1c00b82f84fe8d651ec41e9ef22e25b622db4c74cefa1abe502b9c',
     'pbkdf2-sha256:1000:ebca7b43d6de253ab644807b1310e79d:d7765124ac5bb159f961f47b30b7af16a63cff5cbd97a6fb7d327cd21233295c'),
    ('13800000004', 'mzone_25', 210, 10000, 3105, 800, 95, 320, 0, 5120,
     'pbkdf2-sha256:1000:4ef884f0d7de2c9a9faa600f298aeaf2:72203401b0b4e2100dc5fee31a2c9a9b3a99c54094da141522c0d346bf61f914',
     'pbkdf2-sha256:1000:f8cc6af55dfad3798c3c76619cf447d5:9ccc116592988d49ed31eb3cf0c793d0292df2f76d71347f74d096fdde6f77e3'),
    ('13800000005', 'easyown_standard', 90, 0, 760, 300, 41, 12, 0, 88,
     'pbkdf2-sha256:1000:76b99aa5cd574859bb156e2421e174a1:4fb7832f0c29ebc92df6ce12b100c6d5b1f49280b9f3ec30fcd45223ec64b2fd',
     'pbkdf2-sha256:1000:432726f72453679269c6cfb04809cf7d:661295f6444856099d59441e8eb3899b010d003fa87783588409207f7c5db7b5')
) d (msisdn, plan, days, credit, points, discount, minutes, sms, vnet, data, password, identity)
where s.msisdn = d.msisdn;
update sandbox.subscribers set star = 2 where msisdn = '13800000005';

-- One who has an identity number on record and no password yet.
insert into sandbox.subscribers (msisdn, brand, star, balance_fen, last_bill_fen, plan, identity) values
    ('13800000006', '动感地带', 3, 10000, 4200, 'mzone_25',
     'pbkdf2-sha256:1000:115748fe8d72f0842ce2f009e6df5ecb:c015a523c4f62c493227add4487e2305a8059ef696bceb8a993290f480d4f104')
on conflict (msisdn) do update set identity = excluded.identity;

insert into sandbox.payments (msisdn, paid_on, amount_fen)
select msisdn, current_date - days, fen
from (values ('13800000001', 33, 50000), ('13800000001', 64, 50000), ('13800000003', 20, 10000), ('13800000003', 49, 10000),
             ('13800000003', 80, 5000), ('13800000004', 15, 5000), ('13800000005', 40, 3000)) p (msisdn, days, fen);

---- create above / drop below ----

drop table sandbox.homes, sandbox.payments, sandbox.wrong_proofs;
drop trigger first_payment on sandbox.subscribers;
drop function sandbox.first_payment();
delete from sandbox.faults where operation = 'verify';
alter table sandbox.faults drop constraint faults_operation_check;
alter table sandbox.faults add constraint faults_operation_check check (operation in ('submit', 'query', 'lookup'));
alter table sandbox.subscriptions drop amount_fen;
update sandbox.catalogue set price_fen = 300 where service = 'call_reminder';
update sandbox.catalogue set price_fen = 0 where service = 'mms_bill';
alter table sandbox.subscribers
    drop password, drop identity, drop plan, drop valid_until, drop credit_fen, drop points,
    drop discount_fen, drop minutes, drop sms, drop vnet, drop data_mb;
