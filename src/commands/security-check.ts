import { categoryCommand } from '../cli/diagnosis.ts';
import { runHooks } from '../cli/migration.ts';
import { openSession } from '../migrations/open.ts';
import type { CommandResult } from '../report/report.ts';
import { auditCheck } from '../tenancy/audit/audit.ts';
import { proveAudit } from '../tenancy/audit/prove-audit.ts';
import type { Command, Context } from './command.ts';

const category = categoryCommand(
  'security',
  'check roles, privileges, passwords, functions, logging and secrets',
  'The checklist of the manual (12.4) as far as a database and a folder of SQL files show it; aisha-db rls-check judges its first part, row-level security. Secrets are named by place and kind, never shown.\n\nAudit triggers are judged by their state. --prove fires them, by a row that is made, changed and removed in a transaction that is rolled back.',
  'security-check',
);

export const command: Command = {
  ...category,
  examples: [...category.examples, 'aisha-db security-check --prove --env staging'],
  configure(command) {
    category.configure(command);
    command.option('--dir <folder>', 'folder of SQL files');
    command.option(
      '--prove',
      'fire the audit triggers, by rows in transactions that are rolled back, and look for what they wrote',
    );
  },
  async run(context, args, options) {
    const result = await category.run(context, args, options);
    return options['prove'] === true ? withProof(result, context) : result;
  },
};

async function withProof(result: CommandResult, context: Context): Promise<CommandResult> {
  const target = await context.target();
  // The checks have named the server already.
  const hooks = { ...runHooks(context, target), connected: () => {} };
  const session = await openSession(target, 'aisha-db security-check', {}, hooks);
  try {
    const { tables, proofs } = await proveAudit(session, context.config.tenancy, (done, total) =>
      context.talk.progress({
        what: 'firing audit triggers',
        share: done / total,
        details: [`${done} of ${total} tables`],
      }),
    );
    const { check, findings } = auditCheck(proofs, tables);
    return {
      ...result,
      checks: [...(result.checks ?? []), check],
      findings: [...(result.findings ?? []), ...findings],
      data: { ...(result.data as object), audit: proofs },
      tables: [
        ...(result.tables ?? []),
        {
          title: 'Audit triggers, fired',
          columns: ['table', 'event', 'verdict', 'written to'],
          rows: proofs.map(({ object, event, verdict, writtenTo }) => [object, event, verdict, writtenTo ?? '-']),
        },
      ],
    };
  } finally {
    await session.close();
  }
}
