/** A finding that is known and meant: it is listed with its reason and does not count. */
export interface TenancyException {
  /** File name of the finding: `policy-always-true`. */
  readonly check: string;
  /** What it is about, as the report prints it: `public.countries`. */
  readonly object: string;
  /** Only for this policy of the object. */
  readonly policy?: string | undefined;
  readonly reason: string;
}

/** What a database cannot tell about itself; `undefined` is found out from the catalog. */
export interface TenancySettings {
  /** Schemas to look at; `undefined`: public and every schema that API roles reach. */
  readonly schemas: readonly string[] | undefined;
  /** Schemas that the API serves; `undefined`: what pgrst.db_schemas says. */
  readonly apiSchemas: readonly string[] | undefined;
  /** Roles a request of the API runs as. */
  readonly apiRoles: readonly string[];
  /** Further roles of the application that RLS has to bind. */
  readonly roles: readonly string[];
  /** Roles that are meant to see every tenant. */
  readonly bypassRoles: readonly string[];
  /** Names of the column that says whose a row is; a table has the first of them that it has. */
  readonly columns: readonly string[];
  /** Settings that the application sets to the tenant; those that policies read are found in them. */
  readonly settings: readonly string[];
  /** Claims of a token in which `{tenant}` stands for the tenant; `undefined`: the column's name, and app_metadata. */
  readonly claims: Readonly<Record<string, unknown>> | undefined;
  /** Two tenants to prove with; `undefined`: the first two of the table that the tenant columns refer to. */
  readonly tenants: readonly [string, string] | undefined;
  readonly exceptions: readonly TenancyException[];
}

export const DEFAULT_TENANCY: TenancySettings = {
  schemas: undefined,
  apiSchemas: undefined,
  apiRoles: ['anon', 'authenticated'],
  roles: [],
  bypassRoles: ['service_role'],
  columns: ['tenant_id'],
  settings: ['app.current_tenant_id'],
  claims: undefined,
  tenants: undefined,
  exceptions: [],
};
