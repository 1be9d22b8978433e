-- What callers are served with. Every version of the menus and their texts that was
-- ever published stays, so that any can be taken back to.
create table ivr.releases (
    release text primary key,          -- 12 hexadecimal digits of the hash of all its content
    content bytea not null,            -- a zip: menus/… and prompts/…
    at      timestamptz not null default now()
);

-- What was made live, and by whom; only ever appended to. The last row is live.
-- Who writes holds the advisory lock hashtext('ivr.publications'), so that rows become
-- visible in the order of seq.
create table ivr.publications (
    seq     bigint generated always as identity primary key,
    release text not null references ivr.releases,
    back_to bigint references ivr.publications, -- the publication that a rollback went back to; null is a publication
    author  text not null,
    note    text not null default '',
    at      timestamptz not null default now()
);

-- Servers wait for this; it saves them the rest of the second between two looks.
create function ivr.tell_publication() returns trigger language plpgsql as $$
begin
    perform pg_notify('ivr_publications', new.release);
    return null;
end $$;
create trigger tell_publication after insert on ivr.publications
    for each row execute function ivr.tell_publication();

-- Services that ops have closed for callers, or opened again. A service is an id of
-- the service catalogue, or what a query looks up.
create table ivr.service_switches (
    service text primary key,
    closed  boolean not null,
    reason  text not null default '',
    author  text not null,
    at      timestamptz not null default now()
);

-- What callers are told about a service while it holds: [starts, ends), either may be
-- open. Of those that hold at once the newest is said. Withdrawn ones are kept.
create table ivr.service_notices (
    id        bigint generated always as identity primary key,
    service   text not null,
    prompt    text not null,
    starts    timestamptz not null default now(),
    ends      timestamptz,
    author    text not null,
    at        timestamptz not null default now(),
    withdrawn timestamptz,
    check (ends > starts)
);
create index service_notices_standing on ivr.service_notices (service) where withdrawn is null;

-- Servers keep the remembered languages in memory. What a server's spool has kept back
-- for hours is new to them only by the time when it was stored.
alter table ivr.remembered add column stored_at timestamptz not null default clock_timestamp();
create index remembered_stored on ivr.remembered (stored_at);
create function ivr.stamp_remembered() returns trigger language plpgsql as $$
begin
    new.stored_at := clock_timestamp();
    return new;
end $$;
create trigger stamp_remembered before update on ivr.remembered
    for each row execute function ivr.stamp_remembered();
