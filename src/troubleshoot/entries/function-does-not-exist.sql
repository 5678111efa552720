-- Title: A function or operator does not exist
-- SQLSTATE: 42883
-- Manual: none
-- Matches:
-- - function {function} does not exist
-- - operator does not exist: {operator}
-- - Funktion {function} existiert nicht
-- - Operator existiert nicht: {operator}
-- - la fonction {function} n'existe pas
-- - no existe la función {function}
-- - la funzione {function} non esiste
-- - функция {function} не существует
-- - функції {function} не існує
-- - funktionen {function} finns inte
-- - 関数{function}は存在しません
-- - {function} 이름의 함수가 없음
-- - 函数 {function} 不存在
-- - l'operatore non esiste: {operator}
-- - оператор не существует: {operator}
-- - оператор не існує: {operator}
-- - operator existerar inte: {operator}
-- - 演算子が存在しません: {operator}
-- - 연산자 없음: {operator}
-- - 操作符不存在: {operator}
-- Causes:
-- - The types of the arguments are others than those it was made with: a text is compared with a UUID.
-- - It belongs to an extension that is not installed, or whose schema is not in search_path (on Supabase:
--   extensions).
-- - A function with search_path = '' calls it without its schema.
-- Solutions:
-- - Cast what is compared: tenant_id = 'UUID'::uuid; since 052 every tenant_id is a UUID.
-- - Install the extension: create extension if not exists pgcrypto; (gen_random_uuid is part of PostgreSQL since
--   13).
-- - Write the schema before the name.

-- Check: Is there a function of that name?
-- Some: Compare the arguments and the schema.
-- None: No schema has a function of that name.
select n.nspname || '.' || p.proname as function, pg_catalog.pg_get_function_identity_arguments(p.oid) as arguments,
  n.nspname = any (pg_catalog.current_schemas(true)) as in_search_path
from pg_catalog.pg_proc p join pg_catalog.pg_namespace n on n.oid = p.pronamespace
where p.proname = regexp_replace(regexp_replace(:'function', '\(.*$', ''), '^.*\.', '') order by 1, 2 limit 20;
