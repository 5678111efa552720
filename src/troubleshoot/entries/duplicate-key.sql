-- Title: A key is taken
-- SQLSTATE: 23505
-- Manual: 11.1
-- Matches:
-- - duplicate key value violates unique constraint "{constraint}"
-- - doppelter Schlüsselwert verletzt Unique-Constraint »{constraint}«
-- - la valeur d'une clé dupliquée rompt la contrainte unique « {constraint} »
-- - llave duplicada viola restricción de unicidad «{constraint}»
-- - could not create unique index "{constraint}"
-- - Key ({columns})=({values}) already exists
-- - Schlüssel »({columns})=({values})« existiert bereits
-- - un valore chiave duplicato viola il vincolo univoco "{constraint}"
-- - повторяющееся значение ключа нарушает ограничение уникальности "{constraint}"
-- - повторювані значення ключа порушують обмеження унікальності "{constraint}"
-- - duplicerat nyckelvärde bryter mot unik-villkor "{constraint}"
-- - 重複したキー値は一意性制約"{constraint}"違反となります
-- - 중복된 키 값이 "{constraint}" 고유 제약 조건을 위반함
-- - 重复键违反唯一约束"{constraint}"
-- - creazione dell'indice univoco "{constraint}" fallita
-- - создать уникальный индекс "{constraint}" не удалось
-- - не вдалося створити унікальний індекс "{constraint}"
-- - kunde inte skapa unikt index "{constraint}"
-- - 一意インデックス"{constraint}"を作成できませんでした
-- - "{constraint}" 고유 인덱스를 만들 수 없음
-- - 无法创建唯一索引"{constraint}"
-- Causes:
-- - A row with this key is there already; the DETAIL line says which.
-- - Two clients inserted it at the same time.
-- - A sequence is behind the ids of its table, as after a restore or an import with ids.
-- Solutions:
-- - Find the row by the values of the DETAIL line, and update it in place of inserting another.
-- - Upsert: insert ... on conflict (...) do update set ...; what stands in the parentheses has to be what the key is
--   on. Since 020 e-mail addresses are unique as lower(email): on conflict (lower(email)).
-- - When a sequence is behind: select setval(pg_get_serial_sequence('TABLE', 'id'), (select max(id) from TABLE));

-- Check: Which unique keys does it mean?
-- Some: These columns have to be unique together.
-- None: There is no such key in this database: it is another one than the error came from.
select n.nspname || '.' || t.relname as "table", pg_catalog.pg_get_indexdef(i.indexrelid) as key
from pg_catalog.pg_index i
join pg_catalog.pg_class c on c.oid = i.indexrelid
join pg_catalog.pg_class t on t.oid = i.indrelid
join pg_catalog.pg_namespace n on n.oid = t.relnamespace
where c.relname = :'constraint'
order by 1 limit 20;

-- Check: Who has the key?
-- Some: This row has it: update it, or choose another key.
-- None: No row that this role sees has it: it is gone again, or row-level security hides it.
select x."table", x.id, x.tenant
from pg_catalog.pg_index i
join pg_catalog.pg_class c on c.oid = i.indexrelid
cross join lateral (
  select string_agg('(' || pg_catalog.pg_get_indexdef(i.indexrelid, k, true) || ')::text', ', ' order by k) as columns
  from generate_series(1, i.indnkeyatts) k
) key
cross join lateral pg_catalog.query_to_xml(
  format(
    'select tableoid::regclass::text as "table", to_jsonb(t) ->> ''id'' as id, to_jsonb(t) ->> ''tenant_id'' as tenant'
      ' from %s t where concat_ws('', '', %s) = %L limit 5',
    i.indrelid::regclass, key.columns, :'values'
  ),
  false, false, ''
) found (rows)
cross join lateral xmltable('/table/row' passing found.rows columns "table" text, id text, tenant text) x
where c.relname = :'constraint' limit 20;
