-- Title: Extensions have a schema of their own
-- Category: security
-- Severity: info
-- Message: the extension {object} lies in public, among the project's tables: its functions are offered by every API that
--   exposes public, and whatever puts public first in its search_path finds them
-- Remediation: {fix}
-- Why: Supabase keeps extensions in the schema extensions, which is on the search_path and not exposed. Move one only
--   when nothing names it with its schema.
-- Manual: 12.4

select
  quote_ident(e.extname) as object,
  case
    when e.extrelocatable
      then format('create schema if not exists extensions; alter extension %I set schema extensions;', e.extname)
    else format(
      'The extension %I cannot be moved: drop it and create it again with "schema extensions", or mute this.',
      e.extname
    )
  end as fix
from pg_extension e
join pg_namespace n on n.oid = e.extnamespace
where n.nspname = 'public'
order by object;
