-- What a version is heard with, and how its sentences are understood.

-- missed: what the caller did was no answer (no key, or one that means nothing).
-- replayed: the caller asked to hear something again.
alter table ivr.steps drop constraint steps_kind_check;
alter table ivr.steps add constraint steps_kind_check check (kind in (
    'call_started', 'call_resumed',
    'started', 'key', 'played', 'timeout', 'committed', 'answered', 'seen', 'returned', 'left', 'closing',
    'refused', -- of earlier versions; returned now
    'node', 'play', 'stop', 'timer', 'submit', 'ask', 'verify', 'look', 'transfer', 'speak', 'rated', 'call_back',
    'missed', 'replayed',
    'app_opened', 'app_bound', 'app_closed', 'app_left', 'call_ended')) not valid;

-- Every recording that a version was ever heard with, once. They are compressed speech:
-- compressing them again would only take time.
create table ivr.sounds (
    sha256  text primary key check (sha256 ~ '^[0-9a-f]{64}$'), -- of content
    codec   text not null check (codec in ('alaw', 'ulaw', 'sln16')),
    content bytea not null
);
alter table ivr.sounds alter column content set storage external;

-- The manifest of a version's sounds: language, prompt, and {file, sha256, ms, …}. It is written
-- with the version, before that is published, and does not change: what a version was published
-- with is what its calls hear. null: published by a program that did not keep sounds.
alter table ivr.releases add column manifest jsonb;

-- Whoever copies sounds to an Asterisk elsewhere waits for this.
create function ivr.tell_sounds() returns trigger language plpgsql as $$
begin
    perform pg_notify('ivr_sounds', new.release);
    return null;
end $$;
create trigger tell_sounds after insert or update of manifest on ivr.releases
    for each row execute function ivr.tell_sounds();
