import type { Fault } from '../fault.ts';

export const fault: Fault = {
  summary: 'an extension among the tables, where every API that exposes them offers its functions',
  manual: '12.4',
  foundBy: 'diagnose extension-in-public',
  plant: 'create extension if not exists citext schema public',
  // pgcrypto lies there where there is no schema for extensions (002).
  evidence: `
    select extname::text as object
    from pg_extension
    where extnamespace = 'public'::regnamespace and extname <> 'pgcrypto'
    order by 1`,
};
