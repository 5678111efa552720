-- Title: No secret stands in the commands of pg_cron
-- Category: security
-- Severity: critical
-- Needs:
-- - table cron.job (jobid, command)
-- Message: the command of job {job} holds what looks like {kind}; it is also in every backup and in cron.job_run_details
-- Remediation: Change the secret where it is used, then let the job read it from Supabase's Vault: {object}.
-- Why: Jobs that call an API or another database carry the key with them. Each role sees its own jobs only, so the check
--   takes a role that sees all. The text itself is not shown here.
-- Manual: 12.4

with -- The same as src/diagnostics/secrets.ts, which looks through files.
patterns (kind, pattern) as (
  values
    ('a private key', '-----BEGIN [A-Z ]*PRIVATE KEY-----'),
    ('an access key of AWS', '\m(?:AKIA|ASIA)[0-9A-Z]{16}\M'),
    ('a token of GitHub', '\m(?:gh[pousr]_[0-9A-Za-z]{36}|github_pat_[0-9A-Za-z_]{60})'),
    ('a token of GitLab', '\mglpat-[0-9A-Za-z_-]{20}'),
    ('a key of Stripe', '\m(?:(?:sk|rk)_(?:live|test)_[0-9A-Za-z]{16}|whsec_[0-9A-Za-z+/]{32})'),
    ('an API key of OpenAI or Anthropic', '\msk-(?:proj-|ant-)?[0-9A-Za-z_-]{32}'),
    ('an API key of SendGrid', '\mSG\.[0-9A-Za-z_-]{22}\.[0-9A-Za-z_-]{43}'),
    ('a token of Slack', '\mxox[abposr]-[0-9A-Za-z-]{20}|hooks\.slack\.com/services/T[0-9A-Z]+/B[0-9A-Z]+/[0-9A-Za-z]{20}'),
    ('an API key of Google', '\m(?:AIza[0-9A-Za-z_-]{35}|GOCSPX-[0-9A-Za-z_-]{28})'),
    ('a key of Supabase', '\m(?:sb_secret_[0-9A-Za-z_-]{20}|sbp_[0-9a-f]{40})'),
    ('a JSON web token', '\meyJ[0-9A-Za-z_-]{15,}\.eyJ[0-9A-Za-z_-]{15,}\.[0-9A-Za-z_-]{20}'),
    ('a password in a URL', '[a-z][a-z0-9+.-]*://[^\s:/@''"]+:[^\s:/@''"${}<>*]{6,}@[^\s@]'),
    ('a password in a connection string', '\m(?:host|hostaddr|dbname|user) *= *[^;\n]{1,200}\mpassword *= *[^\s''"${}<>*%:]{6,}')
)
select
  'job ' || j.jobid || ' of cron.job' as object,
  'job ' || j.jobid || p.kind as key,
  j.jobid as job,
  p.kind
from cron.job j
join patterns p on j.command ~ p.pattern
where exists (
  select
  from regexp_matches(j.command, '(' || p.pattern || ')', 'g') m
  where m[1] !~* 'example|placeholder|x{6}|your[-_ ]|://([^:@]*):\1@'
    and (
      p.kind <> 'a JSON web token'
      -- Supabase's key for anon is in every browser, and that of its local stack in its documentation.
      or encode(
        decode(
          left(translate(split_part(m[1], '.', 2), '-_', '+/'), length(split_part(m[1], '.', 2)) / 4 * 4),
          'base64'
        ),
        'escape'
      ) !~ '"role" *: *"anon"|"iss" *: *"supabase-demo"'
    )
)
order by j.jobid, p.kind;
