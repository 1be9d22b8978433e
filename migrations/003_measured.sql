-- ivr.measured is the one place where the named policies of the failure rate are
-- defined: a row per application and policy, telling whether the application is
-- counted (denominator) and whether it failed (numerator). A rate is
--   count(*) filter (where failed) / count(*) filter (where counted).
-- Restrict it by opened_at and test: dial tests never enter a live rate.
create view ivr.measured as
select a.application_id, a.call_id, a.kind, a.service, a.action, a.opened_at, a.closed_at, a.outcome, a.outcome_detail,
       a.category, a.rule, a.node, a.prompt, a.prompt_ms, a.percent, a.menu_version, a.test,
       p.policy, p.counted, coalesce(p.counted and p.failed, false) as failed
from ivr.applications a
cross join lateral (
    select a.kind in ('order', 'password', 'handling') as core,
           a.outcome is not null as closed,
           -- Found out to be no success within a day, or not found out: it failed.
           a.outcome = 'unknown' and a.closed_at < now() - interval '24 hours' as late
) f
cross join lateral (
    select coalesce(a.outcome in ('rejected', 'auth_failed', 'input_failed', 'abandoned', 'escalated', 'system_failed')
                    or f.late, false) as failed,
           -- A caller's change of mind is neither success nor failure.
           f.closed and a.outcome not in ('switched', 'cancelled') and (a.outcome <> 'unknown' or f.late) as decided
) g
cross join lateral (values
    ('standard',         coalesce(f.core and g.decided, false), g.failed),
    ('circle',           coalesce(g.decided, false),            g.failed),
    ('all-applications', f.core and f.closed,                   g.failed),
    ('strict',           f.core and f.closed,                   a.outcome <> 'success'),
    ('system',           coalesce(f.core and g.decided, false), g.failed and a.category like 'system/%'),
    ('guidance',         coalesce(f.core and g.decided, false), g.failed and a.category = 'system/guidance')
) p (policy, counted, failed);
