import { counted, quantity } from '../report/quantity.ts';
import type { CommandResult, Finding } from '../report/report.ts';
import { describeLocation, type RemoteLocation, type StoredCopy, sizeOfCopy } from './stored-copy.ts';

/** `data.copies`, one of them. */
function copyData(copy: StoredCopy, location: RemoteLocation): Readonly<Record<string, unknown>> {
  const { id, class: backupClass, createdAt, encrypted } = copy;
  const url = `${describeLocation(location)}/${id}`;
  return { id, class: backupClass, createdAt, encrypted, sizeBytes: sizeOfCopy(copy), url };
}

/** The result of storing backups. */
export function pushedResult(copies: readonly StoredCopy[], location: RemoteLocation): CommandResult {
  const bytes = copies.reduce((sum, copy) => sum + sizeOfCopy(copy), 0);
  return {
    text: `stored ${counted(copies.length, 'backup')}, ${quantity(bytes, 'bytes')}, in ${describeLocation(location)}; every object was read back`,
    data: { copies: copies.map((copy) => copyData(copy, location)) },
  };
}

/** What lies in external storage; an upload that was cut off is no copy, and worth a warning. */
export function copiesResult(
  copies: readonly StoredCopy[],
  unfinished: readonly string[],
  location: RemoteLocation,
): CommandResult {
  const place = describeLocation(location);
  return {
    text: `${copies.length === 0 ? 'no copy' : counted(copies.length, 'copy', 'copies')} in ${place}`,
    tables: [
      {
        columns: ['backup', 'class', 'size', 'encrypted'],
        alignRight: [2],
        rows: copies.map((copy) => [
          copy.id,
          copy.class,
          quantity(sizeOfCopy(copy), 'bytes'),
          copy.encrypted ? 'yes' : 'no',
        ]),
      },
    ],
    data: { copies: copies.map((copy) => copyData(copy, location)) },
    findings: unfinished.map(
      (id): Finding => ({
        check: 'upload-unfinished',
        severity: 'warning',
        object: `${place}/${id}`,
        message: 'is an upload that was never finished',
        remediation: `Push it again (aisha-db backup push ${id}), or remove the objects.`,
      }),
    ),
  };
}
