import { Draw, idOf, type Key } from './draw.ts';
import { HOSTILE_ROUND, hostileName } from './hostile.ts';
import type { Name, Pools } from './pools.ts';

/** A day in milliseconds. */
export const DAY = 86_400_000;

/** The day on which all data end: a clock would make every run another one. */
export const TODAY = Date.UTC(2026, 0, 1);

/** The oldest tenant is that old. */
const LONGEST_AGO = 3 * 365 * DAY;

/** Whose rows are made. */
export interface Tenant {
  /** 0, 1, 2 …; -1 stands for the rows of no tenant. */
  readonly index: number;
  /** `null` for rows of no tenant. */
  readonly id: string | null;
  /** How many rows of each table it has. */
  readonly rows: Readonly<Record<string, number>>;
  /** What decides about the rows of each table. */
  readonly keys: Readonly<Record<string, Key>>;
}

/** A person: the same for everybody who asks for the same row. */
export interface Person {
  readonly first: string;
  readonly last: string;
  /** For the part of an address before the @. */
  readonly mailbox: string;
}

/** One row in the making: whose it is, its number among the rows of that table and tenant, and what chance says. */
export class Place extends Draw {
  readonly tenant: Tenant;
  readonly n: number;
  readonly pools: Pools;

  constructor(pools: Pools, tenant: Tenant, table: string, n: number) {
    super(tenant.keys[table]!, n);
    this.tenant = tenant;
    this.n = n;
    this.pools = pools;
  }

  /** The id of row `n` of a table of the same tenant. */
  idOf(table: string, n: number): string {
    return idOf(this.tenant.keys[table]!, n);
  }

  /** The id of any row of a table of the same tenant. */
  anyOf(table: string): string {
    return this.idOf(table, this.int(0, this.tenant.rows[table]! - 1));
  }

  /** Another row's place: its draws begin anew. */
  at(table: string, n: number): Place {
    return new Place(this.pools, this.tenant, table, n);
  }

  /** The first thing that is asked of a row that is a person. */
  person(): Person {
    const { first, last } = this.pick(this.pools.names);
    const [given, family] = [this.pick(first), this.pick(last)];
    const hostile = hostileName(this.tenant.index, this.n);
    return {
      first: given.text,
      last: hostile ?? family.text,
      mailbox: `${mailboxOf(given, hostile === undefined ? family : undefined)}${this.n === 0 ? '' : this.n}`,
    };
  }

  /** The name of account `n`: no tenant has one twice, also without regard to case. */
  company(n: number): string {
    const hostile = hostileName(this.tenant.index, n);
    const name = hostile ?? this.pools.companies[this.#company(n)]!;
    const round = Math.floor(n / (hostile === undefined ? this.pools.companies.length : HOSTILE_ROUND));
    return round === 0 ? name : `${name} ${round + 1}`;
  }

  /** The domain of account `n`, below a top-level domain that nobody can register (RFC 2606). */
  domain(n: number): string {
    return hostileName(this.tenant.index, n) === undefined
      ? `${this.pools.domains[this.#company(n)]}.example`
      : `account-${n}.example`;
  }

  /** What stands for the tenant in addresses, and the domain of its own people. */
  get slug(): string {
    const words = this.company(0)
      .normalize('NFKD')
      .toLowerCase()
      .split(/[^a-z0-9]+/);
    return [...words, this.idOf('tenant', 0).slice(0, 6)].filter(Boolean).join('-');
  }

  /** The address of employee `n`: nobody else has it. */
  employeeEmail(n: number): string {
    return `${this.at('employee', n).person().mailbox}@${this.slug}.example`;
  }

  #company(n: number): number {
    return (n + 7 * Math.max(0, this.tenant.index)) % this.pools.companies.length;
  }

  /** When the row was made and changed. `since`: milliseconds, default: any time in the tenant's life. */
  stamps(since: number = this.#tenantSince()): { created_at: Date; updated_at: Date } {
    const createdAt = this.between(since, TODAY);
    return { created_at: new Date(createdAt), updated_at: new Date(this.between(createdAt, TODAY)) };
  }

  /** Once in a while a row has been deleted, as far as the application is concerned. */
  deletedAt(updatedAt: Date): Date | null {
    return this.chance(3) ? updatedAt : null;
  }

  #tenantSince(): number {
    return TODAY - LONGEST_AGO + Math.max(0, this.tenant.index % 24) * 30 * DAY;
  }
}

function mailboxOf(first: Name, last: Name | undefined): string {
  return [first.ascii, last?.ascii].filter(Boolean).join('.') || 'mail';
}
