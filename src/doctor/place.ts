import type { Target } from '../postgres/target.ts';

/** What an address tells about the database by itself. */
export interface Place {
  readonly kind: 'local' | 'Supabase' | 'remote';
  /** Reference of the Supabase project. */
  readonly project?: string;
  /** What the address leads to; only a look at the sessions proves it. */
  readonly via: 'direct' | 'session pooler' | 'transaction pooler';
}

/** Reads host, port and user; Supabase's are db.PROJECT.supabase.co, and a pooler with the user postgres.PROJECT. */
export function placeOf({
  host,
  port,
  user,
  isPoolerUrl,
}: Pick<Target, 'host' | 'port' | 'user' | 'isPoolerUrl'>): Place {
  const direct = /^db\.(\w+)\.supabase\.(?:co|com|red)$/i.exec(host)?.[1];
  const isPooler = /\.pooler\.supabase\.(?:co|com)$/i.test(host);
  const project = direct ?? (isPooler ? user.split('.')[1] : undefined);
  const via = isPoolerUrl || port === 6543 ? 'transaction pooler' : isPooler ? 'session pooler' : 'direct';
  const kind = direct !== undefined || isPooler ? 'Supabase' : isLocal(host) ? 'local' : 'remote';
  return { kind, via, ...(project === undefined ? {} : { project }) };
}

function isLocal(host: string): boolean {
  return host.startsWith('/') || host === 'localhost' || host === '::1' || host.startsWith('127.');
}

/** One phrase: the manual's most common mistake is to look at another database than one thinks (11.1). */
export function describePlace(target: Target): string {
  const { kind, project } = placeOf(target);
  const name = {
    local: 'a LOCAL server of this machine',
    Supabase: `Supabase project ${project ?? '(unknown)'}`,
    remote: 'a remote server',
  }[kind];
  const { environment } = target;
  const stage =
    environment === undefined
      ? 'no environment of the configuration'
      : `environment ${environment.name}${environment.protected ? ', protected' : ''}`;
  return `${name}: ${target.describe()}; ${stage}; from ${target.source}`;
}
