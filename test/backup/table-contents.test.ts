import { Readable } from 'node:stream';
import { describe, expect, test } from 'vitest';
import { CopyScript } from '../../src/backup/copy-script.ts';
import { columnsOf, copyColumns } from '../../src/backup/side-table.ts';
import { batchesOf } from '../../src/backup/statement-batches.ts';
import { swapNames, swapSql } from '../../src/backup/swap-plan.ts';
import { contentsOfTable } from '../../src/backup/table-contents.ts';

/** As pg_restore 15 prints it (`--list --verbose`), with other tables around. */
const LIST = `;
; Selected TOC Entries:
;
218; 1259 16398 TABLE public invoice app owner
3312; 0 0 COMMENT public TABLE invoice app owner
;	depends on: 218
3314; 0 0 ACL public TABLE invoice app owner
;	depends on: 218
216; 1259 16396 SEQUENCE public invoice_id_seq app owner
;	depends on: 218
230; 1259 16400 SEQUENCE public shared app owner
215; 1259 16387 TABLE public tenant app owner
221; 1259 16439 TABLE public invoice app owner
220; 1259 16433 VIEW public v app owner
;	depends on: 218 218
3133; 2604 16401 DEFAULT public invoice n app owner
;	depends on: 218 230 218
3302; 0 16398 TABLE DATA public invoice app owner
;	depends on: 218
3318; 0 0 SEQUENCE SET public invoice_id_seq app owner
;	depends on: 216
3319; 0 0 SEQUENCE SET public shared app owner
;	depends on: 230
3142; 2606 16408 CONSTRAINT public invoice invoice_pkey app owner
;	depends on: 218
3143; 1259 16429 INDEX public invoice_t app owner
;	depends on: 218
3149; 2606 16424 FK CONSTRAINT public child child_invoice_id_fkey app owner
;	depends on: 219 3142 218
3295; 0 16398 ROW SECURITY public invoice app owner
;	depends on: 218
3296; 3256 16430 POLICY public invoice it's own app owner
;	depends on: 218
3299; 3256 16431 POLICY public tenant by invoice app owner
;	depends on: 218 215
`;

const INVOICE = { schema: 'public', name: 'invoice' };
const idsOf = (part: string) => part.split('\n').flatMap((line) => (line === '' ? [] : [line.split(';')[0]]));

describe('the contents of a table', () => {
  // Two tables that the list does not tell apart are one too many.
  const list = LIST.replace('221; 1259 16439 TABLE public invoice app owner\n', '');

  test('are all that belongs to it, and not what is of others', () => {
    const contents = contentsOfTable(list, INVOICE, ['app owner'], new Set())!;
    expect(idsOf(contents.structure)).toEqual(['218', '3312', '216', '230', '3133']);
    expect(idsOf(contents.rows)).toEqual(['3302']);
    expect(idsOf(contents.rest)).toEqual(['3314', '3318', '3319', '3142', '3143', '3295', '3296']);
    expect(contents.left).toEqual([
      'VIEW public v app owner',
      'FK CONSTRAINT public child child_invoice_id_fkey app owner',
      'POLICY public tenant by invoice app owner',
    ]);
  });

  test('leave a sequence that is there as it is', () => {
    const contents = contentsOfTable(list, INVOICE, ['app owner'], new Set(['public shared']))!;
    expect(idsOf(contents.structure)).toEqual(['218', '3312', '216', '3133']);
    expect(idsOf(contents.rest)).not.toContain('3319');
  });

  test('are not guessed', () => {
    expect(contentsOfTable(LIST, INVOICE, ['app owner'], new Set())).toBeUndefined();
    expect(contentsOfTable(list, INVOICE, ['owner'], new Set())).toBeUndefined();
    expect(contentsOfTable(list, { schema: 'public', name: 'child' }, ['app owner'], new Set())).toBeUndefined();
  });
});

test('columns are read from the line that begins the rows', () => {
  expect(copyColumns('COPY public.a (id, "a "" b", "c, d", "e) FROM stdin;") FROM stdin;')).toEqual([
    'id',
    'a " b',
    'c, d',
    'e) FROM stdin;',
  ]);
  expect(copyColumns('COPY "odd ""s"."t (x" (ü) FROM stdin;')).toEqual(['ü']);
  expect(copyColumns('-- COPY public.a (id) FROM stdin;')).toBeUndefined();
});

test('types are read from the catalog, whatever their names hold', () => {
  const entry = (name: string, definition: string) => ({
    kind: 'column',
    name: `s.t.${name}`,
    schema: 's',
    definition,
  });
  const catalog = [
    entry('a', 'character varying(20) not null; default none; identity ; number 1'),
    entry('"b c"', '"odd s"."a null; default" null, inherited; default none; number 2'),
  ];
  const quoted = (name: string) => (name.includes(' ') ? `"${name}"` : name);
  expect(columnsOf(catalog, 's.t', ['a', 'b c', 'gone'], quoted)).toEqual([
    { name: 'a', type: 'character varying(20)' },
    { name: 'b c', type: '"odd s"."a null; default"' },
    undefined,
  ]);
});

describe('rows are taken out of a script, wherever its pieces are cut', () => {
  const ROWS = '1\ta\\\\.\n2\t\\\\.b\n3\t\\N\n';
  test.each([
    ['rows', ROWS],
    ['none', ''],
  ])('%s', async (_name, rows) => {
    const script = Buffer.from(`SET x = 1;\n\nCOPY public.a (id, t) FROM stdin;\n${rows}\\.\n\n\n-- done\n`);
    for (let size = 1; size <= script.length; size += 1) {
      const reader = new CopyScript(pieces(script, size));
      expect(await reader.columns()).toEqual(['id', 't']);
      const read: Buffer[] = [];
      for await (const chunk of reader.rows()) read.push(Buffer.from(chunk));
      expect(Buffer.concat(read).toString()).toBe(rows);
    }
  });

  test('a script that is cut off is no whole one', async () => {
    const reader = new CopyScript(pieces(Buffer.from('COPY public.a (id) FROM stdin;\n1\n2\n'), 5));
    await reader.columns();
    await expect(async () => {
      for await (const _chunk of reader.rows());
    }).rejects.toThrow('the rows have no end');
  });
});

async function* pieces(bytes: Buffer, size: number): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

test('names of a swap fit, without half a character', () => {
  const { beside, kept } = swapNames('ü'.repeat(31), Date.parse('2026-11-27T13:00:00.123Z'));
  expect(kept).toBe(`${'ü'.repeat(19)}_before_20261127T130000Z`);
  expect(beside).toBe(`${'ü'.repeat(27)}_restored`);
});

test('settings of a database are taken over as they were', () => {
  const names = { current: 'a"b', beside: 'c', kept: 'k' };
  const settings = [
    { role: null, text: 'search_path="$user", "My ""schema""", public' },
    { role: "it's", text: "app.secret=x';\\drop" },
    { role: null, text: 'search_path=' },
  ];
  const sql = swapSql(names, { owner: 'o', grants: [], settings, connectionLimit: -1 }, 'n');
  expect(sql.filter((statement) => statement.includes(' set '))).toEqual([
    'alter database "a""b" set "search_path" to "$user", "My ""schema""", "public"',
    `alter role "it's" in database "a""b" set "app"."secret" to  E'x'';\\\\drop'`,
    `alter database "a""b" set "search_path" to ''`,
  ]);
});

test('a script is cut into pieces of whole statements, which together are the script', async () => {
  const part = (n: number) => `SELECT pg_catalog.lowrite(0, '\\x${'ab'.repeat(n)}');\n`;
  const script = [
    'SET a = 1;\n',
    ...[10, 400, 3, 700, 20].flatMap((n, i) => [
      `SELECT pg_catalog.lo_open('${i}', 131072);\n`,
      part(n),
      part(n),
      'SELECT pg_catalog.lo_close(0);\n\n',
    ]),
    `SELECT pg_catalog.setval('public."ü;\n"', 3, true);\n`,
  ].join('');
  const bytes = Buffer.from(script);
  for (const size of [1, 7, 100, 5000]) {
    const chunks = Array.from({ length: Math.ceil(bytes.length / size) }, (_, i) =>
      bytes.subarray(i * size, (i + 1) * size),
    );
    const pieces: string[] = [];
    for await (const piece of batchesOf(Readable.from(chunks), 500)) pieces.push(piece);
    expect(pieces.join('')).toBe(script);
    expect(pieces.length).toBeGreaterThan(1);
    for (const piece of pieces) expect(piece.endsWith(';\n') || piece.endsWith(';\n\n')).toBe(true);
  }
});
