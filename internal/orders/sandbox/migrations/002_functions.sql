-- What the rest of the operator's functions ask about, and the service password.

-- Secrets are kept as pbkdf2-sha256:<salt>:<key>. The plan is a word of the
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
     'pbkdf2-sha256:98da3e72571425467c2f3537818adbda:66d37979da804e60a4233adb7a8ecfb56c1c9c8ef4c6263f3a1ce776623bb710',
     'pbkdf2-sha256:150a3f4e7e4f178faaa252821473ed29:09896f13cd7134dac0ed6865bb459621bcd21290e5d1e4a93a6be8bcd1c8dabc'),
    ('13800000002', 'easyown_standard', 12, 0, 40, 0, 3, 1, 0, 2,
     'pbkdf2-sha256:2b26f9bb2737c9be709488964e97dfef:4959ec544d688044e472dc9641d226f273ee61b3185087603f5c2eafad7ea751',
     'pbkdf2-sha256:cb2ad2557bb6703c75fc04bb4b49b8bf:55bb9e86e245f91463b425babc67d16a6bb6bcc03cae877b8269ac6bb62ea87c'),
    ('13800000003', 'gotone_58', 365, 50000, 9320, 1250, 188, 40, 60, 420,
     'pbkdf2-sha256:5073aeb90793333d3b297f0c82264df6:6fa250296a25e29978ade9681a7aa8b0f6fed595b4306f87937c39952bf3c82b',
     'pbkdf2-sha256:ebca7b43d6de253ab644807b1310e79d:c867e07b7262b513fc5374a0b457cc88febe8dd4db7d9a9f258e1c3ef5893058'),
    ('13800000004', 'mzone_25', 210, 10000, 3105, 800, 95, 320, 0, 5120,
     'pbkdf2-sha256:4ef884f0d7de2c9a9faa600f298aeaf2:0afe4620fb1e99c4691d836f08c77b8fe5eca1f51bde7cd9677d861d1de2c5fb',
     'pbkdf2-sha256:f8cc6af55dfad3798c3c76619cf447d5:d69dd29154985d0f7e0409b7b1fca7070eebb4f2239196d422f4b6dca9b864a0'),
    ('13800000005', 'easyown_standard', 90, 0, 760, 300, 41, 12, 0, 88,
     'pbkdf2-sha256:76b99aa5cd574859bb156e2421e174a1:d776e8980144ec188141373c3060c1023a872e4ed6e746d8f78a1d05bdbc4772',
     'pbkdf2-sha256:432726f72453679269c6cfb04809cf7d:6f5fbf37e072f3eb85684003182a9e6a4682fffd8fcd098b45b587b505ab77de')
) d (msisdn, plan, days, credit, points, discount, minutes, sms, vnet, data, password, identity)
where s.msisdn = d.msisdn;
update sandbox.subscribers set star = 2 where msisdn = '13800000005';

-- One who has an identity number on record and no password yet.
insert into sandbox.subscribers (msisdn, brand, star, balance_fen, last_bill_fen, plan, identity) values
    ('13800000006', '动感地带', 3, 10000, 4200, 'mzone_25',
     'pbkdf2-sha256:115748fe8d72f0842ce2f009e6df5ecb:9fbd302fd2319189e276d201d2153d8954d36c9c010e41f698c71f1bfbaf05ba')
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
