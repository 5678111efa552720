import type { EventEmitter } from 'node:events';
import type { Client } from 'pg';

/** Settings that the server reports by itself, whenever they change (PostgreSQL docs 55.2.7, ParameterStatus). */
export interface Reported {
  /** Whether the server reads text as this program writes it: in UTF-8, with backslashes in '...' that are just that. */
  isAsWritten(): boolean;
}

const KNOWN = new WeakMap<Client, Map<string, string>>();

/** Notes what the server reports; called before the log-in, which reports first. */
export function noteReported(client: Client): void {
  const settings = new Map<string, string>();
  KNOWN.set(client, settings);
  const { connection } = client as unknown as { readonly connection: EventEmitter };
  connection.on('parameterStatus', ({ parameterName, parameterValue }: ParameterStatus) =>
    settings.set(parameterName, parameterValue),
  );
}

/** What the server has reported to this client; a pooler that reports nothing leaves everything as it should be. */
export function reportedBy(client: Client): Reported {
  const settings = KNOWN.get(client);
  return {
    isAsWritten: () =>
      (settings?.get('client_encoding') ?? 'UTF8') === 'UTF8' && settings?.get('standard_conforming_strings') !== 'off',
  };
}

interface ParameterStatus {
  readonly parameterName: string;
  readonly parameterValue: string;
}
